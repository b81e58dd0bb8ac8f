"""Emails about discount codes: announcements to shoppers and usage digests to brands."""

import uuid
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from accounts.models import Brand
from accounts.selectors import read_member_languages, read_subscribed_languages
from backoffice.base.formatting import format_amount, format_datetime, format_number, format_period
from core import money
from discounts import selectors
from discounts.models import DiscountCode
from mailings.contracts import Content, MailType
from mailings.emails import build_content

ANNOUNCEMENT = "discounts.emails.announcement"
USAGE_DIGEST = "discounts.emails.usage_digest"


def build_announcement(*, key: str, data: Mapping[str, Any], at: datetime) -> Content | None:
    """Build the announcement of the code of ``data["offer"]``. Return None if shoppers can no longer redeem it."""
    code = selectors.list_announced(at=at).filter(offer_id=data["offer"]).first()
    if code is None:
        return None
    brand, percent = code.brand, code.rule.discount
    subject = _("%(percent)s%% off at %(brand)s with code %(code)s")
    if percent is None:
        subject = _("A discount at %(brand)s with code %(code)s")
    return build_content(
        template="discounts/announcement",
        subject=subject % {"percent": percent, "brand": brand.name, "code": code.code},
        context={
            "code": code.code,
            "percent": percent,
            "terms": terms(code),
            "until": format_datetime(code.end_date, brand.timezone),
            "timezone": brand.timezone,
        },
        sender_name=brand.name,
        color=brand.color,
        marketing=True,
    )


def build_usage_digest(*, key: str, data: Mapping[str, Any], at: datetime) -> Content | None:
    """Build the usage digest that ``data`` holds. Return None if the brand was deleted."""
    brand = Brand.objects.filter(pk=uuid.UUID(data["brand"])).first()
    if brand is None:
        return None
    total = data["total"]
    subject = ngettext(
        "Your discount codes were used %(count)s time", "Your discount codes were used %(count)s times", total
    )
    return build_content(
        template="discounts/usage_digest",
        subject=subject % {"count": format_number(total)},
        context={
            "lines": [_to_line(line, brand) for line in data["lines"]],
            "total": total,
            "more": data["more"],
            "timezone": brand.timezone,
        },
        sender_name=brand.name,
        color=brand.color,
    )


def terms(code: DiscountCode) -> list[str]:
    """Return the terms of a code for shoppers, one sentence each."""
    brand, rule = code.brand, code.rule
    discount = _("%(percent)s%% off at %(brand)s.") % {"percent": rule.discount, "brand": brand.name}
    sentences = [discount if rule.offer is None else f"{rule.summary}.", _("One use per customer.")]
    if rule.offer is not None:
        return [*sentences, _("Your discount appears at checkout.")]
    conditions = rule.terms.get("conditions", [])
    minimums = [
        condition["value"]
        for condition in conditions
        if condition.get("kind") == "min_subtotal" and not condition.get("select")
    ]
    sentences += [
        _("Minimum purchase %(amount)s.") % {"amount": _format_decimal(value, brand.currency)} for value in minimums
    ]
    if len(minimums) < len(conditions) or set(rule.terms) - {"conditions"}:
        sentences.append(_("More conditions apply. Your discount appears at checkout."))
    return sentences


def _format_decimal(value: str, currency: str) -> str:
    try:
        return format_amount(money.parse(value, currency), currency)
    except ValueError:
        return f"{value} {currency}"


def _to_line(line: Mapping[str, Any], brand: Brand) -> dict[str, Any]:
    return {
        "code": line["code"],
        "redemptions": line["uses"],
        "period": _format_span(line["first"], line["last"], brand.timezone),
        "subtotal": format_amount(line["amount"], line["currency"]),
        "discount": format_amount(line["discount"], line["currency"]),
    }


def _format_span(first: str, last: str, zone: str) -> str:
    start, end = datetime.fromisoformat(first), datetime.fromisoformat(last)
    if format_datetime(start, zone) == format_datetime(end, zone):
        return format_datetime(end, zone)
    return format_period(start, end, zone)


announcement = MailType(
    build_announcement,
    read_languages=read_subscribed_languages,
    label=gettext_lazy("Code announcement"),
)
usage_digest = MailType(build_usage_digest, read_languages=read_member_languages, label=gettext_lazy("Usage digest"))
