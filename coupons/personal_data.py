"""Personal data of coupons: who redeemed them."""

from core.privacy import ErasedPeople, Merge, PersonalTable, keep_key, members
from coupons.models import CouponRedemption
from redemptions.personal_data import offer_columns
from redemptions.uses import services as uses


def _erase_identities(people: ErasedPeople) -> None:
    """Erase the identities of redemptions without an order; those of orders are erased with them."""
    alone = CouponRedemption.objects.filter(customer__in=people.replaced, redemption_id=None)
    if people.brand is not None:
        alone = alone.filter(coupon__brand=people.brand)
    rows = list(alone.values_list("pk", "coupon"))
    offers = {coupon for _pk, coupon in rows}
    if rows:
        uses.erase_identities(redemptions=[pk for pk, _coupon in rows], offers=offers)


TABLES = (
    PersonalTable(
        model="coupons.CouponRedemption",
        erase=_erase_identities,
        columns=(keep_key(),),
        customer="customer",
        brand="coupon__brand",
        export="coupon_redemptions",
        members=members(
            "id",
            "code",
            "status",
            "reserved_until",
            "redeemed_at",
            "ended_at",
            "amount",
            "returned_amount",
            "currency",
            brand="coupon__brand__slug",
            coupon="coupon_id",
            redemption="redemption_id",
        ),
    ),
    PersonalTable(
        model="coupons.CouponRedemptionEvent",
        columns=(keep_key(merge=Merge.UNCHANGED),),
        customer="customer",
        brand="coupon__brand",
    ),
    PersonalTable(model="coupons.CouponDefinition", columns=(keep_key("created_by", Merge.NONE),)),
    PersonalTable(model="coupons.CouponDefinitionEvent", columns=(keep_key("created_by", Merge.NONE),)),
)
IMPERSONAL = offer_columns("coupons.CouponDefinition", "offer")
