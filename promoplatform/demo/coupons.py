"""Coupons of the demo: one per limit strategy, some with redemptions, and a scheduled one."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from accounts.models import Brand, Customer
from core.ids import uuid7
from coupons import services
from coupons.contracts import RedemptionRequest
from coupons.models import CouponDefinition
from coupons.services import CodesSpec


@dataclass(frozen=True, slots=True)
class Example:
    """Coupon of a demo brand. It starts ``starts`` days from now and lasts ``days`` days.

    ``redeemed`` lists customer IDs and how many days ago they redeemed the coupon; 0 makes a reservation of one hour.
    """

    brand: str
    title: str
    starts: int
    days: int
    benefit: dict[str, Any]
    strategy: str
    maximum: int | None
    per_user: int | None
    codes: CodesSpec | None
    conditions: list[dict[str, Any]] = field(default_factory=list)
    redeemed: tuple[tuple[str, int], ...] = ()


COUPONS = [
    Example(
        "billo", "Summer sale: 15% off for the first 500", -10, 90, {"kind": "percent", "value": "15", "on": "order"},
        "exact", 500, 1, CodesSpec(shared="SUMMER15"),
        redeemed=(("c1", 8), ("c2", 5), ("c3", 5), ("c4", 1), ("c5", 0)),
    ),
    Example(
        "billo", "Flash sale: 20% off", -3, 30, {"kind": "percent", "value": "20", "on": "order"},
        "sharded", 50_000, 2, CodesSpec(shared="FLASH20"), redeemed=(("c1", 1), ("c2", 1)),
    ),
    Example(
        "billo", "Golden tickets: €5 off orders over €20", -3, 60,
        {"kind": "amount", "value": "5.00", "currency": "EUR", "on": "order"}, "pool", 1_000, None,
        CodesSpec(count=100, pattern="GOLD-##########"), [{"kind": "min_subtotal", "value": "20.00"}],
    ),
    Example(
        "billo", "Free shipping for about 1,000 orders", -3, 60, {"kind": "percent", "value": "100", "on": "shipping"},
        "approximate", 1_000, 3, CodesSpec(shared="FREESHIP"), redeemed=(("c2", 2), ("c4", 2)),
    ),
    Example(
        "billo", "Winter sale: 30% off", 21, 3, {"kind": "percent", "value": "30", "on": "order"},
        "sharded", 10_000, 1, CodesSpec(shared="WINTERRUSH"),
    ),
    Example(
        "cake", "Birthday cake: 10% off for everyone", -3, 300, {"kind": "percent", "value": "10", "on": "order"},
        "exact", None, 1, CodesSpec(shared="CAKEDAY"), redeemed=(("c1", 2),),
    ),
]  # fmt: skip


def create_coupons(brands: dict[str, Brand], *, at: datetime) -> int:
    """Create the coupons of both brands; return their number."""
    for example in COUPONS:
        _redeem(_create(example, brands[example.brand], at), example, at)
    return len(COUPONS)


def _create(example: Example, brand: Brand, at: datetime) -> CouponDefinition:
    start = at + timedelta(days=example.starts)
    fields = {
        "title": example.title, "start_date": start, "end_date": start + timedelta(days=example.days),
        "maximum_number_of_coupons": example.maximum, "maximum_number_of_coupons_per_user": example.per_user,
        "limit_strategy": example.strategy, "offer": {"conditions": example.conditions, "benefits": [example.benefit]},
    }  # fmt: skip
    return services.create(brand=brand, fields=fields, codes=example.codes, by=None, at=at)[0]


def _redeem(coupon: CouponDefinition, example: Example, at: datetime) -> None:
    shoppers = dict(Customer.objects.filter(customer_id__in=dict(example.redeemed)).values_list("customer_id", "pk"))
    for customer, days in example.redeemed:
        if customer in shoppers:
            redeemed_at, until = at - timedelta(days=days), None if days else at + timedelta(hours=1)
            request = RedemptionRequest(
                uuid7(redeemed_at), shoppers[customer], code=coupon.code or "", reserved_until=until
            )
            services.redeem(coupon=coupon.pk, request=request, at=redeemed_at)
