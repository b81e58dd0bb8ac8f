"""Emails about codes: the personal code of a customer."""

import uuid
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.models import Brand
from backoffice.base.formatting import format_datetime
from core import renames
from mailings.contracts import Content, MailType
from mailings.emails import build_content
from redemptions.backends import get_code_backend
from redemptions.codes.selectors.assignments import filter_consenting_customers

CODE = "redemptions.codes.emails.code_mail"


def build_code(*, key: str, data: Mapping[str, Any], at: datetime) -> Content | None:
    """Build the email with the recipient's code. Return None if the offer ``data["offer"]`` is not live."""
    data = renames.current_code_mail_data(data)
    offer_id = uuid.UUID(data["offer"])
    offer = get_code_backend(data["kind"]).describe_code_offers(offers=[offer_id], at=at).get(offer_id)
    if offer is None or not offer.is_live:
        return None
    brand = Brand.objects.get(pk=offer.brand_id)
    is_later = offer.start_date is not None and offer.start_date > at
    context = {
        "title": offer.name, "description": offer.description, "timezone": brand.timezone,
        "since": format_datetime(offer.start_date, brand.timezone) if is_later else "",
        "until": format_datetime(offer.end_date, brand.timezone),
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


code_mail = MailType(build_code, filter_recipients=filter_consenting_customers, label=gettext_lazy("Personal codes"))
