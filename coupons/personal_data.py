"""Personal data of coupons: who redeemed them."""

from core.privacy import Merge, PersonalTable, keep_key, members
from redemptions.personal_data import offer_columns

TABLES = (
    PersonalTable(
        model="coupons.CouponRedemption",
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
