"""Emails about promotions: the personal code of a customer."""

import uuid
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.utils.translation import gettext as _

from backoffice.base.formatting import format_datetime
from mailings.contracts import Content, MailType
from mailings.emails import build_content
from promotions.models import LIVE, Promotion
from promotions.selectors.assignments import filter_consenting_customers

CODE = "promotions.emails.code_mail"


def build_code(*, key: str, data: Mapping[str, Any], at: datetime) -> Content | None:
    """Build the email with the recipient's code. Return None if the promotion ``data["promotion"]`` is not live."""
    promotion = Promotion.objects.select_related("brand").filter(pk=uuid.UUID(data["promotion"])).first()
    if promotion is None or promotion.status not in LIVE or promotion.end_date <= at or not promotion.brand.is_active:
        return None
    brand = promotion.brand
    context = {
        "title": promotion.name, "description": promotion.description, "timezone": brand.timezone,
        "since": format_datetime(promotion.start_date, brand.timezone) if promotion.start_date > at else "",
        "until": format_datetime(promotion.end_date, brand.timezone),
    }  # fmt: skip
    subject = _("%(brand)s: your code for %(promotion)s") % {"brand": brand.name, "promotion": promotion.name}
    return build_content(
        template="promotions/code",
        subject=subject,
        context=context,
        sender_name=brand.name,
        color=brand.color,
        marketing=True,
    )


code_mail = MailType(build_code, filter_recipients=filter_consenting_customers)
