"""Options of benefits: which of them have an effect, by the kind of a benefit and what it applies to.

An option without an effect is refused when an offer is written. Offers that are stored already keep it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields
from typing import Any

from pricing import condition_values as c
from pricing import offer as o
from pricing.key_rules import OnlyWith

UNITS = frozenset({"max_units", "per", "pick", "only_complete_groups_of"})
PRODUCTS = frozenset(f"select.{field.name}" for field in fields(c.Select)) - {"select.shipping_ids"}
COMMON = frozenset({"max_discount", "currency"})
LINES = PRODUCTS | UNITS | COMMON
SHIPPING = frozenset({"select.shipping_ids", "max_discount", "currency"})

OPTIONS: dict[tuple[str, str], frozenset[str]] = {
    **{
        (kind, target): LINES | ({"split"} if target in ("order", "bundle") else frozenset())
        for kind in ("percent", "amount", "set_price", "tiers")
        for target in ("order", "line", "unit", "cheapest_line", "bundle")
    },
    ("amount", "order"): LINES | {"split", "keep_balance"},
    **{(kind, "shipping"): SHIPPING | {"each", "methods"} for kind in ("percent", "amount", "set_price")},
    ("tiers", "shipping"): SHIPPING | PRODUCTS,
    ("buy_get", ""): LINES,
    ("groups", ""): LINES | {"split"},
    ("unit_ladder", ""): LINES,
    ("gift", ""): PRODUCTS | {"currency", "per", "max_units"},
}
"""Options that have an effect, by the kind of the benefit and its `on`, which is empty for kinds without one."""

EACH_RULE = OnlyWith("each", "methods", "all", default="all")
"""`each` has no effect with the cheapest method."""

ALL_OPTIONS = frozenset().union(*OPTIONS.values())


def get_target(benefit: o.Benefit) -> str:
    """Return what a benefit applies to, as `OPTIONS` names it."""
    if isinstance(benefit, o.Tiers):
        return benefit.on or ("line" if benefit.basis == "line_amount" else "order")
    return getattr(benefit, "on", "")


def list_options(kind: str) -> frozenset[str]:
    """Return the options that have an effect for a kind of benefit, whatever it applies to."""
    return frozenset().union(*(options for (name, _), options in OPTIONS.items() if name == kind))


def find_useless_options(offer: o.Offer) -> Iterator[str]:
    """Yield the path of each option of an offer that has no effect where it stands."""
    if offer.with_exclusive and (offer.exclusive or not offer.combinable):
        yield "with_exclusive"
    for index, condition in enumerate(offer.conditions):
        yield from find_in_condition(condition, f"conditions.{index}")
    for index, benefit in enumerate(offer.benefits):
        path = f"benefits.{index}"
        useful = OPTIONS[benefit.kind, get_target(benefit)]
        given = {**given_attributes(benefit), **given_attributes(benefit.narrowing)}
        given |= {f"select.{name}": value for name, value in given_attributes(benefit.narrowing.select).items()}
        for name in given:
            if name in ALL_OPTIONS and name not in useful:
                yield f"{path}.{name}"
        if isinstance(benefit, o.BuyGet):
            yield from find_shipping_ids(benefit.buy.select, f"{path}.buy.select")
            yield from find_shipping_ids(benefit.get.select, f"{path}.get.select")
        if not EACH_RULE.is_respected(given):
            yield f"{path}.each"


def find_in_condition(condition: c.Condition, path: str) -> Iterator[str]:
    """Yield the paths of the options without an effect in a condition and in those inside it."""
    if isinstance(condition, c.Not):
        yield from find_in_condition(condition.condition, f"{path}.condition")
    elif isinstance(condition, c.AnyOf):
        for index, part in enumerate(condition.conditions):
            yield from find_in_condition(part, f"{path}.conditions.{index}")
    else:
        yield from find_shipping_ids(getattr(condition, "select", c.EVERYTHING), f"{path}.select")


def given_attributes(value: Any) -> dict[str, Any]:
    """Return the attributes that differ from their defaults."""
    return {field.name: given for field in fields(value) if (given := getattr(value, field.name)) != field.default}


def find_shipping_ids(select: c.Select, path: str) -> Iterator[str]:
    """Yield the path of the shipping methods of a selection of lines, which they can't restrict."""
    if select.shipping_ids:
        yield f"{path}.shipping_ids"
