"""Mails about promotions: a shopper's own code."""

import uuid
import zoneinfo
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from mailings.contracts import Content, MailType
from mailings.emails import build_content
from promotions.models import LIVE, Promotion
from promotions.selectors.assignments import filter_consenting_customers

CODE = "promotions.emails.code_mail"


def build_code(*, key: str, data: Mapping[str, Any], at: datetime) -> Content | None:
    """The mail that brings each recipient their own code of ``data["promotion"]``; None once it opens nothing more."""
    promotion = Promotion.objects.select_related("brand").filter(pk=uuid.UUID(data["promotion"])).first()
    if promotion is None or promotion.status not in LIVE or promotion.end_date <= at or not promotion.brand.is_active:
        return None
    brand = promotion.brand
    context = {
        "title": promotion.name, "description": promotion.description, "timezone": brand.timezone,
        "since": _day(promotion.start_date, brand.timezone) if promotion.start_date > at else "",
        "until": _day(promotion.end_date, brand.timezone),
    }  # fmt: skip
    return build_content(
        template="promotions/code", subject=f"{brand.name}: your code for {promotion.name}", context=context,
        sender_name=brand.name, color=brand.color, marketing=True,
    )  # fmt: skip


def _day(instant: datetime, timezone: str) -> str:
    return f"{instant.astimezone(zoneinfo.ZoneInfo(timezone)):%-d %B %Y, %H:%M}"


code_mail = MailType(build_code, filter_recipients=filter_consenting_customers)
