"""Schema of offers and benefits: their keys, and checks across keys. `condition_schema` has the conditions."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from core.messages import message as _
from pricing import offer as o
from pricing.condition_schema import CONDITIONS, CURRENCY, SELECTED, UNITS
from pricing.currencies import MoneyAmount, PerCurrency
from pricing.fields import Boolean, Choice, Integer, ListOf, ParseContext, Text, decimal_places, join_path
from pricing.key_rules import ExactlyOne, KeyRule, OnlyWith
from pricing.money_fields import Money, MoneyOrCount, MoneyOrPercentage, Percentage
from pricing.profile import OPTIONS, Profile
from pricing.records import ByKind, Check, Key, Record

PICK_CHOICES = Choice(("cheapest", "dearest"))
UNIT_PRICES = ("percent", "amount", "unit_price")
ORDER_TO_SHIPPING = ("order", "line", "unit", "cheapest_line", "shipping")


# --- benefits -----------------------------------------------------------------------------------------------------


def narrowing_record(*units: str) -> Record:
    """Return the record of the narrowing of a benefit whose units can be counted per each of `units`."""
    return Record(
        o.Narrowing,
        (
            SELECTED,
            Key("max_units", UNITS),
            Key("per", Choice(units)),
            Key("pick", PICK_CHOICES),
            Key("only_complete_groups_of", UNITS),
            Key("max_discount", Money(positive=True)),
            Key("split", Choice(("value", "quantity"))),
            Key("currency", CURRENCY),
        ),
    )


NARROWING, GIFT_NARROWING = narrowing_record("order", "line"), narrowing_record("order", "unit")


def check_benefit(values: dict[str, Any], path: str, context: ParseContext) -> None:
    """Check what applies to all benefits: amounts fit their currency."""
    context.check_currency(values.get("currency"), path)


def check_offer(values: dict[str, Any], path: str, context: ParseContext) -> None:
    """Check that a benefit that keeps a balance is the only one, and that its amount has one currency."""
    for index, benefit in enumerate(values["benefits"]):
        if getattr(benefit, "keep_balance", False):
            name = join_path(path, f"benefits.{index}.keep_balance")
            if len(values["benefits"]) > 1:
                context.add_error(
                    name, "invalid", _("A benefit that keeps a balance must be the only one of its offer.")
                )
            elif isinstance(benefit.value, PerCurrency):
                context.add_error(name, "invalid", _("A balance is in one currency. Enter a plain amount."))


def check_get(values: dict[str, Any], path: str, context: ParseContext) -> None:
    """Make the discounted units free if they have no price."""
    if not any(name in values for name in UNIT_PRICES):
        values["percent"] = Decimal(100)


def check_groups(values: dict[str, Any], path: str, context: ParseContext) -> None:
    """Check that the picked position exists."""
    check_benefit(values, path, context)
    if values.get("then") is not None and values["then"].nth > values["size"]:
        context.add_error(join_path(path, "then.nth"), "max_value", _("Must be at most the group size."))


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
            context.add_error(
                value_path, "invalid", _('With unit: amount, enter a decimal string, for example "5.00".')
            )
    check_rising(values, path, context)
    if values["basis"] == "line_amount" and values.get("on", "line") != "line":
        context.add_error(join_path(path, "on"), "invalid", _("Tiers by line amount require on: line."))


def check_rising(values: dict[str, Any], path: str, context: ParseContext) -> None:
    """Check that every tier starts above the previous one, in units or in money according to the basis."""
    counts_units = values["basis"] == "eligible_quantity"
    previous: MoneyAmount | int | None = None
    for index, tier in enumerate(values["tiers"]):
        start_path = f"{path}.tiers.{index}.from"
        if isinstance(tier.start, int) != counts_units:
            units = _("With this basis, enter a number of units.")
            amount = _('With this basis, enter an amount, for example "50.00".')
            context.add_error(start_path, "invalid", units if counts_units else amount)
        elif previous is not None and list_currencies(tier.start) != list_currencies(previous):
            context.add_error(start_path, "invalid", _("Use the same currencies in every tier."))
        elif previous is not None and not is_rising(previous, tier.start):
            context.add_error(start_path, "invalid", _("Each tier must start above the previous one."))
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
        context.add_error(path, "invalid", _("With unit: percent, enter a percentage."))
    elif value > 100:
        context.add_error(path, "max_value", _("Must be at most 100."))
    elif decimal_places(value.normalize()) > 2:
        context.add_error(path, "max_decimal_places", _("Use at most two decimals."))


def benefit_record(
    cls: type[Any],
    *keys: Key,
    check: Check = check_benefit,
    rules: tuple[KeyRule, ...] = (),
    narrowing: Record = NARROWING,
) -> Record:
    """Return the record of a benefit: its own keys and the keys of the narrowing."""
    return Record(cls, keys, inline=("narrowing", narrowing), check=check, rules=rules)


def on_key(*targets: str) -> Key:
    """Return the key that tells what the benefit applies to."""
    return Key("on", Choice(targets), always_dumped=True)


SHIPPING_RULES = (OnlyWith("each", "on", "shipping", default="order"),)
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
    rules=(ExactlyOne(UNIT_PRICES),),
)
BUY = Record(o.Buy, (Key("quantity", UNITS), SELECTED))
GET = Record(
    o.Get,
    (
        Key("quantity", UNITS),
        SELECTED,
        Key("percent", Percentage()),
        Key("amount", Money(positive=True)),
        Key("unit_price", Money()),
    ),
    check=check_get,
    rules=(ExactlyOne(UNIT_PRICES, is_optional=True),),
)
TIER = Record(o.Tier, (Key("from", MoneyOrCount(), "start"), Key("value", MoneyOrPercentage())))

BENEFITS: Mapping[str, Record] = {
    "percent": benefit_record(
        o.Percent, Key("value", Percentage()), on_key(*ORDER_TO_SHIPPING), EACH, METHODS, rules=SHIPPING_RULES
    ),
    "amount": benefit_record(
        o.Amount,
        Key("value", Money(positive=True)),
        on_key(*ORDER_TO_SHIPPING),
        EACH,
        METHODS,
        Key("keep_balance", Boolean()),
        rules=SHIPPING_RULES,
    ),
    "set_price": benefit_record(
        o.SetPrice,
        Key("value", Money()),
        on_key("order", "line", "unit", "cheapest_line", "bundle", "shipping"),
        Key("bundle_size", UNITS),
        EACH,
        METHODS,
        rules=(*SHIPPING_RULES, OnlyWith("bundle_size", "on", "bundle", both=True)),
    ),
    "buy_get": benefit_record(
        o.BuyGet,
        Key("buy", BUY),
        Key("get", GET),
        Key("repeat", Boolean(), always_dumped=True),
        Key("partial", Boolean()),
    ),
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
        rules=(ExactlyOne((*UNIT_PRICES, "group_price", "then")),),
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
        o.GiftBenefit,
        Key("sku", Text()),
        Key("quantity", UNITS, always_dumped=True),
        Key("price", Money()),
        rules=(OnlyWith("max_units", "per", "unit"),),
        narrowing=GIFT_NARROWING,
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
        Key("with_exclusive", Boolean()),
        Key("max_applications", UNITS, always_dumped=True),
    ),
    check=check_offer,
)

PROFILE = Record(Profile, tuple(Key(name, Choice(options), always_dumped=True) for name, options in OPTIONS.items()))
