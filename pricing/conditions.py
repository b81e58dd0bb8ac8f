"""Whether an offer's conditions hold, and what to tell the shopper when one does not.

Everything but a subtotal on the `running` basis is settled before any offer is played.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from pricing.fields import DAYS, parse_datetime
from pricing.offer import Condition, Contains, DateRange, Hours, NthOrder, OneOf, Quantity, Subtotal
from pricing.prices import Prices
from pricing.rounding import from_minor, to_minor
from pricing.selection import selected
from pricing.values import Cart, Checked, Facts, Line


@dataclass(frozen=True, slots=True)
class Verdict:
    """How one condition was found: `code` is None when it holds."""

    checked: Checked
    code: str | None = None
    detail: str = ""
    members: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ConditionContext:
    """What conditions look at: the cart (lines in the engine's order), the shopper, the brand's wall clock."""

    cart: Cart
    lines: Sequence[Line]
    facts: Facts
    brand: str | None
    local: datetime

    def units(self, lines: Sequence[int]) -> int:
        """How many units these lines have."""
        return sum(self.lines[line].quantity for line in lines)

    def money(self, minor: int) -> str:
        """An amount in the cart's currency."""
        return from_minor(minor, self.cart.exponent)

    def select(self, condition: Subtotal | Quantity | Contains) -> list[int]:
        """The lines that the condition looks at."""
        return selected(condition.select, self.lines, self.brand, self.cart.exponent)


def wall_clock(at: datetime, timezone: str) -> datetime:
    """The instant as the brand's clocks show it."""
    return at.astimezone(ZoneInfo(timezone))


def is_running(condition: Condition) -> bool:
    """Whether the condition looks at prices that earlier lanes may have changed."""
    return isinstance(condition, Subtotal) and condition.basis == "running"


def evaluate(condition: Condition, scene: ConditionContext, prices: Prices | None = None) -> Verdict:
    """Looks at one condition; `prices` are for a running one. Raises DoesNotFit."""
    return EVALUATORS[type(condition)](condition, scene, prices)


def subtotal(condition: Subtotal, scene: ConditionContext, prices: Prices | None) -> Verdict:
    """The value of the selected lines before discounts, or when the present lane began."""
    if condition.currency not in (None, scene.cart.currency):
        return other_currency(condition.kind, condition.currency, scene)
    needed = to_minor(condition.value, scene.cart.exponent)
    lines = scene.select(condition)
    if condition.basis == "running" and prices is not None:
        saw = sum(prices.start[line] for line in lines)
    else:
        saw = sum(scene.lines[line].quantity * scene.lines[line].unit_price for line in lines)
    low = condition.kind != "max_subtotal" and saw < needed
    high = condition.kind != "min_subtotal" and saw > needed
    checked = Checked(condition.kind, scene.money(needed), scene.money(saw), not (low or high))
    if low:
        missing = scene.money(needed - saw)
        return Verdict(
            checked, "minimum_not_met", f"{missing} {scene.cart.currency} are missing.", {"missing": missing}
        )
    if high:
        over = scene.money(saw - needed)
        detail = f"The cart is {over} {scene.cart.currency} above what this offer is for."
        return Verdict(checked, "condition_not_met", detail, {"condition": condition.kind, "over": over})
    return Verdict(checked)


def quantity(condition: Quantity, scene: ConditionContext, _: Prices | None) -> Verdict:
    """The units of all selected lines together, or of the fullest of them."""
    lines = scene.select(condition)
    whole = condition.kind == "min_quantity"
    saw = scene.units(lines) if whole else max((scene.lines[line].quantity for line in lines), default=0)
    return meets_minimum(condition.kind, condition.value, saw)


def contains(condition: Contains, scene: ConditionContext, _: Prices | None) -> Verdict:
    """At least so many units of what is selected."""
    return meets_minimum(condition.kind, condition.quantity, scene.units(scene.select(condition)))


def meets_minimum(kind: str, needed: int, saw: int) -> Verdict:
    """A number of units against the one needed."""
    checked = Checked(kind, needed, saw, saw >= needed)
    if saw >= needed:
        return Verdict(checked)
    missing = needed - saw
    return Verdict(checked, "minimum_not_met", f"{missing} more are needed.", {"missing_quantity": missing})


def other_currency(kind: str, currency: str | None, scene: ConditionContext) -> Verdict:
    """An amount of another currency than the cart's."""
    checked = Checked(kind, currency, scene.cart.currency, False)
    return Verdict(checked, "currency_mismatch", f"This offer is in {currency}.", {"currency": currency})


def one_of(condition: OneOf, scene: ConditionContext, _: Prices | None) -> Verdict:
    """A fact, or one of several, is among those that the condition names."""
    saw = ACTUAL_VALUES[condition.kind](scene)
    among = not set(saw).isdisjoint(condition.any)
    checked = Checked(condition.kind, list(condition.any), saw, among)
    if among:
        return Verdict(checked)
    if condition.kind in ("audience", "currency", "weekdays"):
        code, detail = ONE_OF_CODES[condition.kind]
        return Verdict(checked, code, detail)
    return Verdict(checked, "condition_not_met", ONE_OF_DETAILS[condition.kind], {"condition": condition.kind})


ACTUAL_VALUES: Mapping[str, Callable[[ConditionContext], list[str]]] = {
    "audience": lambda scene: sorted(scene.facts.segments),
    "transaction_type": lambda scene: [scene.cart.transaction_type],
    "currency": lambda scene: [scene.cart.currency],
    "country": lambda scene: [] if scene.cart.country is None else [scene.cart.country.upper()],
    "shipping_method": lambda scene: [method.id for method in scene.cart.shipping],
    "weekdays": lambda scene: [DAYS[scene.local.weekday()]],
}
ONE_OF_CODES = {
    "audience": ("audience_not_member", "This offer is for a group of customers that you are not in."),
    "currency": ("currency_mismatch", "This offer is for another currency."),
    "weekdays": ("outside_schedule", "This offer is not open today."),
}
ONE_OF_DETAILS = {
    "transaction_type": "This offer is for another kind of transaction.",
    "country": "This offer is for other countries.",
    "shipping_method": "This offer is for other shipping methods.",
}


def nth_order(condition: NthOrder, scene: ConditionContext, _: Prices | None) -> Verdict:
    """Which order of the shopper with this brand it would be."""
    saw = scene.facts.placed_orders + 1
    checked = Checked(condition.kind, condition.value, saw, saw == condition.value)
    if saw == condition.value:
        return Verdict(checked)
    if condition.value == 1:
        return Verdict(checked, "first_order_only", "This offer is for a first order only.")
    detail = f"This offer is for order number {condition.value} only."
    return Verdict(checked, "condition_not_met", detail, {"condition": condition.kind})


def hours(condition: Hours, scene: ConditionContext, _: Prices | None) -> Verdict:
    """From (included) to (not included), over midnight when it ends before it begins."""
    now, start, end = (minutes(text) for text in (scene.local.strftime("%H:%M"), condition.start, condition.end))
    held = start <= now < end if start < end else now >= start or now < end
    needed = {"from": condition.start, "to": condition.end}
    return timed(condition.kind, needed, scene.local.strftime("%H:%M"), held)


def minutes(text: str) -> int:
    """Minutes since midnight."""
    return int(text[:2]) * 60 + int(text[3:])


def date_range(condition: DateRange, scene: ConditionContext, _: Prices | None) -> Verdict:
    """Days of the brand, both included, or instants, the end not included."""
    start, end = condition.start, condition.end
    if len(start or end or "") == 10:
        today = scene.local.date().isoformat()
        held = (start is None or start <= today) and (end is None or today <= end)
        return timed(condition.kind, {"from": start, "to": end}, today, held)
    held = (start is None or parse_datetime(start) <= scene.local) and (
        end is None or scene.local < parse_datetime(end)
    )
    return timed(condition.kind, {"from": start, "to": end}, scene.local.isoformat(), held)


def timed(kind: str, needed: object, saw: str, held: bool) -> Verdict:
    """A condition on time."""
    checked = Checked(kind, needed, saw, held)
    return Verdict(checked) if held else Verdict(checked, "outside_schedule", "This offer is not open at this time.")


EVALUATORS: Mapping[type[Any], Callable[[Any, ConditionContext, Prices | None], Verdict]] = {
    Subtotal: subtotal,
    Quantity: quantity,
    Contains: contains,
    OneOf: one_of,
    NthOrder: nth_order,
    Hours: hours,
    DateRange: date_range,
}
