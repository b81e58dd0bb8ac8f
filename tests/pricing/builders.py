"""Short builders for carts and offers, so that a test case reads like a calculation."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from core.money import iso_exponent
from pricing import (
    Cart,
    Decision,
    EligibleOffer,
    Facts,
    Line,
    Offer,
    Shipping,
    ShopperFacts,
    parse_offer,
    parse_profile,
    price,
)

NOON = datetime(2026, 11, 18, 12, 0, tzinfo=UTC)
"""A Wednesday."""


def minor(text: str, currency: str = "EUR") -> int:
    """Convert an amount to minor units."""
    return int(Decimal(text).scaleb(iso_exponent(currency)))


def line(name: str, unit_price: str, quantity: int = 1, *, currency: str = "EUR", **more: Any) -> Line:
    """Build a line; its SKU is its id unless given."""
    floor = minor(more.pop("floor", "0"), currency)
    categories = frozenset(more.pop("categories", ()))
    sku = more.pop("sku", name)
    return Line(name, sku, quantity, minor(unit_price, currency), categories=categories, min_unit_price=floor, **more)


def cart(*lines: Line, shipping: str | dict[str, str] | None = None, currency: str = "EUR", **more: Any) -> Cart:
    """Build a cart; shipping is one price, or prices by id."""
    methods = {"ship": shipping} if isinstance(shipping, str) else shipping or {}
    freight = tuple(Shipping(name, minor(amount, currency)) for name, amount in methods.items())
    return Cart(currency, iso_exponent(currency), lines, freight, **more)


def offer(*benefits: dict[str, Any], conditions: list[dict[str, Any]] | None = None, **more: Any) -> Offer:
    """Build an offer from its document."""
    return parse_offer({"conditions": conditions or [], "benefits": list(benefits), **more})


def percent(value: str | int, on: str = "order", **more: Any) -> dict[str, Any]:
    return {"kind": "percent", "value": value, "on": on, **more}


def amount(value: str | dict[str, str], on: str = "order", **more: Any) -> dict[str, Any]:
    return {"kind": "amount", "value": value, "on": on, **more}


def set_price(value: str, on: str = "order", **more: Any) -> dict[str, Any]:
    return {"kind": "set_price", "value": value, "on": on, **more}


def quote(
    bag: Cart,
    *offers: Offer | EligibleOffer,
    profile: dict[str, Any] | None = None,
    facts: Facts | None = None,
    at: datetime = NOON,
    explain: bool = False,
) -> Decision:
    """Price a cart. Offers are named o1, o2, ... in the order given, which is also their age."""
    eligible = [
        item
        if isinstance(item, EligibleOffer)
        else EligibleOffer(f"o{number}", "promotion", f"Offer {number}", item, order=number)
        for number, item in enumerate(offers, 1)
    ]
    known = ShopperFacts({"": facts} if facts else {})
    return price(bag, eligible, known, parse_profile(profile or {}), at, explain=explain)


def off(decision: Decision, currency: str = "EUR") -> dict[str, str]:
    """Return the discount of each discounted line and shipping method."""
    exponent = iso_exponent(currency)
    discounts = {line.id: line.discount for line in decision.lines} | {
        method.id: method.discount for method in decision.shipping
    }
    return {name: format(Decimal(amount).scaleb(-exponent), "f") for name, amount in discounts.items() if amount}
