"""Descriptions of benefits and their limits."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from pricing import condition_values as c
from pricing import offer as o
from pricing.currencies import MoneyAmount
from pricing.description.formats import format_amount, format_ordinal, format_percent, format_times, join_or, pluralize
from pricing.description.selections import count_of, describe_selection, of_selection

SHIPPING_TEXTS = {
    ("all", False): "shipping",
    ("all", True): "every shipping method",
    ("cheapest", False): "the cheapest shipping method",
    ("credit_cheapest", False): "the cheapest shipping method, credited to every method",
}
PICKS = {"cheapest": "cheapest", "dearest": "most expensive"}


def describe_benefit(benefit: o.Benefit, currency: str) -> str:
    """Describe one benefit and its limits."""
    unit = benefit.narrowing.currency or currency
    return ", ".join([BENEFIT_TEXTS[type(benefit)](benefit, unit), *describe_limits(benefit, unit)])


def describe_percent(benefit: o.Percent, currency: str) -> str:
    return f"{format_percent(benefit.value)} off {describe_target(benefit, currency)}"


def describe_amount(benefit: o.Amount, currency: str) -> str:
    text = f"{format_amount(benefit.value, currency)} off {describe_target(benefit, currency)}"
    return f"{text}, the rest stays on the code" if benefit.keep_balance else text


def describe_set_price(benefit: o.SetPrice, currency: str) -> str:
    price = format_amount(benefit.value, currency)
    if benefit.on == "shipping" and not benefit.value and benefit.methods == "all":
        methods = benefit.narrowing.select.shipping_ids
        return f"free shipping by {join_or(methods)}" if methods else "free shipping"
    if benefit.on == "bundle":
        return f"any {count_of(benefit.bundle_size or 1, benefit.narrowing.select, currency)} for {price}"
    return f"{describe_target(benefit, currency)} for {price}"


def describe_buy_get(benefit: o.BuyGet, currency: str) -> str:
    bought, discounted = benefit.buy.select, benefit.get.select
    price = describe_get_price(benefit.get, currency)
    buy = f"buy {count_of(benefit.buy.quantity, bought, currency)}"
    if discounted == bought:
        get = f"get {benefit.get.quantity} more {price}"
    else:
        get = f"get {count_of(benefit.get.quantity, discounted, currency)} {price}"
    limits = [
        "" if benefit.repeat else ", once per order",
        "" if benefit.partial else ", only if the cart has all of them",
    ]
    return f"{buy}, {get}" + "".join(limits)


def describe_get_price(get: o.Get, currency: str) -> str:
    """Describe the price of the discounted units."""
    if get.amount is not None:
        return f"at {format_amount(get.amount, currency)} off each"
    if get.unit_price is not None:
        return f"for {format_amount(get.unit_price, currency)} each"
    percent = get.percent or Decimal(100)
    return "free" if percent == 100 else f"{format_percent(percent)} off"


def describe_groups(benefit: o.Groups, currency: str) -> str:
    group = f"every {count_of(benefit.size, benefit.narrowing.select, currency)}"
    if benefit.then is None:
        times = f", {format_times(benefit.count)}" if benefit.count else ""
        return f"{group} {describe_group_price(benefit, currency)}{times}"
    then = benefit.then
    picked = f"the {PICKS[then.pick]}" if then.nth == 1 else f"the {format_ordinal(then.nth)} {PICKS[then.pick]}"
    scope = " (across all groups)" if then.scope == "across_groups" else ""
    times = f", {format_times(then.max_uses)}" if then.max_uses else ""
    return f"{picked} of {group}{scope} {describe_group_price(then, currency)}{times}"


def describe_group_price(price: o.Groups | o.Then, currency: str) -> str:
    """Describe the price of a group, or of the unit picked from it."""
    if price.percent is not None:
        return "free" if price.percent == 100 else f"at {format_percent(price.percent)} off"
    if price.amount is not None:
        return f"at {format_amount(price.amount, currency)} off"
    if price.unit_price is not None:
        return f"for {format_amount(price.unit_price, currency)} each"
    return f"for {format_amount(getattr(price, 'group_price', None) or Decimal(0), currency)} together"


def describe_tiers(benefit: o.Tiers, currency: str) -> str:
    off = "off shipping" if benefit.on == "shipping" else "off"

    def format_value(value: MoneyAmount) -> str:
        if benefit.unit == "percent" and isinstance(value, Decimal):
            return format_percent(value)
        return format_amount(value, currency)

    def format_start(start: MoneyAmount | int) -> str:
        return pluralize(start, "unit") if isinstance(start, int) else format_amount(start, currency)

    parts = [f"{format_value(tier.value)} {off} from {format_start(tier.start)}" for tier in benefit.tiers]
    if benefit.base:
        parts.insert(0, f"{format_value(benefit.base)} {off} below {format_start(benefit.tiers[0].start)}")
    if benefit.narrowing.select != c.EVERYTHING:
        parts.append(f"on {describe_selection(benefit.narrowing.select, currency)}")
    if benefit.basis == "line_amount":
        parts.append("per line")
    return ", ".join(parts)


def describe_unit_ladder(benefit: o.UnitLadder, currency: str) -> str:
    first, additional = format_amount(benefit.first, currency), format_amount(benefit.next, currency)
    selection = of_selection(benefit.narrowing.select, currency)
    return f"{first} off the first unit and {additional} off each additional unit{selection}, per line"


def describe_gift(benefit: o.GiftBenefit, currency: str) -> str:
    price = f"for {format_amount(benefit.price, currency)} each" if benefit.price else "as a free gift"
    text = f"{pluralize(benefit.quantity, 'unit')} of {benefit.sku} {price}"
    if benefit.narrowing.per == "unit":
        text += f" for each unit{of_selection(benefit.narrowing.select, currency)}"
    return text


BENEFIT_TEXTS: dict[type[Any], Callable[[Any, str], str]] = {
    o.Percent: describe_percent,
    o.Amount: describe_amount,
    o.SetPrice: describe_set_price,
    o.BuyGet: describe_buy_get,
    o.Groups: describe_groups,
    o.Tiers: describe_tiers,
    o.UnitLadder: describe_unit_ladder,
    o.GiftBenefit: describe_gift,
}


def describe_target(benefit: o.Percent | o.Amount | o.SetPrice, currency: str) -> str:
    """Describe what the benefit applies to."""
    select = benefit.narrowing.select
    if benefit.on == "order":
        return "the order" if select == c.EVERYTHING else describe_selection(select, currency)
    if benefit.on == "shipping":
        methods = f" by {join_or(select.shipping_ids)}" if select.shipping_ids else ""
        return SHIPPING_TEXTS[benefit.methods, benefit.each and benefit.methods == "all"] + methods
    target = {"line": "each line", "unit": "each unit", "cheapest_line": "the cheapest line"}[benefit.on]
    return target + of_selection(select, currency)


def describe_limits(benefit: o.Benefit, currency: str) -> list[str]:
    """Describe the limits of a benefit."""
    narrowing = benefit.narrowing
    per_line = " per line" if narrowing.per == "line" else ""
    limits = [
        f"on up to {pluralize(narrowing.max_units, 'unit')}{per_line}" if narrowing.max_units else "",
        f"{PICKS[narrowing.pick]} first" if narrowing.pick and narrowing.max_units else "",
        f"only complete groups of {narrowing.only_complete_groups_of}{per_line}"
        if narrowing.only_complete_groups_of
        else "",
        f"up to {format_amount(narrowing.max_discount, currency)}" if narrowing.max_discount is not None else "",
        "split by quantity" if narrowing.split == "quantity" else "",
    ]
    return [limit for limit in limits if limit]
