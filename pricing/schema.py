"""The offer language as tables: every kind of condition and benefit, its keys, and what must agree among them."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from pricing import offer as o
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
    parse_datetime,
    places,
)
from pricing.profile import OPTIONS, Profile
from pricing.records import ByKind, Key, Record, join

UNITS = Integer(1, 1_000_000)
NAMES = ListOf(Text())
CURRENCY = Text(max_length=3, upper=True, shape="[A-Z]{3}")
PICK_CHOICES = Choice(("cheapest", "dearest"))
ORDER_TO_SHIPPING = ("order", "line", "unit", "cheapest_line", "shipping")


def check_select(found: dict[str, Any], path: str, context: ParseContext) -> None:
    """A price range must not be upside down."""
    low, high = found.get("unit_price_from"), found.get("unit_price_to")
    if low is not None and high is not None and low > high:
        context.add_error(join(path, "unit_price_to"), "out_of_range", "This must not be below unit_price_from.")


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


def check_subtotal(found: dict[str, Any], path: str, context: ParseContext) -> None:
    """The amount fits its currency."""
    context.fits(found.get("currency"), path)


def check_hours(found: dict[str, Any], path: str, context: ParseContext) -> None:
    """A window of no length would never be open."""
    if found["start"] == found["end"]:
        context.add_error(join(path, "to"), "out_of_range", "from and to must differ.")


def check_dates(found: dict[str, Any], path: str, context: ParseContext) -> None:
    """One end at least, both of one sort, in order."""
    start, end = found.get("start"), found.get("end")
    if start is None and end is None:
        context.add_error(join(path, "from"), "required", "from or to is required.")
    elif start is not None and end is not None:
        if (len(start) == 10) != (len(end) == 10):
            context.add_error(join(path, "to"), "invalid", "from and to must both be dates or both be instants.")
        elif start > end if len(start) == 10 else parse_datetime(start) >= parse_datetime(end):
            context.add_error(join(path, "to"), "out_of_range", "to must be after from.")


def one_of(kind: Kind) -> Record:
    """A condition that a fact is among `any`."""
    return Record(o.OneOf, (Key("any", ListOf(kind, 1)),))


SUBTOTAL = Record(
    o.Subtotal,
    (Key("value", Money()), Key("basis", Choice(("before", "running"))), SELECTED, Key("currency", CURRENCY)),
    check=check_subtotal,
)
QUANTITY = Record(o.Quantity, (Key("value", UNITS, also="quantity"), SELECTED))

CONDITIONS: Mapping[str, Record] = {
    "min_subtotal": SUBTOTAL,
    "max_subtotal": SUBTOTAL,
    "subtotal_equals": SUBTOTAL,
    "min_quantity": QUANTITY,
    "min_line_quantity": QUANTITY,
    "contains": Record(o.Contains, (SELECTED, Key("quantity", UNITS, always=True))),
    "audience": one_of(Text()),
    "nth_order": Record(o.NthOrder, (Key("value", UNITS),)),
    "transaction_type": one_of(Text()),
    "currency": one_of(CURRENCY),
    "country": one_of(Text(max_length=2, upper=True, shape="[A-Z]{2}")),
    "shipping_method": one_of(Text()),
    "weekdays": one_of(Weekday()),
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


def exactly_one(found: dict[str, Any], names: tuple[str, ...], path: str, context: ParseContext) -> None:
    """Exactly one of `names` is given."""
    given = [name for name in names if found.get(name) is not None]
    if len(given) != 1:
        where, code = (join(path, given[-1]), "invalid") if given else (path, "required")
        context.add_error(where, code, f"Exactly one of {', '.join(names)} is required.")


def check_benefit(found: dict[str, Any], path: str, context: ParseContext) -> None:
    """What holds for every benefit: amounts fit the currency, `each` is for shipping."""
    context.fits(found.get("currency"), path)
    if found.get("each") and found.get("on", "order") != "shipping":
        context.add_error(join(path, "each"), "not_allowed", "each goes with on: shipping.")


def check_set_price(found: dict[str, Any], path: str, context: ParseContext) -> None:
    """A bundle has a size, and only a bundle has one."""
    check_benefit(found, path, context)
    if (found.get("on") == "bundle") != ("bundle_size" in found):
        context.add_error(join(path, "bundle_size"), "invalid", "bundle_size goes with on: bundle.")


def check_then(found: dict[str, Any], path: str, context: ParseContext) -> None:
    """The picked unit is priced in one way."""
    exactly_one(found, ("percent", "amount", "unit_price"), path, context)


def check_groups(found: dict[str, Any], path: str, context: ParseContext) -> None:
    """A group is priced in one way; the nth of a group exists."""
    check_benefit(found, path, context)
    exactly_one(found, ("percent", "amount", "unit_price", "group_price", "then"), path, context)
    if found.get("then") is not None and found["then"].nth > found["size"]:
        context.add_error(join(path, "then.nth"), "out_of_range", "A group has no such unit.")


def check_tiers(found: dict[str, Any], path: str, context: ParseContext) -> None:
    """Tiers rise, begin as their basis counts, and give what their unit says."""
    given = {f"{path}.tiers.{index}.value": tier.value for index, tier in enumerate(found["tiers"])}
    if "base" in found:
        given[f"{path}.base"] = found["base"]
    if found["unit"] == "percent":
        context.amounts = [each for each in context.amounts if each[0] not in given]
    check_benefit(found, path, context)
    for where, value in given.items():
        if found["unit"] == "percent":
            check_percent(value, where, context)
        elif where in context.numbers:
            context.add_error(where, "wrong_type", 'With unit: amount this must be a decimal string such as "5.00".')
    check_rising(found, path, context)
    if found["basis"] == "line_amount" and found.get("on", "line") != "line":
        context.add_error(join(path, "on"), "not_allowed", "Tiers by line amount are given on lines.")


def check_rising(found: dict[str, Any], path: str, context: ParseContext) -> None:
    """Every tier begins above the one before, in units or in money as the basis counts."""
    counts = found["basis"] == "eligible_quantity"
    previous: Decimal | int | None = None
    for index, tier in enumerate(found["tiers"]):
        where = f"{path}.tiers.{index}.from"
        if isinstance(tier.start, int) != counts:
            needed = "a number of units" if counts else 'an amount such as "50.00"'
            context.add_error(where, "wrong_type", f"With this basis it must be {needed}.")
        elif previous is not None and tier.start <= previous:
            context.add_error(where, "out_of_range", "Tiers must rise.")
        else:
            previous = tier.start


def check_percent(value: Decimal, path: str, context: ParseContext) -> None:
    """From 0 to 100 with at most two decimals."""
    if value > 100:
        context.add_error(path, "out_of_range", "This must be up to 100.")
    elif places(value.normalize()) > 2:
        context.add_error(path, "too_many_decimals", "A percentage has at most two decimals.")


def benefit(cls: type[Any], *keys: Key, check: Any = check_benefit) -> Record:
    """A benefit's record: its own keys and the narrowing's."""
    return Record(cls, keys, inline=("narrow", NARROWING), check=check)


def on(*places_: str) -> Key:
    """What the benefit is taken on."""
    return Key("on", Choice(places_), always=True)


EACH = Key("each", Boolean())
THEN = Record(
    o.Then,
    (
        Key("pick", PICK_CHOICES, always=True),
        Key("nth", UNITS, always=True),
        Key("scope", Choice(("within_group", "across_groups")), always=True),
        Key("percent", Percentage()),
        Key("amount", Money(positive=True)),
        Key("unit_price", Money()),
        Key("max_uses", UNITS),
    ),
    check=check_then,
)
BUY = Record(o.Buy, (Key("quantity", UNITS), SELECTED))
GET = Record(o.Get, (Key("quantity", UNITS), SELECTED, Key("percent", Percentage(), always=True)))
TIER = Record(o.Tier, (Key("from", MoneyOrCount(), "start"), Key("value", MoneyOrPercentage())))

BENEFITS: Mapping[str, Record] = {
    "percent": benefit(o.Percent, Key("value", Percentage()), on(*ORDER_TO_SHIPPING), EACH),
    "amount": benefit(o.Amount, Key("value", Money(positive=True)), on(*ORDER_TO_SHIPPING), EACH),
    "set_price": benefit(
        o.SetPrice,
        Key("value", Money()),
        on("order", "line", "unit", "cheapest_line", "bundle", "shipping"),
        Key("bundle_size", UNITS),
        EACH,
        check=check_set_price,
    ),
    "buy_get": benefit(o.BuyGet, Key("buy", BUY), Key("get", GET), Key("repeat", Boolean(), always=True)),
    "groups": benefit(
        o.Groups,
        Key("size", UNITS),
        Key("fill", PICK_CHOICES, always=True),
        Key("count", UNITS),
        Key("percent", Percentage()),
        Key("amount", Money(positive=True)),
        Key("unit_price", Money()),
        Key("group_price", Money()),
        Key("then", THEN),
        check=check_groups,
    ),
    "tiers": benefit(
        o.Tiers,
        Key("basis", Choice(("order_amount", "line_amount", "eligible_quantity"))),
        Key("base", MoneyOrPercentage()),
        Key("tiers", ListOf(TIER, 1, 50)),
        Key("unit", Choice(("percent", "amount"))),
        Key("on", Choice(("order", "line", "unit", "shipping"))),
        check=check_tiers,
    ),
    "unit_ladder": benefit(o.UnitLadder, Key("first", Money()), Key("next", Money())),
    "gift": benefit(o.GiftOf, Key("sku", Text()), Key("quantity", UNITS, always=True), Key("price", Money())),
}

OFFER = Record(
    o.Offer,
    (
        Key("conditions", ListOf(ByKind(CONDITIONS), 0, 20), always=True),
        Key("benefits", ListOf(ByKind(BENEFITS), 1, 5)),
        Key("combinable", Boolean(), always=True),
        Key("lane", Integer(0, 9), always=True),
        Key("priority", Integer(-1_000_000, 1_000_000), always=True),
        Key("group", Text(max_length=64), always=True),
        Key("exclusive", Boolean(), always=True),
        Key("max_applications", UNITS, always=True),
    ),
)

PROFILE = Record(Profile, tuple(Key(name, Choice(options), always=True) for name, options in OPTIONS.items()))
