"""Promotions of the demo: active, scheduled and draft ones, for everyone and for audiences, and attributes."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from accounts.models import Brand
from promotions import services
from redemptions.statuses import OfferDecision


@dataclass(frozen=True, slots=True)
class Example:
    """Promotion of a demo brand. It starts ``starts`` days from now and lasts ``days`` days."""

    brand: str
    name: str
    starts: int
    days: int
    offer: dict[str, Any]
    fields: dict[str, Any]
    code: str | None = None


ATTRIBUTES = [
    ("billo", "customer_tier", "string", "Loyalty tier of a customer: silver or gold."),
    ("billo", "color", "string", "Color of a product."),
    ("cake", "gift_wrap", "boolean", "Whether the order is wrapped as a gift."),
]
"""The brand, the name, the type and the description of each attribute."""

PROMOTIONS = [
    Example(
        "billo", "Hats: buy two, get one free", 0, 60,
        {"benefits": [{
            "kind": "buy_get", "buy": {"select": {"categories": ["hats"]}, "quantity": 2},
            "get": {"select": {"categories": ["hats"]}, "quantity": 1, "percent": "100"}, "repeat": True,
        }]},
        {"description": "The cheapest of three hats is free.", "limit_per_user": 3},
    ),
    Example(
        "billo", "€5 off orders over €30", 0, 30,
        {"conditions": [{"kind": "min_subtotal", "value": "30.00"}],
         "benefits": [{"kind": "amount", "value": "5.00", "currency": "EUR", "on": "order"}]},
        {"budget": 100_000, "limit_per_user": 1}, code="BILLO5",
    ),
    Example(
        "billo", "Goodwill: €15 that can be used for several orders", 0, 90,
        {"benefits": [{"kind": "amount", "value": "15.00", "currency": "EUR", "on": "order", "keep_balance": True}]},
        {}, code="GOODWILL",
    ),
    Example(
        "billo", "Winter coats: buy more, save more", 14, 45,
        {"benefits": [{
            "kind": "tiers", "basis": "eligible_quantity", "unit": "percent", "select": {"categories": ["coats"]},
            "tiers": [{"from": 2, "value": "10"}, {"from": 3, "value": "20"}],
        }]},
        {"budget": 500_000},
    ),
    Example(
        "billo", "Free shipping for friends", 7, 14,
        {"benefits": [{"kind": "percent", "value": "100", "on": "shipping"}]},
        {"decision": OfferDecision.DRAFT},
    ),
    Example(
        "billo", "Regular customers: 25% off scarves", 0, 45,
        {"benefits": [{"kind": "percent", "value": "25", "select": {"categories": ["scarves"]}}]},
        {"description": "For customers with more than two orders.", "target_audience": "purchased_more_than_twice"},
    ),
    Example(
        "billo", "Welcome: 10% off gloves", 7, 30,
        {"benefits": [{"kind": "percent", "value": "10", "select": {"categories": ["gloves"]}}]},
        {"target_audience": "new_users"},
    ),
    Example(
        "billo", "Gold customers: 10% off orders with something red", 0, 60,
        {"conditions": [
            {"kind": "attribute", "name": "customer_tier", "of": "customer", "any": ["gold"]},
            {"kind": "attribute", "name": "color", "of": "line", "any": ["red"]},
         ],
         "benefits": [{"kind": "percent", "value": "10"}]},
        {"description": "Carts need the attributes customer_tier of the customer and color of a line."},
    ),
    Example(
        "cake", "VIP customers: 20% off tarts", 0, 30,
        {"benefits": [{"kind": "percent", "value": "20", "select": {"categories": ["tarts"]}}]},
        {"target_audience": "vip_customers"},
    ),
    Example(
        "cake", "Half price on the second cake", 0, 90,
        {"benefits": [{
            "kind": "buy_get", "buy": {"select": {"categories": ["cakes"]}, "quantity": 1},
            "get": {"select": {"categories": ["cakes"]}, "quantity": 1, "percent": "50"}, "repeat": False,
        }]},
        {"limit_per_day": 200},
    ),
]  # fmt: skip


def create_promotions(brands: dict[str, Brand], *, at: datetime) -> int:
    """Create the attributes and the promotions of both brands; return the number of promotions."""
    for slug, name, type_name, description in ATTRIBUTES:
        services.create_attribute(brand=brands[slug], name=name, type_name=type_name, description=description, at=at)
    for example in PROMOTIONS:
        start = at + timedelta(days=example.starts)
        fields = {
            "name": example.name, "start_date": start, "end_date": start + timedelta(days=example.days),
            "offer": example.offer, "trigger": "code" if example.code else "automatic",
        } | example.fields  # fmt: skip
        services.create_promotion(brand=brands[example.brand], fields=fields, code=example.code, at=at)
    return len(PROMOTIONS)
