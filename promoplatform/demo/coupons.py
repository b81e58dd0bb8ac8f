"""Live coupons, one for each way of keeping a limit, some of them redeemed, and one that is still to come."""

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
    """A coupon of a demo brand, from so many days from now on, for so many days, and who redeemed it how many days ago.

    0 days ago: it is only reserved, for an hour.
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
        "billo", "Summer: 15 % for the first 500", -10, 90, {"kind": "percent", "value": "15", "on": "order"},
        "exact", 500, 1, CodesSpec(shared="SUMMER15"),
        redeemed=(("c1", 8), ("c2", 5), ("c3", 5), ("c4", 1), ("c5", 0)),
    ),
    Example(
        "billo", "Flash sale: a fifth off", -3, 30, {"kind": "percent", "value": "20", "on": "order"},
        "sharded", 50_000, 2, CodesSpec(shared="FLASH20"), redeemed=(("c1", 1), ("c2", 1)),
    ),
    Example(
        "billo", "Golden tickets: 5 off from 20", -3, 60,
        {"kind": "amount", "value": "5.00", "currency": "EUR", "on": "order"}, "pool", 1_000, None,
        CodesSpec(count=100, pattern="GOLD-##########"), [{"kind": "min_subtotal", "value": "20.00"}],
    ),
    Example(
        "billo", "About a thousand free deliveries", -3, 60, {"kind": "percent", "value": "100", "on": "shipping"},
        "approximate", 1_000, 3, CodesSpec(shared="FREESHIP"), redeemed=(("c2", 2), ("c4", 2)),
    ),
    Example(
        "billo", "Winter rush: 30 % off", 21, 3, {"kind": "percent", "value": "30", "on": "order"},
        "sharded", 10_000, 1, CodesSpec(shared="WINTERRUSH"),
    ),
    Example(
        "cake", "Birthday cake: a tenth off for everyone", -3, 300, {"kind": "percent", "value": "10", "on": "order"},
        "exact", None, 1, CodesSpec(shared="CAKEDAY"), redeemed=(("c1", 2),),
    ),
]  # fmt: skip


def create_coupons(brands: dict[str, Brand], *, at: datetime) -> int:
    """Coupons of both brands; how many."""
    for it in COUPONS:
        _redeem(_create(it, brands[it.brand], at), it, at)
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
            when, until = at - timedelta(days=days), None if days else at + timedelta(hours=1)
            asked = RedemptionRequest(uuid7(when), shoppers[customer], code=coupon.code_id or "", reserved_until=until)
            services.redeem(coupon=coupon.pk, request=asked, at=when)
