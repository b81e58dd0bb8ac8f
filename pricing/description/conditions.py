"""Descriptions of conditions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pricing import condition_values as c
from pricing.attributes import is_date
from pricing.description.formats import format_amount, format_date, format_ordinal, join_or, pluralize
from pricing.description.selections import describe_selection, of_selection

DAYS = {
    "mon": "Monday",
    "tue": "Tuesday",
    "wed": "Wednesday",
    "thu": "Thursday",
    "fri": "Friday",
    "sat": "Saturday",
    "sun": "Sunday",
}


def describe_condition(condition: c.Condition, currency: str) -> str:
    """Describe one condition as a clause."""
    return CONDITION_TEXTS[type(condition)](condition, currency)


def describe_subtotal(condition: c.Subtotal, currency: str) -> str:
    unit = condition.currency or currency
    selection = of_selection(condition.select, unit)
    subject = f"the total{selection}" if selection else "the order"
    limit = {"min_subtotal": "at least ", "max_subtotal": "at most ", "subtotal_equals": "exactly "}[condition.kind]
    basis = " after discounts" if condition.basis == "running" else ""
    return f"{subject} is {limit}{format_amount(condition.value, unit)}{basis}"


def describe_quantity(condition: c.Quantity, currency: str) -> str:
    if condition.kind == "max_quantity":
        units = pluralize(condition.value, "unit")
        return f"the cart has at most {units}{of_selection(condition.select, currency)}"
    subject = "a line" if condition.kind == "min_line_quantity" else "the cart"
    return f"{subject} has at least {pluralize(condition.value, 'unit')}{of_selection(condition.select, currency)}"


def describe_contains(condition: c.Contains, currency: str) -> str:
    return f"the cart contains {pluralize(condition.quantity, 'unit')}{of_selection(condition.select, currency)}"


def describe_none_of(condition: c.NoneOf, currency: str) -> str:
    return f"the cart contains no {describe_selection(condition.select, currency).removeprefix('any ')}"


def describe_not(condition: c.Not, currency: str) -> str:
    text = describe_condition(condition.condition, currency)
    if isinstance(condition.condition, c.OneOf | c.Attribute):
        return text.replace(" is ", " is not ", 1)
    return f"it is not true that {text}"


def describe_any_of(condition: c.AnyOf, currency: str) -> str:
    return "either " + " or ".join(describe_condition(part, currency) for part in condition.conditions)


def describe_one_of(condition: c.OneOf, currency: str) -> str:
    names = [DAYS.get(name, name) for name in condition.any] if condition.kind == "weekdays" else list(condition.any)
    if condition.kind == "audience":
        names = [name.replace("_", " ") for name in names]
    subject = {
        "audience": "the customer is in",
        "transaction_type": "the transaction type is",
        "currency": "the currency is",
        "country": "the country is",
        "shipping_method": "the shipping method is",
        "channel": "the channel is",
        "store": "the store is",
        "payment_method": "the payment method is",
        "weekdays": "the day is",
    }[condition.kind]
    return f"{subject} {join_or(names)}"


def describe_attribute(condition: c.Attribute, currency: str) -> str:
    owner = {"cart": "the cart's", "line": "a line's", "customer": "the customer's"}[condition.of]
    subject = f"{owner} {condition.name.replace('_', ' ')} is"
    if condition.any:
        return f"{subject} {join_or([format_attribute(value) for value in condition.any])}"
    start = "" if condition.start is None else format_attribute(condition.start)
    end = "" if condition.end is None else format_attribute(condition.end)
    if start and end:
        return f"{subject} from {start} to {end}"
    return f"{subject} at least {start}" if start else f"{subject} at most {end}"


def format_attribute(value: c.AttributeValue) -> str:
    """Format a value of an attribute."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return format_date(value) if isinstance(value, str) and is_date(value) else str(value)


def describe_nth_order(condition: c.NthOrder, currency: str) -> str:
    return f"it is the customer's {'first' if condition.value == 1 else format_ordinal(condition.value)} order"


def describe_hours(condition: c.Hours, currency: str) -> str:
    return f"the time is between {condition.start} and {condition.end}"


def describe_dates(condition: c.DateRange, currency: str) -> str:
    start = format_date(condition.start) if condition.start else ""
    end = format_date(condition.end) if condition.end else ""
    if start and end:
        return f"the date is from {start} to {end}"
    return f"the date is {start} or later" if start else f"the date is {end} or earlier"


CONDITION_TEXTS: dict[type[Any], Callable[[Any, str], str]] = {
    c.Subtotal: describe_subtotal,
    c.Quantity: describe_quantity,
    c.Contains: describe_contains,
    c.OneOf: describe_one_of,
    c.Attribute: describe_attribute,
    c.NthOrder: describe_nth_order,
    c.Hours: describe_hours,
    c.DateRange: describe_dates,
    c.NoneOf: describe_none_of,
    c.Not: describe_not,
    c.AnyOf: describe_any_of,
}
