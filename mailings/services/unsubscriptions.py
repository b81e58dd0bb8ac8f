"""The right to be left alone: signed links, and the list of suppressed addresses."""

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
    """The address of this mail's unsubscribe page: signed, good for as long as the mail is known, and without the
    address in it.
    """
    return settings.BASE_URL + reverse("mail:unsubscribe", args=[_signer.sign(str(mail_id))])


def get_mail_by_token(*, token: str) -> Mail:
    """The mail that an unsubscribe link stands in. Raises UnsubscribeLinkInvalid."""
    try:
        mail_id = int(_signer.unsign(token))
    except (BadSignature, ValueError) as error:
        raise UnsubscribeLinkInvalid from error
    mail = Mail.objects.select_related("mailing").filter(pk=mail_id).first()
    if mail is None:
        raise UnsubscribeLinkInvalid
    return mail


def unsubscribe(*, token: str, everyone: bool = False) -> Mail:
    """Leave the mail's recipient alone from now on, by its sender or by everyone. Answers the same when repeated.
    Raises UnsubscribeLinkInvalid.
    """
    mail = get_mail_by_token(token=token)
    suppress(
        wishes=[(mail.address, "" if everyone else mail.mailing.sender, Reason.UNSUBSCRIBE, f"link of mail {mail.pk}")]
    )
    return mail


def suppress(*, wishes: Sequence[tuple[str, str, Reason, str]]) -> int:
    """Leave addresses alone: each ``(address, sender or "" for all, reason, note)``; how many are new."""
    if not wishes:
        return 0
    addresses, senders, reasons, notes = (list(column) for column in zip(*wishes, strict=True))
    params = {
        "addresses": addresses,
        "senders": senders,
        "reasons": [str(reason) for reason in reasons],
        "notes": notes,
    }
    return db.execute("mailings/sql/suppress.sql", params)
