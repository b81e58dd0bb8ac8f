"""Evaluation of the conditions of offers, with a message for the shopper when one fails.

All conditions except subtotals on the `running` basis are evaluated before any offer is applied.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from core.messages import message as _
from pricing.condition_contexts import ConditionContext, ConditionResult
from pricing.condition_values import (
    AnyOf,
    Attribute,
    AttributeValue,
    Condition,
    Contains,
    DateRange,
    Hours,
    NoneOf,
    Not,
    NthOrder,
    OneOf,
    Quantity,
    Subtotal,
    iter_conditions,
)
from pricing.currencies import CurrencyMismatch
from pricing.fields import DAYS, parse_datetime
from pricing.prices import Prices
from pricing.schedules import clock, passes_midnight
from pricing.values import Checked


def is_running(condition: Condition) -> bool:
    """Return whether the condition depends on prices that earlier lanes may have changed."""
    return any(isinstance(part, Subtotal) and part.basis == "running" for part in iter_conditions([condition]))


def evaluate(condition: Condition, context: ConditionContext, prices: Prices | None = None) -> ConditionResult:
    """Evaluate one condition. `prices` are used by a condition on the running subtotal.

    While other orders of the shopper are under way, it must hold whichever of them are paid.
    """
    try:
        result = evaluate_in_currency(condition, context, prices)
        others = (
            evaluate_in_currency(condition, other, prices) for other in iter_possible_contexts(condition, context)
        )
        failed = next((other for other in others if other.code is not None), None) if result.code is None else None
    except CurrencyMismatch:
        declared = getattr(condition, "currency", None)
        checked = Checked(condition.kind, declared, context.cart.currency, False)
        return ConditionResult(checked, "currency_mismatch", _("This offer is in another currency."))
    if failed is None:
        return result
    return replace(failed, members={**failed.members, "reserved_orders": context.facts.reserved_orders})


def iter_possible_contexts(condition: Condition, context: ConditionContext) -> Iterator[ConditionContext]:
    """Yield the context with each number of paid orders that orders under way may lead to and that could matter."""
    placed, reserved = context.facts.placed_orders, context.facts.reserved_orders
    numbers = {part.value for part in iter_conditions([condition]) if isinstance(part, NthOrder)} if reserved else set()
    for possible in sorted(numbers | {number - 1 for number in numbers}):
        if placed < possible <= placed + reserved:
            yield replace(context, facts=replace(context.facts, placed_orders=possible))


def evaluate_in_currency(condition: Condition, context: ConditionContext, prices: Prices | None) -> ConditionResult:
    """Evaluate one condition in the currency that it declares. Raises CurrencyMismatch."""
    declared = getattr(condition, "currency", None)
    if declared is not None:
        context = replace(context, currency=context.currency.for_part(declared))
    return EVALUATORS[type(condition)](condition, context, prices)


def check_subtotal(condition: Subtotal, context: ConditionContext, prices: Prices | None) -> ConditionResult:
    """Compare the value of the selected lines, undiscounted or at the start of the current lane."""
    required = context.currency.to_minor(condition.value)
    lines = context.selected_lines(condition)
    if condition.basis == "running" and prices is not None:
        actual = sum(prices.start[line] for line in lines)
    else:
        actual = sum(context.lines[line].quantity * context.lines[line].unit_price for line in lines)
    below = condition.kind != "max_subtotal" and actual < required
    above = condition.kind != "min_subtotal" and actual > required
    checked = Checked(
        condition.kind, context.format_amount(required), context.format_amount(actual), not (below or above)
    )
    if below:
        missing = context.format_amount(required - actual)
        detail = _("Spend %(amount)s %(currency)s more.", amount=missing, currency=context.cart.currency)
        return ConditionResult(checked, "minimum_not_met", detail, {"missing": missing})
    if above:
        excess = context.format_amount(actual - required)
        values = {"amount": excess, "currency": context.cart.currency}
        over_maximum = _("The cart is %(amount)s %(currency)s over the maximum.", **values)
        over_required = _("The cart is %(amount)s %(currency)s over the required amount.", **values)
        detail = over_maximum if condition.kind == "max_subtotal" else over_required
        return ConditionResult(checked, "condition_not_met", detail, {"condition": condition.kind, "over": excess})
    return ConditionResult(checked)


def check_quantity(condition: Quantity, context: ConditionContext, _prices: Prices | None) -> ConditionResult:
    """Compare the number of units of all selected lines together, or of the line with the most units."""
    lines = context.selected_lines(condition)
    if condition.kind == "max_quantity":
        return meets_maximum(condition.kind, condition.value, context.count_units(lines))
    counts_all = condition.kind == "min_quantity"
    actual = (
        context.count_units(lines) if counts_all else max((context.lines[line].quantity for line in lines), default=0)
    )
    return meets_minimum(condition.kind, condition.value, actual)


def check_contains(condition: Contains, context: ConditionContext, _prices: Prices | None) -> ConditionResult:
    """Compare the number of units that the select matches."""
    return meets_minimum(condition.kind, condition.quantity, context.count_units(context.selected_lines(condition)))


def meets_minimum(kind: str, required: int, actual: int) -> ConditionResult:
    """Compare a number of units with the required one."""
    checked = Checked(kind, required, actual, actual >= required)
    if actual >= required:
        return ConditionResult(checked)
    missing = required - actual
    return ConditionResult(
        checked, "minimum_not_met", _("Add %(count)s more.", count=missing), {"missing_quantity": missing}
    )


def meets_maximum(kind: str, allowed: int, actual: int) -> ConditionResult:
    """Compare a number of units with the largest one that is allowed."""
    checked = Checked(kind, allowed, actual, actual <= allowed)
    if actual <= allowed:
        return ConditionResult(checked)
    over = actual - allowed
    return ConditionResult(
        checked, "condition_not_met", _("Remove %(count)s.", count=over), {"condition": kind, "over_quantity": over}
    )


def check_none_of(condition: NoneOf, context: ConditionContext, _prices: Prices | None) -> ConditionResult:
    """Check that the select matches no line."""
    skus = sorted({context.lines[line].sku for line in context.selected_lines(condition)})
    checked = Checked(condition.kind, [], skus, not skus)
    if not skus:
        return ConditionResult(checked)
    detail = _("This offer isn't valid with some items in the cart.")
    return ConditionResult(checked, "condition_not_met", detail, {"condition": condition.kind, "skus": skus})


def check_not(condition: Not, context: ConditionContext, prices: Prices | None) -> ConditionResult:
    """Check that the inner condition does not hold."""
    inner = evaluate_in_currency(condition.condition, context, prices).checked
    checked = Checked(condition.kind, describe_check(inner), inner.actual, not inner.passed)
    if checked.passed:
        return ConditionResult(checked)
    if inner.kind in ("weekdays", "hours", "date_range"):
        return ConditionResult(checked, "outside_schedule", _("This offer isn't valid at this time."))
    members = {"condition": condition.kind, "not": inner.kind}
    return ConditionResult(checked, "condition_not_met", _("This offer isn't valid for this order."), members)


def check_any_of(condition: AnyOf, context: ConditionContext, prices: Prices | None) -> ConditionResult:
    """Check that one of the inner conditions holds."""
    inner = [evaluate_in_currency(part, context, prices).checked for part in condition.conditions]
    passed = any(part.passed for part in inner)
    checked = Checked(condition.kind, [describe_check(part) for part in inner], [part.actual for part in inner], passed)
    if passed:
        return ConditionResult(checked)
    members = {"condition": condition.kind, "any_of": [part.kind for part in inner]}
    return ConditionResult(checked, "condition_not_met", _("This offer isn't valid for this order."), members)


def describe_check(checked: Checked) -> dict[str, object]:
    """Return what an inner condition requires."""
    return {"kind": checked.kind, "required": checked.required}


def check_one_of(condition: OneOf, context: ConditionContext, _prices: Prices | None) -> ConditionResult:
    """Check that one of the actual values is among those that the condition names."""
    actual = ACTUAL_VALUES[condition.kind](context)
    passed = not set(actual).isdisjoint(condition.any)
    checked = Checked(condition.kind, list(condition.any), actual, passed)
    if passed:
        return ConditionResult(checked)
    if condition.kind in ONE_OF_CODES:
        code, detail = ONE_OF_CODES[condition.kind]
        is_currency = condition.kind == "currency"
        members = {"currency": context.cart.currency, "offer_currencies": sorted(condition.any)} if is_currency else {}
        return ConditionResult(checked, code, detail, members)
    return ConditionResult(checked, "condition_not_met", ONE_OF_DETAILS[condition.kind], {"condition": condition.kind})


def list_present(value: str | None) -> list[str]:
    """Return the value of a member of the cart as a list; empty if the cart doesn't have it."""
    return [] if value is None else [value]


