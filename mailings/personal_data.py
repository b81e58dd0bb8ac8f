"""Personal data of mailings: the recipients of emails, and addresses that get none."""

from django.db.models.functions import Lower

from core.privacy import ErasedPeople, Erasure, Merge, PersonalColumn, PersonalTable, keep_key, list_words, members
from mailings.contracts import MailStatus
from mailings.models import Mail, Suppression

_SCRUBBED = Erasure.SCRUBBED
_UNSENT = (MailStatus.PLANNED, MailStatus.SENDING, MailStatus.UNKNOWN)


def customers_mails(mail_type: str, export: str) -> PersonalTable:
    """Return the emails of a type whose recipients are customers, by their keys. Those not sent yet are suppressed."""

    def suppress_mails(people: ErasedPeople) -> None:
        mails = Mail.objects.filter(
            recipient__in=[*people.customers, *people.replaced], mailing__mail_type=mail_type, status__in=_UNSENT
        )
        (mails if people.brand is None else mails.filter(mailing__sender=people.brand)).update(
            status=MailStatus.SUPPRESSED
        )

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
        erase=suppress_mails,
        emptied=dict.fromkeys(("address", "name", "personal_text", "message_id", "error"), ""),
        export=export,
        private=frozenset({"address", "name", "error"}),  # of the customer's account, which brands don't know
        members=members(
            "address", "name", "personal_text", "status", "sent_at", "error", mailing="mailing__key",
            created_at="mailing__created_at",
        ),
    )  # fmt: skip


def _erase_suppressions(people: ErasedPeople) -> None:
    """Delete what was noted of the customers' addresses: for a brand, what is of its emails."""
    addresses = [text for text in list_words(people.texts) if "@" in text]
    rows = Suppression.objects.alias(lower=Lower("address")).filter(lower__in=addresses)
    (rows if people.brand is None else rows.filter(sender=people.brand)).delete()


TABLES = (
    PersonalTable(
        model="mail.Suppression",
        erase=_erase_suppressions,
        columns=(PersonalColumn("address", Erasure.DELETED), PersonalColumn("note", Erasure.DELETED)),
    ),
)
IMPERSONAL = {
    "mail.Mailing.data": "what a mailing says to all of its recipients",
    "mail.Mailing.sender_name": "the name of a brand",
}
