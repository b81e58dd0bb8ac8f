"""Personal data of mailings: the recipients of emails, and addresses that get none."""

from core.privacy import Erasure, Merge, PersonalColumn, PersonalTable, keep_key, members

_SCRUBBED = Erasure.SCRUBBED


def customers_mails(mail_type: str, export: str) -> PersonalTable:
    """Return the emails of a type whose recipients are customers, by their keys."""
    return PersonalTable(
        model="mail.Mail",
        columns=(
            keep_key("recipient", Merge.UNCHANGED),
            PersonalColumn("address", _SCRUBBED),
            PersonalColumn("name", _SCRUBBED),
            PersonalColumn("personal_text", _SCRUBBED),
            PersonalColumn("message_id", _SCRUBBED),
            PersonalColumn("error", _SCRUBBED),
        ),
        customer="recipient",
        brand="mailing__sender",
        where={"mailing__mail_type": mail_type},
        export=export,
        private=frozenset({"address", "name", "error"}),  # of the customer's account, which brands don't know
        members=members(
            "address", "name", "personal_text", "status", "sent_at", "error", mailing="mailing__key",
            created_at="mailing__created_at",
        ),
    )  # fmt: skip


TABLES = (
    PersonalTable(
        model="mail.Suppression",
        columns=(PersonalColumn("address", Erasure.DELETED), PersonalColumn("note", Erasure.DELETED)),
    ),
)
IMPERSONAL = {
    "mail.Mailing.data": "what a mailing says to all of its recipients",
    "mail.Mailing.sender_name": "the name of a brand",
}
