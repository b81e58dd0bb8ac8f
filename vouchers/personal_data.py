"""Personal data of vouchers: who signed in first, and who got a voucher."""

from core.privacy import Erasure, PersonalColumn, PersonalTable, keep_key, members
from mailings.personal_data import customers_mails
from redemptions.personal_data import offer_columns
from vouchers.emails import VOUCHER

TABLES = (
    customers_mails(VOUCHER, "voucher_emails"),
    PersonalTable(
        model="vouchers.FirstLogin",
        columns=(keep_key(), PersonalColumn("event", Erasure.SCRUBBED)),
        customer="customer",
        brand="campaign__brand",
        within="campaign",
        export="first_logins",
        private=frozenset({"event"}),  # of the identity provider
        emptied={"event": None},
        members=members("at", "event", brand="campaign__brand__slug", campaign="campaign__slug"),
    ),
    PersonalTable(
        model="vouchers.Voucher",
        columns=(keep_key(),),
        customer="customer",
        brand="campaign__brand",
        export="vouchers",
        members=members(
            "id",
            "rank",
            "status",
            "created_at",
            "expires_at",
            brand="campaign__brand__slug",
            campaign="campaign__slug",
            redemption="redemption_id",
        ),
    ),
)
IMPERSONAL = offer_columns("vouchers.Campaign", "name", "offer")
