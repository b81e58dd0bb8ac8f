"""Personal data of discount codes: who redeemed them, and which redemptions were returned."""

from core.privacy import Merge, PersonalTable, keep_key, members
from discounts.emails import ANNOUNCEMENT
from mailings.personal_data import customers_mails
from redemptions.personal_data import offer_columns

_REDEMPTION = members(
    "redeemed_at", "currency", "amount", "discount_amount", brand="code__brand__slug", code="code__code",
    redemption="redemption_id",
)  # fmt: skip

TABLES = (
    customers_mails(ANNOUNCEMENT, "announcement_emails"),
    PersonalTable(
        model="discounts.Usage",
        columns=(keep_key(),),
        customer="customer",
        brand="code__brand",
        within="code",
        export="discount_code_redemptions",
        members=_REDEMPTION | members("id", "reserved_until", "returned_amount"),
    ),
    PersonalTable(
        model="discounts.UsageReturn",
        columns=(keep_key(merge=Merge.UNCHANGED),),
        customer="customer",
        brand="code__brand",
        export="returned_discount_code_redemptions",
        members=_REDEMPTION | members("returned_at", id="usage_id"),
    ),
    PersonalTable(
        model="discounts.UsageReturnEvent",
        columns=(keep_key(merge=Merge.UNCHANGED),),
        customer="customer",
        brand="code__brand",
    ),
    PersonalTable(model="discounts.DiscountCode", columns=(keep_key("created_by", Merge.NONE),)),
    PersonalTable(model="discounts.DiscountCodeEvent", columns=(keep_key("created_by", Merge.NONE),)),
)
IMPERSONAL = {
    **{f"discounts.DiscountRule.{name}": "terms of an offer" for name in ("name", "offer", "terms")},
    **offer_columns("discounts.DiscountCode"),
}
