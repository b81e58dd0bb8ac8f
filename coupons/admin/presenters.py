"""What the admin says of a coupon: its state, its numbers, how its limit is kept, and which strategy it advises."""

from collections.abc import Mapping
from datetime import datetime

from django.conf import settings

from backoffice.base.formatting import format_amount, format_datetime, format_period
from core import ids
from coupons import rules
from coupons.contracts import CouponUsage
from coupons.models import CouponDefinition, CouponRedemption, Status, Strategy

MAX_CODES_SHOWN = 2_000_000_000
Card = tuple[str, str, str]
COLORS = {
    Status.RESERVED: "info",
    Status.CONFIRMED: "success",
    Status.RELEASED: "warning",
    Status.EXPIRED: "warning",
    Status.REFUNDED: "danger",
}


def state(coupon: CouponDefinition, at: datetime) -> tuple[str, str]:
    """Its state in a word, and the color of that."""
    if not coupon.is_active:
        return "withdrawn", "danger"
    if coupon.end_date <= at:
        return "ended", "info"
    return ("scheduled", "primary") if at < coupon.start_date else ("running", "success")


def period(coupon: CouponDefinition) -> str:
    """From when to when, in the brand's time zone."""
    return format_period(coupon.start_date, coupon.end_date, coupon.brand.timezone)


def usage_summary(coupon: CouponDefinition, numbers: CouponUsage) -> str:
    """Used, reserved and left, for a list."""
    words = [f"{numbers.used:,} used"]
    if numbers.reserved:
        words.append(f"{numbers.reserved:,} reserved")
    words.append("no limit" if numbers.remaining is None else f"{numbers.remaining:,} left")
    return ", ".join(words)


def access_summary(coupon: CouponDefinition, *, batches: int) -> str:
    """What opens it."""
    if batches:
        single = f"by codes that are good once each, in {batches} batch{'es' if batches > 1 else ''}"
        return f"{single}, and by {coupon.code_id}" if coupon.code_id else single
    return f"to everyone; at checkout by code {coupon.code_id}" if coupon.code_id else "to everyone, without a code"


def metric_cards(coupon: CouponDefinition, numbers: CouponUsage) -> list[Card]:
    """The live numbers: what they are called, how many, and of what."""
    maximum = coupon.maximum_number_of_coupons
    share = f"of {maximum:,}, {100 * numbers.used / maximum:.1f} %" if maximum else "no limit in all"
    found = [
        ("Used", f"{numbers.used:,}", share),
        ("Reserved", f"{numbers.reserved:,}", "held for shoppers who have not paid yet"),
    ]
    if numbers.remaining is not None:
        found.append(("Left", f"{numbers.remaining:,}", "can be had now"))
    if numbers.prepared is not None and maximum and numbers.prepared < maximum:
        found.append(("Units made", f"{numbers.prepared:,}", f"of {maximum:,}, in the background"))
    return found


def redemption_details(redemption: CouponRedemption) -> list[tuple[str, str]]:
    """What a redemption took, and what it gave."""
    coupon = redemption.coupon
    within = "within an order" if redemption.redemption_id else "by itself, outside of any order"
    return [
        ("Customer", redemption.customer.customer_id),
        ("Code", redemption.code or "none: redeemed by the coupon's id"),
        ("Made", within),
        ("Taken off", format_amount(redemption.amount, redemption.currency)),
        ("Place", limit_unit_label(coupon.limit_strategy, redemption.unit)),
    ]


def limit_unit_label(strategy: str, unit: int | None) -> str:
    """Which part of the coupon's number in all a redemption took."""
    if unit is None:
        return "none to take: no number in all was set"
    if strategy == Strategy.POOL:
        return f"unit {unit:,} of the pool"
    return f"counter {unit + 1} of the sharded number" if strategy == Strategy.SHARDED else "one of the number in all"


def timeline(redemption: CouponRedemption) -> list[tuple[str, str]]:
    """What happened when, in the brand's time zone, as far as it has happened."""
    zone, status = redemption.coupon.brand.timezone, Status(redemption.status)
    life = [
        ("Asked for", ids.uuid7_datetime(redemption.pk)),
        ("Held until", redemption.reserved_until),
        ("Confirmed", redemption.redeemed_at),
        (status.label, redemption.ended_at),
    ]
    return [(name, format_datetime(instant, zone)) for name, instant in life if instant]


def guarantee(strategy: str, maximum: int | None) -> str:
    """What a strategy promises."""
    if maximum is None:
        return "Without a number in all there is nothing to keep."
    if strategy != Strategy.APPROXIMATE:
        return rules.GUARANTEES.get(strategy, "")
    bound = rules.max_overshoot(cap=maximum, processes=settings.COUPON_PROCESSES, threads=settings.COUPON_THREADS)
    return f"May exceed {maximum:,} by up to {bound:,}, never by more."


def advice(asked: Mapping[str, str]) -> dict[str, str]:
    """What to choose, by what stands in the form so far, and what the chosen strategy promises."""
    maximum, chosen = _parse_int(asked.get("maximum_number_of_coupons", "")), asked.get("limit_strategy", "")
    told = {"guarantee": guarantee(chosen, maximum) if chosen in Strategy.values else "", "advised": "", "why": ""}
    rush = _parse_int(asked.get("rush", ""))
    if rush is not None:
        told["advised"], told["why"] = rules.recommend_strategy(
            maximum=maximum, expected_redemptions=rush, at_checkout="within_orders" in asked
        )  # fmt: skip
    return told | {"differs": "yes" if told["advised"] not in ("", chosen) else ""}


def _parse_int(text: str) -> int | None:
    text = text.strip()
    return int(text) if text.isascii() and text.isdigit() and len(text) < 11 and int(text) <= MAX_CODES_SHOWN else None
