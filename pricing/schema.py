"""Schema of the offer language: the kinds of conditions and benefits, their keys, and checks across keys."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from pricing import offer as o
from pricing.currencies import MoneyAmount, PerCurrency
from pricing.fields import (
    Boolean,
    Choice,
    Clock,
    DateOrDateTime,
    Integer,
    Kind,
    ListOf,
    Money,
    MoneyOrCount,
    MoneyOrPercentage,
    ParseContext,
    Percentage,
    Text,
    Weekday,
    decimal_places,
    parse_datetime,
)
from pricing.profile import OPTIONS, Profile
from pricing.records import ByKind, Key, Record, join_path

UNITS = Integer(1, 1_000_000)
NAMES = ListOf(Text())
CURRENCY = Text(max_length=3, upper=True, pattern="[A-Z]{3}")
PICK_CHOICES = Choice(("cheapest", "dearest"))
ORDER_TO_SHIPPING = ("order", "line", "unit", "cheapest_line", "shipping")


def is_inverted(low: MoneyAmount, high: MoneyAmount) -> bool:
    """Return whether the lower end of a range is above the upper end in a currency that both have."""
    if isinstance(low, PerCurrency) and isinstance(high, PerCurrency):
        return any((limit := high.get(currency)) is not None and value > limit for currency, value in low.values)
    return isinstance(low, Decimal) and isinstance(high, Decimal) and low > high


def check_select(values: dict[str, Any], path: str, context: ParseContext) -> None:
    """Check that the price range is not inverted."""
    low, high = values.get("unit_price_from"), values.get("unit_price_to")
    if low is not None and high is not None and is_inverted(low, high):
        context.add_error(join_path(path, "unit_price_to"), "invalid", "Must not be below unit_price_from.")


SELECT = Record(
    o.Select,
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


# --- conditions ---------------------------------------------------------------------------------------------------


def check_subtotal(values: dict[str, Any], path: str, context: ParseContext) -> None:
    """Check that the amount fits its currency."""
    context.check_currency(values.get("currency"), path)


def check_hours(values: dict[str, Any], path: str, context: ParseContext) -> None:
    """Check that start and end differ; otherwise the offer would never be valid."""
    if values["start"] == values["end"]:
        context.add_error(join_path(path, "to"), "invalid", "from and to must differ.")


def check_dates(values: dict[str, Any], path: str, context: ParseContext) -> None:
    """Check that at least one end is given, both are of the same kind, and they are in order."""
    start, end = values.get("start"), values.get("end")
    if start is None and end is None:
        context.add_error(join_path(path, "from"), "required", "from or to is required.")
    elif start is not None and end is not None:
        if (len(start) == 10) != (len(end) == 10):
            context.add_error(join_path(path, "to"), "invalid", "from and to must both be dates or both be datetimes.")
        elif start > end if len(start) == 10 else parse_datetime(start) >= parse_datetime(end):
            context.add_error(join_path(path, "to"), "invalid", "to must be after from.")


def one_of_record(kind: Kind) -> Record:
    """Return the record of a condition that a value is among `any`."""
    return Record(o.OneOf, (Key("any", ListOf(kind, 1)),))


SUBTOTAL = Record(
    o.Subtotal,
    (Key("value", Money()), Key("basis", Choice(("before", "running"))), SELECTED, Key("currency", CURRENCY)),
    check=check_subtotal,
)
QUANTITY = Record(o.Quantity, (Key("value", UNITS, alias="quantity"), SELECTED))

CONDITIONS: Mapping[str, Record] = {
    "min_subtotal": SUBTOTAL,
    "max_subtotal": SUBTOTAL,
    "subtotal_equals": SUBTOTAL,
    "min_quantity": QUANTITY,
    "min_line_quantity": QUANTITY,
    "contains": Record(o.Contains, (SELECTED, Key("quantity", UNITS, always_dumped=True))),
    "audience": one_of_record(Text()),
    "nth_order": Record(o.NthOrder, (Key("value", UNITS),)),
    "transaction_type": one_of_record(Text()),
    "currency": one_of_record(CURRENCY),
    "country": one_of_record(Text(max_length=2, upper=True, pattern="[A-Z]{2}")),
    "shipping_method": one_of_record(Text()),
    "weekdays": one_of_record(Weekday()),
    "hours": Record(o.Hours, (Key("from", Clock(), "start"), Key("to", Clock(), "end")), check=check_hours),
    "date_range": Record(
        o.DateRange, (Key("from", DateOrDateTime(), "start"), Key("to", DateOrDateTime(), "end")), check=check_dates
    ),
}


# --- benefits -----------------------------------------------------------------------------------------------------

NARROWING = Record(
    o.Narrowing,
    (
        SELECTED,
        Key("max_units", UNITS),
        Key("per", Choice(("order", "line"))),
        Key("pick", PICK_CHOICES),
        Key("only_complete_groups_of", UNITS),
        Key("max_discount", Money(positive=True)),
        Key("split", Choice(("value", "quantity"))),
        Key("currency", CURRENCY),
    ),
)


def check_exactly_one(values: dict[str, Any], names: tuple[str, ...], path: str, context: ParseContext) -> None:
    """Check that exactly one of `names` is given."""
    present = [name for name in names if values.get(name) is not None]
    if len(present) != 1:
        error_path, code = (join_path(path, present[-1]), "invalid") if present else (path, "required")
        context.add_error(error_path, code, f"Provide exactly one of {', '.join(names)}.")


def check_benefit(values: dict[str, Any], path: str, context: ParseContext) -> None:
    """Check what applies to all benefits: amounts fit their currency, and `each` is used with shipping only."""
    context.check_currency(values.get("currency"), path)
    if values.get("each") and values.get("on", "order") != "shipping":
        context.add_error(join_path(path, "each"), "invalid", "each requires on: shipping.")


def check_set_price(values: dict[str, Any], path: str, context: ParseContext) -> None:
    """Check that a bundle, and only a bundle, has a size."""
    check_benefit(values, path, context)
    if (values.get("on") == "bundle") != ("bundle_size" in values):
        context.add_error(join_path(path, "bundle_size"), "invalid", "bundle_size and on: bundle require each other.")


def check_then(values: dict[str, Any], path: str, context: ParseContext) -> None:
    """Check that the picked unit has exactly one price."""
    check_exactly_one(values, ("percent", "amount", "unit_price"), path, context)


def check_groups(values: dict[str, Any], path: str, context: ParseContext) -> None:
    """Check that a group has exactly one price and that the picked position exists."""
    check_benefit(values, path, context)
    check_exactly_one(values, ("percent", "amount", "unit_price", "group_price", "then"), path, context)
    if values.get("then") is not None and values["then"].nth > values["size"]:
        context.add_error(join_path(path, "then.nth"), "max_value", "Must be at most the group size.")


def check_tiers(values: dict[str, Any], path: str, context: ParseContext) -> None:
    """Check that tiers rise and match their basis and unit."""
    tier_values = {f"{path}.tiers.{index}.value": tier.value for index, tier in enumerate(values["tiers"])}
    if "base" in values:
        tier_values[f"{path}.base"] = values["base"]
    if values["unit"] == "percent":
        context.amounts = [amount for amount in context.amounts if amount[0] not in tier_values]
    check_benefit(values, path, context)
    for value_path, value in tier_values.items():
        if values["unit"] == "percent":
            check_percent(value, value_path, context)
        elif value_path in context.number_paths:
            context.add_error(value_path, "invalid", 'With unit: amount, enter a decimal string, for example "5.00".')
    check_rising(values, path, context)
    if values["basis"] == "line_amount" and values.get("on", "line") != "line":
        context.add_error(join_path(path, "on"), "invalid", "Tiers by line amount require on: line.")


def check_rising(values: dict[str, Any], path: str, context: ParseContext) -> None:
    """Check that every tier starts above the previous one, in units or in money according to the basis."""
    counts_units = values["basis"] == "eligible_quantity"
    previous: MoneyAmount | int | None = None
    for index, tier in enumerate(values["tiers"]):
        start_path = f"{path}.tiers.{index}.from"
        if isinstance(tier.start, int) != counts_units:
            expected = "a number of units" if counts_units else 'an amount, for example "50.00"'
            context.add_error(start_path, "invalid", f"With this basis, enter {expected}.")
        elif previous is not None and list_currencies(tier.start) != list_currencies(previous):
            context.add_error(start_path, "invalid", "Use the same currencies in every tier.")
        elif previous is not None and not is_rising(previous, tier.start):
            context.add_error(start_path, "invalid", "Each tier must start above the previous one.")
        else:
            previous = tier.start


def list_currencies(start: MoneyAmount | int) -> tuple[str, ...]:
    """Return the currencies of the start of a tier; none for a plain amount or a number of units."""
    return start.currencies if isinstance(start, PerCurrency) else ()


def is_rising(previous: Any, start: Any) -> bool:
    """Return whether a tier starts above the previous one, in every currency."""
    if isinstance(start, PerCurrency):
        return all(value > before for (_, before), (_, value) in zip(previous.values, start.values, strict=True))
    return bool(start > previous)


def check_percent(value: MoneyAmount, path: str, context: ParseContext) -> None:
    """Check that a percentage is from 0 to 100 with at most two decimals."""
    if isinstance(value, PerCurrency):
        context.add_error(path, "invalid", "With unit: percent, enter a percentage.")
    elif value > 100:
        context.add_error(path, "max_value", "Must be at most 100.")
    elif decimal_places(value.normalize()) > 2:
        context.add_error(path, "max_decimal_places", "Use at most two decimals.")


def benefit_record(cls: type[Any], *keys: Key, check: Any = check_benefit) -> Record:
    """Return the record of a benefit: its own keys and the keys of the narrowing."""
    return Record(cls, keys, inline=("narrowing", NARROWING), check=check)


def on_key(*targets: str) -> Key:
    """Return the key that tells what the benefit applies to."""
    return Key("on", Choice(targets), always_dumped=True)


EACH = Key("each", Boolean())
METHODS = Key("methods", Choice(("all", "cheapest", "credit_cheapest")))
THEN = Record(
    o.Then,
    (
        Key("pick", PICK_CHOICES, always_dumped=True),
        Key("nth", UNITS, always_dumped=True),
        Key("scope", Choice(("within_group", "across_groups")), always_dumped=True),
        Key("percent", Percentage()),
        Key("amount", Money(positive=True)),
        Key("unit_price", Money()),
        Key("max_uses", UNITS),
    ),
    check=check_then,
)
BUY = Record(o.Buy, (Key("quantity", UNITS), SELECTED))
GET = Record(o.Get, (Key("quantity", UNITS), SELECTED, Key("percent", Percentage(), always_dumped=True)))
TIER = Record(o.Tier, (Key("from", MoneyOrCount(), "start"), Key("value", MoneyOrPercentage())))

BENEFITS: Mapping[str, Record] = {
    "percent": benefit_record(o.Percent, Key("value", Percentage()), on_key(*ORDER_TO_SHIPPING), EACH, METHODS),
    "amount": benefit_record(o.Amount, Key("value", Money(positive=True)), on_key(*ORDER_TO_SHIPPING), EACH, METHODS),
    "set_price": benefit_record(
        o.SetPrice,
        Key("value", Money()),
        on_key("order", "line", "unit", "cheapest_line", "bundle", "shipping"),
        Key("bundle_size", UNITS),
        EACH,
        METHODS,
        check=check_set_price,
    ),
    "buy_get": benefit_record(o.BuyGet, Key("buy", BUY), Key("get", GET), Key("repeat", Boolean(), always_dumped=True)),
    "groups": benefit_record(
        o.Groups,
        Key("size", UNITS),
        Key("fill", PICK_CHOICES, always_dumped=True),
        Key("count", UNITS),
        Key("percent", Percentage()),
        Key("amount", Money(positive=True)),
        Key("unit_price", Money()),
        Key("group_price", Money()),
        Key("then", THEN),
        check=check_groups,
    ),
    "tiers": benefit_record(
        o.Tiers,
        Key("basis", Choice(("order_amount", "line_amount", "eligible_quantity"))),
        Key("base", MoneyOrPercentage()),
        Key("tiers", ListOf(TIER, 1, 50)),
        Key("unit", Choice(("percent", "amount"))),
        Key("on", Choice(("order", "line", "unit", "shipping"))),
        check=check_tiers,
    ),
    "unit_ladder": benefit_record(o.UnitLadder, Key("first", Money()), Key("next", Money())),
    "gift": benefit_record(
        o.GiftBenefit, Key("sku", Text()), Key("quantity", UNITS, always_dumped=True), Key("price", Money())
    ),
}

OFFER = Record(
    o.Offer,
    (
        Key("conditions", ListOf(ByKind(CONDITIONS), 0, 20), always_dumped=True),
        Key("benefits", ListOf(ByKind(BENEFITS), 1, 5)),
        Key("combinable", Boolean(), always_dumped=True),
        Key("lane", Integer(0, 9), always_dumped=True),
        Key("priority", Integer(-1_000_000, 1_000_000), always_dumped=True),
        Key("group", Text(max_length=64), always_dumped=True),
        Key("exclusive", Boolean(), always_dumped=True),
        Key("max_applications", UNITS, always_dumped=True),
    ),
)

PROFILE = Record(Profile, tuple(Key(name, Choice(options), always_dumped=True) for name, options in OPTIONS.items()))
