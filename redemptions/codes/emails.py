"""Emails about codes: the personal code of a customer."""

import uuid
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.models import Brand
from accounts.selectors import read_subscribed_languages
from backoffice.base.formatting import format_datetime
from core import renames
from mailings.contracts import ClaimedMail, Content, MailType
from mailings.emails import build_content
from redemptions.backends import get_code_backend
from redemptions.codes.selectors.assignments import get_owners

CODE = "redemptions.codes.emails.code_mail"


def build_code(*, key: str, data: Mapping[str, Any], at: datetime) -> Content | None:
    """Build the email with the recipient's code, which can end before its offer (``data["expires_at"]``).

    Return None if the offer ``data["offer"]`` is not live, or if the code has ended.
    """
    data = renames.current_code_mail_data(data)
    offer_id = uuid.UUID(data["offer"])
    offer = get_code_backend(data["kind"]).describe_code_offers(offers=[offer_id], at=at).get(offer_id)
    if offer is None or not offer.is_live:
        return None
    expires_at = datetime.fromisoformat(data["expires_at"]) if "expires_at" in data else offer.end_date
    if expires_at <= at:
        return None
    brand = Brand.objects.get(pk=offer.brand_id)
    is_later = offer.start_date is not None and offer.start_date > at
    context = {
        "title": offer.name, "description": offer.description, "timezone": brand.timezone,
        "since": format_datetime(offer.start_date, brand.timezone) if is_later else "",
        "until": format_datetime(min(expires_at, offer.end_date), brand.timezone),
    }  # fmt: skip
    subject = _("%(brand)s: your code for %(promotion)s") % {"brand": brand.name, "promotion": offer.name}
    return build_content(
        template="redemptions/code",
        subject=subject,
        context=context,
        sender_name=brand.name,
        color=brand.color,
        marketing=True,
    )


def read_code_languages(*, sender: str, mails: Sequence[ClaimedMail]) -> Mapping[int, str]:
    """Return the languages of the emails whose recipients are still subscribed and still have the code."""
    languages = read_subscribed_languages(sender=sender, mails=mails)
    owners = get_owners(brand_id=sender, codes=[mail.personal_text for mail in mails])
    return {
        mail.id: languages[mail.id]
        for mail in mails
        if mail.id in languages and owners.get(mail.personal_text) == mail.recipient
    }


code_mail = MailType(build_code, read_languages=read_code_languages, label=gettext_lazy("Personal codes"))
