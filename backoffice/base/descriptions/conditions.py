"""Descriptions of conditions, as clauses after "when"."""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce
from typing import Any

from django.utils.dates import WEEKDAYS
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from backoffice.base.descriptions.formats import format_amount, format_date, format_ordinal, format_units, join_or
from backoffice.base.descriptions.selections import describe_selection, of_selection
from pricing import condition_values as c
from pricing.attributes import is_date

DAYS = dict(zip(("mon", "tue", "wed", "thu", "fri", "sat", "sun"), WEEKDAYS.values(), strict=True))
Text = str | Promise
SUBTOTALS: dict[tuple[str, str], Text] = {  # by kind and basis
    ("min_subtotal", "before"): gettext_lazy("%(total)s is at least %(amount)s"),
    ("max_subtotal", "before"): gettext_lazy("%(total)s is at most %(amount)s"),
    ("subtotal_equals", "before"): gettext_lazy("%(total)s is exactly %(amount)s"),
    ("min_subtotal", "running"): gettext_lazy("%(total)s is at least %(amount)s after discounts"),
    ("max_subtotal", "running"): gettext_lazy("%(total)s is at most %(amount)s after discounts"),
    ("subtotal_equals", "running"): gettext_lazy("%(total)s is exactly %(amount)s after discounts"),
}
QUANTITIES: dict[str, Text] = {
    "min_quantity": gettext_lazy("the cart has at least %(units)s"),
    "max_quantity": gettext_lazy("the cart has at most %(units)s"),
    "min_line_quantity": gettext_lazy("a line has at least %(units)s"),
}
ONE_OF: dict[str, tuple[Text, Text]] = {  # and negated
    "audience": (gettext_lazy("the customer is in %(names)s"), gettext_lazy("the customer is not in %(names)s")),
    "transaction_type": (
        gettext_lazy("the transaction type is %(names)s"), gettext_lazy("the transaction type is not %(names)s"),
    ),
    "currency": (gettext_lazy("the currency is %(names)s"), gettext_lazy("the currency is not %(names)s")),
    "country": (gettext_lazy("the country is %(names)s"), gettext_lazy("the country is not %(names)s")),
    "shipping_method": (
        gettext_lazy("the shipping method is %(names)s"), gettext_lazy("the shipping method is not %(names)s"),
    ),
    "channel": (gettext_lazy("the channel is %(names)s"), gettext_lazy("the channel is not %(names)s")),
    "store": (gettext_lazy("the store is %(names)s"), gettext_lazy("the store is not %(names)s")),
    "payment_method": (
        gettext_lazy("the payment method is %(names)s"), gettext_lazy("the payment method is not %(names)s"),
    ),
    "weekdays": (gettext_lazy("the day is %(names)s"), gettext_lazy("the day is not %(names)s")),
}  # fmt: skip
OWNERS: dict[str, Text] = {
    "cart": gettext_lazy("the cart's %(attribute)s"),
    "line": gettext_lazy("a line's %(attribute)s"),
    "customer": gettext_lazy("the customer's %(attribute)s"),
}
ATTRIBUTES: dict[str, tuple[Text, Text]] = {  # and negated
    "any": (gettext_lazy("%(attribute)s is %(values)s"), gettext_lazy("%(attribute)s is not %(values)s")),
    "between": (
        gettext_lazy("%(attribute)s is from %(start)s to %(end)s"),
        gettext_lazy("%(attribute)s is not from %(start)s to %(end)s"),
    ),
    "start": (
        gettext_lazy("%(attribute)s is at least %(start)s"), gettext_lazy("%(attribute)s is not at least %(start)s"),
    ),
    "end": (gettext_lazy("%(attribute)s is at most %(end)s"), gettext_lazy("%(attribute)s is not at most %(end)s")),
}  # fmt: skip


def describe_condition(condition: c.Condition, currency: str) -> str:
    """Describe one condition as a clause."""
    return CONDITION_TEXTS[type(condition)](condition, currency)


