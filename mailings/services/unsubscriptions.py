"""Unsubscription by signed links, and the suppression list."""

from collections.abc import Sequence

from django.conf import settings
from django.core.signing import BadSignature, Signer
from django.urls import reverse

from core import db
from mailings.contracts import Reason
from mailings.errors import UnsubscribeLinkInvalid
from mailings.models import Mail

_signer = Signer(salt="promoplatform.mail.unsubscribe")


def unsubscribe_url(*, mail_id: int) -> str:
    """Return the URL of an email's unsubscribe page, with a signed token that contains no address."""
    return settings.BASE_URL + reverse("mail:unsubscribe", args=[_signer.sign(str(mail_id))])


def get_mail_by_token(*, token: str) -> Mail:
    """Return the email that contains an unsubscribe link. Raises UnsubscribeLinkInvalid."""
    try:
        mail_id = int(_signer.unsign(token))
    except (BadSignature, ValueError) as error:
        raise UnsubscribeLinkInvalid from error
    mail = Mail.objects.select_related("mailing").filter(pk=mail_id).first()
    if mail is None:
        raise UnsubscribeLinkInvalid
    return mail


def unsubscribe(*, token: str, everyone: bool = False) -> Mail:
    """Unsubscribe the recipient of an email from its sender or from everyone. Raises UnsubscribeLinkInvalid.

    A repetition has the same result.
    """
    mail = get_mail_by_token(token=token)
    suppress_addresses(
        suppressions=[
            (mail.address, "" if everyone else mail.mailing.sender, Reason.UNSUBSCRIBE, f"link of mail {mail.pk}")
        ]
    )
    return mail


def suppress_addresses(*, suppressions: Sequence[tuple[str, str, Reason, str]]) -> int:
    """Suppress addresses, each ``(address, sender or "" for all, reason, note)``, and return the number of new ones."""
    if not suppressions:
        return 0
    addresses, senders, reasons, notes = (list(column) for column in zip(*suppressions, strict=True))
    params = {
        "addresses": addresses,
        "senders": senders,
        "reasons": [str(reason) for reason in reasons],
        "notes": notes,
    }
    return db.execute("mailings/sql/suppress.sql", params)
