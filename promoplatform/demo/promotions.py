"""Live, coming and drafted promotions, for everyone and for audiences."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from accounts.models import Brand
from promotions import services


@dataclass(frozen=True, slots=True)
class Example:
    """A promotion of a demo brand, from so many days from now on, for so many days."""

    brand: str
    name: str
    starts: int
    days: int
    offer: dict[str, Any]
    fields: dict[str, Any]
    code: str | None = None


PROMOTIONS = [
    Example(
        "billo", "Hats: buy two, get one free", 0, 60,
        {"benefits": [{
            "kind": "buy_get", "buy": {"select": {"categories": ["hats"]}, "quantity": 2},
            "get": {"select": {"categories": ["hats"]}, "quantity": 1, "percent": "100"}, "repeat": True,
        }]},
        {"description": "The cheapest of three hats costs nothing.", "limit_per_user": 3},
    ),
    Example(
        "billo", "Five off from thirty", 0, 30,
        {"conditions": [{"kind": "min_subtotal", "value": "30.00"}],
         "benefits": [{"kind": "amount", "value": "5.00", "currency": "EUR", "on": "order"}]},
        {"budget": 100_000, "limit_per_user": 1}, code="BILLO5",
    ),
    Example(
        "billo", "Winter coats: the more, the cheaper", 14, 45,
        {"benefits": [{
            "kind": "tiers", "basis": "eligible_quantity", "unit": "percent", "select": {"categories": ["coats"]},
            "tiers": [{"from": 2, "value": "10"}, {"from": 3, "value": "20"}],
        }]},
        {"budget": 500_000},
    ),
    Example(
        "billo", "Free shipping for friends", 7, 14,
        {"benefits": [{"kind": "percent", "value": "100", "on": "shipping"}]},
        {"status": "draft"},
    ),
    Example(
        "billo", "For regulars: scarves a quarter off", 0, 45,
        {"benefits": [{"kind": "percent", "value": "25", "select": {"categories": ["scarves"]}}]},
        {"description": "Whoever bought more than twice.", "target_audience": "purchased_more_than_twice"},
    ),
    Example(
        "billo", "Welcome: ten off gloves", 7, 30,
        {"benefits": [{"kind": "percent", "value": "10", "select": {"categories": ["gloves"]}}]},
        {"target_audience": "new_users"},
    ),
    Example(
        "cake", "For our best guests: a tart for less", 0, 30,
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
    """Promotions of both brands, some for audiences, one by a code, two that start later, one drafted; how many."""
    for it in PROMOTIONS:
        start = at + timedelta(days=it.starts)
        fields = {
            "name": it.name, "start_date": start, "end_date": start + timedelta(days=it.days), "offer": it.offer,
            "trigger": "code" if it.code else "automatic", "status": "scheduled",
        } | it.fields  # fmt: skip
        services.create_promotion(brand=brands[it.brand], fields=fields, code=it.code, at=at)
    return len(PROMOTIONS)