ACTUAL_VALUES: Mapping[str, Callable[[ConditionContext], list[str]]] = {
    "audience": lambda scene: sorted(scene.facts.segments),
    "transaction_type": lambda scene: [scene.cart.transaction_type],
    "currency": lambda scene: [scene.cart.currency],
    "country": lambda scene: [country.upper() for country in list_present(scene.cart.country)],
    "shipping_method": lambda scene: [method.id for method in scene.cart.used_shipping],
    "channel": lambda scene: list_present(scene.cart.channel),
    "store": lambda scene: list_present(scene.cart.store),
    "payment_method": lambda scene: list_present(scene.cart.payment_method),
    "weekdays": lambda scene: [DAYS[scene.day.weekday()]],
}
ONE_OF_CODES = {
    "audience": ("audience_not_member", _("You aren't eligible for this offer.")),
    "currency": ("currency_mismatch", _("This offer is in another currency.")),
    "weekdays": ("outside_schedule", _("This offer isn't valid today.")),
}
ONE_OF_DETAILS = {
    "transaction_type": _("This offer isn't valid for this transaction type."),
    "country": _("This offer isn't valid in this country."),
    "shipping_method": _("This offer isn't valid for this shipping method."),
    "channel": _("This offer isn't valid in this channel."),
    "store": _("This offer isn't valid in this store."),
    "payment_method": _("This offer isn't valid for this payment method."),
}