def describe_subtotal(condition: c.Subtotal, currency: str) -> str:
    unit = condition.currency or currency
    total = _("the order")
    if condition.select != c.EVERYTHING:
        total = _("the total of %(products)s") % {"products": describe_selection(condition.select, unit)}
    basis = "running" if condition.basis == "running" else "before"
    amount = format_amount(condition.value, unit)
    return str(SUBTOTALS[condition.kind, basis]) % {"total": total, "amount": amount}


def describe_quantity(condition: c.Quantity, currency: str) -> str:
    units = of_selection(format_units(condition.value), condition.select, currency)
    return str(QUANTITIES[condition.kind]) % {"units": units}


def describe_contains(condition: c.Contains, currency: str) -> str:
    units = of_selection(format_units(condition.quantity), condition.select, currency)
    return _("the cart contains %(units)s") % {"units": units}


def describe_none_of(condition: c.NoneOf, currency: str) -> str:
    products = describe_selection(condition.select, currency, every=_("item"))
    return _("the cart contains no %(products)s") % {"products": products}


def describe_not(condition: c.Not, currency: str) -> str:
    negated = condition.condition
    if isinstance(negated, c.OneOf):
        return describe_one_of(negated, currency, is_negated=True)
    if isinstance(negated, c.Attribute):
        return describe_attribute(negated, currency, is_negated=True)
    return _("it is not true that %(condition)s") % {"condition": describe_condition(negated, currency)}


def describe_any_of(condition: c.AnyOf, currency: str) -> str:
    clauses = [describe_condition(part, currency) for part in condition.conditions]
    either = reduce(lambda first, second: _("%(first)s or %(second)s") % {"first": first, "second": second}, clauses)
    return _("either %(conditions)s") % {"conditions": either}


def describe_one_of(condition: c.OneOf, currency: str, *, is_negated: bool = False) -> str:
    names = list(condition.any)
    if condition.kind == "weekdays":
        names = [str(DAYS[name]) for name in names]
    if condition.kind == "audience":
        names = [name.replace("_", " ") for name in names]
    return str(ONE_OF[condition.kind][is_negated]) % {"names": join_or(names)}


def describe_attribute(condition: c.Attribute, currency: str, *, is_negated: bool = False) -> str:
    attribute = str(OWNERS[condition.of]) % {"attribute": condition.name.replace("_", " ")}
    texts = {
        "attribute": attribute,
        "values": join_or([format_attribute(value) for value in condition.any]) if condition.any else "",
        "start": "" if condition.start is None else format_attribute(condition.start),
        "end": "" if condition.end is None else format_attribute(condition.end),
    }
    if condition.any:
        form = "any"
    elif texts["start"] and texts["end"]:
        form = "between"
    else:
        form = "start" if texts["start"] else "end"
    return str(ATTRIBUTES[form][is_negated]) % texts


def format_attribute(value: c.AttributeValue) -> str:
    """Format a value of an attribute."""
    if isinstance(value, bool):
        return _("true") if value else _("false")
    return format_date(value) if isinstance(value, str) and is_date(value) else str(value)


def describe_nth_order(condition: c.NthOrder, currency: str) -> str:
    if condition.value == 1:
        return _("it is the customer's first order")
    return _("it is the customer's %(ordinal)s order") % {"ordinal": format_ordinal(condition.value)}


def describe_hours(condition: c.Hours, currency: str) -> str:
    return _("the time is between %(start)s and %(end)s") % {"start": condition.start, "end": condition.end}


def describe_dates(condition: c.DateRange, currency: str) -> str:
    texts = {
        "start": format_date(condition.start) if condition.start else "",
        "end": format_date(condition.end) if condition.end else "",
    }
    if texts["start"] and texts["end"]:
        return _("the date is from %(start)s to %(end)s") % texts
    return (_("the date is %(start)s or later") if texts["start"] else _("the date is %(end)s or earlier")) % texts


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
