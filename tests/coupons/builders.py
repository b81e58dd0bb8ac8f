"""Coupons and their redemptions as rows, at any instant, whatever may be redeemed then."""

import uuid
from datetime import UTC, datetime
from typing import Any

from accounts.models import Brand
from core.ids import uuid7
from coupons.models import CouponDefinition, CouponRedemption, Status
from tests.factories import BrandFactory

TEN_PERCENT = {"benefits": [{"kind": "percent", "value": "10", "on": "order"}]}


def coupon_of(brand: Brand | None = None, **fields: Any) -> CouponDefinition:
    """A coupon of ten per cent, from 2026 to 2031."""
    brand = brand or BrandFactory()
    known = {"title": "Ten", "offer": TEN_PERCENT, "currency": brand.currency}
    dates = {"start_date": datetime(2026, 1, 1, tzinfo=UTC), "end_date": datetime(2031, 1, 1, tzinfo=UTC)}
    return CouponDefinition.objects.create(brand=brand, **known | dates | fields)


def row(coupon: CouponDefinition, at: datetime, status: Status = Status.CONFIRMED, **fields: Any) -> CouponRedemption:
    """A redemption (by default confirmed, of 1.00) that took place, or ended unused, at this instant."""
    moments: dict[str, datetime | None] = {"redeemed_at": None, "ended_at": None, "reserved_until": None}
    if status == Status.RESERVED:
        moments["reserved_until"] = at
    else:
        moments["redeemed_at" if status in (Status.CONFIRMED, Status.REFUNDED) else "ended_at"] = at
    if status == Status.REFUNDED:
        moments["ended_at"] = at
    known = {"id": uuid7(), "customer_id": 1, "changed_at": at, "amount": 100, "currency": "EUR", "status": status}
    return CouponRedemption(coupon=coupon, **known | moments | fields)


def add(*rows: CouponRedemption) -> list[CouponRedemption]:
    """Store them, in one statement."""
    return CouponRedemption.objects.bulk_create(rows)


def refund(redemption_id: uuid.UUID, at: datetime) -> None:
    """Give a confirmed redemption back."""
    rows = CouponRedemption.objects.filter(pk=redemption_id, status=Status.CONFIRMED)
    assert rows.update(status=Status.REFUNDED, ended_at=at, changed_at=at) == 1