def check_attribute(condition: Attribute, context: ConditionContext, _prices: Prices | None) -> ConditionResult:
    """Check that a value of the attribute is among the values or in the range. Without a value, it is not."""
    actual = list(context.attribute_values(condition.name, condition.of))
    passed = any(matches_attribute(condition, value) for value in actual)
    limits = {"from": condition.start, "to": condition.end}
    accepted = {"any": list(condition.any)} if condition.any else limits
    required = {"name": condition.name, "of": condition.of, **accepted}
    checked = Checked(condition.kind, required, actual, passed)
    if passed:
        return ConditionResult(checked)
    members = {"condition": condition.kind, "attribute": condition.name}
    return ConditionResult(checked, "condition_not_met", _("This offer isn't valid for this order."), members)


def matches_attribute(condition: Attribute, value: AttributeValue) -> bool:
    """Return whether a value is among those of the condition or in its range. Other types never match."""
    if condition.any:
        return any(is_same_type(value, option) and value == option for option in condition.any)
    limits = [limit for limit in (condition.start, condition.end) if limit is not None]
    if not all(is_same_type(value, limit) for limit in limits):
        return False
    start, end = condition.start, condition.end
    return (start is None or start <= value) and (end is None or value <= end)  # type: ignore[operator]


def is_same_type(value: AttributeValue, other: AttributeValue) -> bool:
    """Return whether two values of attributes can be compared: both texts, both booleans or both numbers."""
    kinds = [bool if isinstance(one, bool) else str if isinstance(one, str) else float for one in (value, other)]
    return kinds[0] is kinds[1]


def check_nth_order(condition: NthOrder, context: ConditionContext, _prices: Prices | None) -> ConditionResult:
    """Check which of the shopper's orders with the brand this would be."""
    actual = context.facts.placed_orders + 1
    checked = Checked(condition.kind, condition.value, actual, actual == condition.value)
    if actual == condition.value:
        return ConditionResult(checked)
    if condition.value == 1:
        return ConditionResult(checked, "first_order_only", _("This offer is only valid for a first order."))
    detail = _("This offer is only valid for order number %(number)s.", number=condition.value)
    return ConditionResult(checked, "condition_not_met", detail, {"condition": condition.kind})


def check_hours(condition: Hours, context: ConditionContext, _prices: Prices | None) -> ConditionResult:
    """Check the local time. The start is inclusive, the end exclusive; the hours may pass midnight."""
    now, start, end = clock(context.local_time), condition.start, condition.end
    passed = now >= start or now < end if passes_midnight(condition) else start <= now < end
    return schedule_result(condition.kind, {"from": start, "to": end}, now, passed)


def check_date_range(condition: DateRange, context: ConditionContext, _prices: Prices | None) -> ConditionResult:
    """Check the day against dates, both inclusive, or the time against datetimes, the end exclusive."""
    start, end = condition.start, condition.end
    if len(start or end or "") == 10:
        today = context.day.isoformat()
        passed = (start is None or start <= today) and (end is None or today <= end)
        return schedule_result(condition.kind, {"from": start, "to": end}, today, passed)
    passed = (start is None or parse_datetime(start) <= context.local_time) and (
        end is None or context.local_time < parse_datetime(end)
    )
    return schedule_result(condition.kind, {"from": start, "to": end}, context.local_time.isoformat(), passed)


def schedule_result(kind: str, required: object, actual: str, passed: bool) -> ConditionResult:
    """Return the result of a condition on time."""
    checked = Checked(kind, required, actual, passed)
    return (
        ConditionResult(checked)
        if passed
        else ConditionResult(checked, "outside_schedule", _("This offer isn't valid at this time."))
    )


EVALUATORS: Mapping[type[Any], Callable[[Any, ConditionContext, Prices | None], ConditionResult]] = {
    Subtotal: check_subtotal,
    Quantity: check_quantity,
    Contains: check_contains,
    OneOf: check_one_of,
    Attribute: check_attribute,
    NthOrder: check_nth_order,
    Hours: check_hours,
    DateRange: check_date_range,
    NoneOf: check_none_of,
    Not: check_not,
    AnyOf: check_any_of,
}
