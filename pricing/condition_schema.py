"""Schema of selections and conditions: their keys, and checks across keys."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from core.messages import message as _
from pricing import condition_values as c
from pricing.attributes import TYPE_NAMES, describe_type, has_type
from pricing.currencies import MoneyAmount, PerCurrency
from pricing.fields import (
    Boolean,
    Choice,
    Clock,
    DateOrDateTime,
    Identifier,
    Integer,
    Kind,
    ListOf,
    ParseContext,
    Scalar,
    Text,
    Weekday,
    join_path,
    parse_datetime,
)
from pricing.key_rules import AtLeastOne, ListOrRange
from pricing.money_fields import Money
from pricing.records import Key, Nested, Record

UNITS = Integer(1, 1_000_000)
NAMES = ListOf(Text())
MEMBER = Text(max_length=64)
CURRENCY = Text(max_length=3, upper=True, pattern="[A-Z]{3}")


def is_inverted(low: MoneyAmount, high: MoneyAmount) -> bool:
    """Return whether the lower end of a range is above the upper end in a currency that both have."""
    if isinstance(low, PerCurrency) and isinstance(high, PerCurrency):
        return any((limit := high.get(currency)) is not None and value > limit for currency, value in low.values)
    return isinstance(low, Decimal) and isinstance(high, Decimal) and low > high


def check_select(values: dict[str, Any], path: str, context: ParseContext) -> None:
    """Check that the price range is not inverted."""
    low, high = values.get("unit_price_from"), values.get("unit_price_to")
    if low is not None and high is not None and is_inverted(low, high):
        context.add_error(join_path(path, "unit_price_to"), "invalid", _("Must not be below unit_price_from."))


SELECT = Record(
    c.Select,
    (
        *(Key(name, NAMES) for name in ("skus", "categories", "brands", "exclude_skus", "exclude_categories")),
        Key("unit_price_from", Money()),
        Key("unit_price_to", Money()),
        Key("skip_already_discounted", Boolean()),
        Key("shipping_ids", NAMES),
    ),
    check=check_select,
)
SELECTED = Key("select", SELECT)


def check_subtotal(values: dict[str, Any], path: str, context: ParseContext) -> None:
    """Check that the amount fits its currency."""
    context.check_currency(values.get("currency"), path)


def check_hours(values: dict[str, Any], path: str, context: ParseContext) -> None:
    """Check that start and end differ; otherwise the offer would never be valid."""
    if values["start"] == values["end"]:
        context.add_error(join_path(path, "to"), "invalid", _("from and to must differ."))


def check_dates(values: dict[str, Any], path: str, context: ParseContext) -> None:
    """Check that both ends are of the same kind, and in order."""
    start, end = values.get("start"), values.get("end")
    if start is not None and end is not None:
        if (len(start) == 10) != (len(end) == 10):
            context.add_error(
                join_path(path, "to"), "invalid", _("from and to must both be dates or both be datetimes.")
            )
        elif start > end if len(start) == 10 else parse_datetime(start) >= parse_datetime(end):
            context.add_error(join_path(path, "to"), "invalid", _("to must be after from."))


def one_of_record(kind: Kind) -> Record:
    """Return the record of a condition that a value is among `any`."""
    return Record(c.OneOf, (Key("any", ListOf(kind, 1)),))


SUBTOTAL = Record(
    c.Subtotal,
    (Key("value", Money()), Key("basis", Choice(("before", "running"))), SELECTED, Key("currency", CURRENCY)),
    check=check_subtotal,
)
QUANTITY = Record(c.Quantity, (Key("value", UNITS, alias="quantity"), SELECTED))


def check_none_of(values: dict[str, Any], path: str, context: ParseContext) -> None:
    """Check that the select narrows the lines; otherwise the offer would never apply."""
    if values["select"] == c.EVERYTHING:
        context.add_error(
            join_path(path, "select"), "required", _("Select the products that the cart must not contain.")
        )


def check_attribute(values: dict[str, Any], path: str, context: ParseContext) -> None:
    """Check that the values fit the type that the attribute is declared with, and that a range is in order."""
    name, start, end = values["name"], values.get("start"), values.get("end")
    limits = {"from": start, "to": end}
    ends = {key: value for key, value in limits.items() if value is not None}
    if bool(ends) == ("any" in values):  # see ListOrRange
        return
    paths = {f"{path}.{key}": value for key, value in ends.items()}
    paths |= {f"{path}.any.{index}": value for index, value in enumerate(values.get("any", ()))}
    declared = find_type(name, path, paths, context)
    if declared is None:
        return
    for value_path, value in paths.items():
        if not has_type(value, declared):
            context.add_error(value_path, "invalid", describe_type(name, declared))
    if ends and declared not in ("number", "date"):
        context.add_error(f"{path}.{next(iter(ends))}", "invalid", _("Only numbers and dates have a range. Use any."))
    elif (
        start is not None and end is not None and has_type(start, declared) and has_type(end, declared) and start > end
    ):
        context.add_error(f"{path}.to", "invalid", _("to must not be below from."))


def find_type(name: str, path: str, values: Mapping[str, object], context: ParseContext) -> str | None:
    """Return the type of an attribute: the declared one, or that of its values. Record an error for an unknown one."""
    if context.attributes is None:
        first = next(iter(values.values()))
        return next(name for name in TYPE_NAMES if has_type(first, name))
    if name not in context.attributes:
        context.add_error(
            join_path(path, "name"), "unknown_field", _("The brand has no attribute %(name)s.", name=name)
        )
    return context.attributes.get(name)


CONDITIONS: dict[str, Record] = {
    "min_subtotal": SUBTOTAL,
    "max_subtotal": SUBTOTAL,
    "subtotal_equals": SUBTOTAL,
    "min_quantity": QUANTITY,
    "max_quantity": QUANTITY,
    "min_line_quantity": QUANTITY,
    "contains": Record(c.Contains, (SELECTED, Key("quantity", UNITS, always_dumped=True))),
    "audience": one_of_record(Text()),
    "nth_order": Record(c.NthOrder, (Key("value", UNITS),)),
    "transaction_type": one_of_record(Text()),
    "currency": one_of_record(CURRENCY),
    "country": one_of_record(Text(max_length=2, upper=True, pattern="[A-Z]{2}")),
    "shipping_method": one_of_record(Text()),
    "channel": one_of_record(MEMBER),
    "store": one_of_record(MEMBER),
    "payment_method": one_of_record(MEMBER),
    "attribute": Record(
        c.Attribute,
        (
            Key("name", Identifier()),
            Key("of", Choice(("cart", "line", "customer"))),
            Key("any", ListOf(Scalar(), 1)),
            Key("from", Scalar(), "start"),
            Key("to", Scalar(), "end"),
        ),
        check=check_attribute,
        rules=(ListOrRange("any", (("from", "start"), ("to", "end"))),),
    ),
    "weekdays": one_of_record(Weekday()),
    "hours": Record(c.Hours, (Key("from", Clock(), "start"), Key("to", Clock(), "end")), check=check_hours),
    "date_range": Record(
        c.DateRange,
        (Key("from", DateOrDateTime(), "start"), Key("to", DateOrDateTime(), "end")),
        check=check_dates,
        rules=(AtLeastOne(("from", "to"), ("start", "end")),),
    ),
    "none_of": Record(c.NoneOf, (SELECTED,), check=check_none_of),
}
NESTED = Nested(CONDITIONS, key="condition", containers=("not", "any_of"))
CONDITIONS["not"] = Record(c.Not, (Key("condition", NESTED),))
CONDITIONS["any_of"] = Record(c.AnyOf, (Key("conditions", ListOf(NESTED, 2, 10)),))
