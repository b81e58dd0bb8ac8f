"""Mails about discount codes: the announcement to shoppers, the digest of uses to the brand."""

import uuid
import zoneinfo
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from accounts.models import Brand
from core import money
from discounts import selectors
from discounts.models import DiscountCode
from mailings.contracts import Content, MailType
from mailings.emails import content

ANNOUNCEMENT = "discounts.emails.announcement"
USAGE_DIGEST = "discounts.emails.usage_digest"


def build_announcement(*, key: str, data: Mapping[str, Any], at: datetime) -> Content | None:
    """The announcement of ``data["code"]``; None once the code can no longer be used."""
    code = selectors.codes().filter(code=data["code"]).first()
    if code is None or not (code.is_active and code.brand.is_active and code.validity > at):
        return None
    brand, percent = code.brand, code.rule.discount
    context = {
        "code": code.code_id, "percent": percent, "terms": terms(code),
        "until": _day(code.validity, brand), "timezone": brand.timezone,
    }  # fmt: skip
    return content(
        template="discounts/announcement", subject=f"{percent}% off at {brand.name}: {code.code_id}", context=context,
        sender_name=brand.name, color=brand.color, marketing=True,
    )  # fmt: skip


def build_usage_digest(*, key: str, data: Mapping[str, Any], at: datetime) -> Content | None:
    """The digest of uses that ``data`` holds; None when the brand is gone."""
    brand = Brand.objects.filter(pk=uuid.UUID(data["brand"])).first()
    if brand is None:
        return None
    total = data["total"]
    context = {
        "lines": [_line(line, brand) for line in data["lines"]], "total": total, "more": data["more"],
        "timezone": brand.timezone,
    }  # fmt: skip
    subject = f"{total} use{'' if total == 1 else 's'} of your discount codes"
    return content(
        template="discounts/usage_digest", subject=subject, context=context, sender_name=brand.name, color=brand.color
    )


def terms(code: DiscountCode) -> list[str]:
    """What a shopper should know before they rely on the code, a sentence each."""
    brand, rule = code.brand, code.rule
    told = [f"Takes {rule.discount}% off at {brand.name}.", "Each shopper can use it once."]
    conditions = rule.terms.get("conditions", [])
    minima = [it["value"] for it in conditions if it.get("kind") == "min_subtotal" and not it.get("select")]
    told += [f"From {value} {brand.currency} on." for value in minima]
    if len(minima) < len(conditions) or set(rule.terms) - {"conditions"}:
        told.append("Further conditions apply; the checkout shows what it takes off before you pay.")
    return told


def _line(line: Mapping[str, Any], brand: Brand) -> dict[str, Any]:
    return {
        "code": line["code"], "uses": line["uses"], "when": _span(line["first"], line["last"], brand),
        "amount": _money(line["amount"], line["currency"]), "discount": _money(line["discount"], line["currency"]),
    }  # fmt: skip


def _span(first: str, last: str, brand: Brand) -> str:
    """From the first to the last use, to the minute, in the brand's time zone."""
    begin, end = (_day(datetime.fromisoformat(instant), brand) for instant in (first, last))
    day, _, time = end.rpartition(", ")
    return begin if begin == end else f"{begin} to {time if begin.startswith(day) else end}"


def _money(minor: int | None, currency: str | None) -> str:
    return "\N{EN DASH}" if minor is None or currency is None else money.format_currency(minor, currency)


def _day(instant: datetime, brand: Brand) -> str:
    return f"{instant.astimezone(zoneinfo.ZoneInfo(brand.timezone)):%-d %B %Y, %H:%M}"


announcement = MailType(build_announcement, wanted=selectors.still_consenting)
usage_digest = MailType(build_usage_digest)
