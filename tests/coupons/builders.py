"""Builders of coupons and redemptions as rows, at any time and without checks."""

import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from accounts.models import Brand
from core.ids import uuid7
from coupons.models import CouponDefinition, CouponRedemption
from redemptions.events.contracts import EventType, NewEvent
from redemptions.events.services import append_events
from redemptions.statuses import RedemptionStatus
from tests.factories import BrandFactory

TEN_PERCENT = {"benefits": [{"kind": "percent", "value": "10", "on": "order"}]}


def create_coupon(brand: Brand | None = None, **fields: Any) -> CouponDefinition:
    """Create a coupon of 10% that is valid from 2026 to 2031."""
    brand = brand or BrandFactory()
    defaults = {
        "title": "Ten",
        "offer": TEN_PERCENT,
        "currency": brand.currency,
        "start_date": datetime(2026, 1, 1, tzinfo=UTC),
        "end_date": datetime(2031, 1, 1, tzinfo=UTC),
    }
    return CouponDefinition.objects.create(brand=brand, **defaults | fields)


def build_redemption(
    coupon: CouponDefinition, at: datetime, status: RedemptionStatus = RedemptionStatus.CONFIRMED, **fields: Any
) -> CouponRedemption:
    """Build a redemption (by default confirmed, of 1.00) that got its status at ``at``. It is not stored."""
    times: dict[str, datetime | None] = {"redeemed_at": None, "ended_at": None, "reserved_until": None}
    if status == RedemptionStatus.RESERVED:
        times["reserved_until"] = at
    else:
        times["redeemed_at" if status in (RedemptionStatus.CONFIRMED, RedemptionStatus.RETURNED) else "ended_at"] = at
    if status == RedemptionStatus.RETURNED:
        times["ended_at"] = at
    defaults = {"id": uuid7(), "customer_id": 1, "changed_at": at, "amount": 100, "currency": "EUR", "status": status}
    return CouponRedemption(coupon=coupon, **defaults | times | fields)


def store_redemptions(*redemptions: CouponRedemption) -> list[CouponRedemption]:
    """Store redemptions in one statement, and their events in another one."""
    stored = CouponRedemption.objects.bulk_create(redemptions)
    append_events(event for redemption in stored for event in _events(redemption))
    return stored


def _events(redemption: CouponRedemption) -> Iterator[NewEvent]:
    """Yield the events that the services would have appended, without the reservation."""
    ended = redemption.ended_at or redemption.changed_at
    if redemption.redeemed_at:
        yield _event(redemption, EventType.REDEMPTION_CONFIRMED, redemption.redeemed_at)
    if redemption.status == RedemptionStatus.RETURNED:
        yield _event(redemption, EventType.REDEMPTION_RETURNED, ended)
    elif redemption.status in (RedemptionStatus.RELEASED, RedemptionStatus.EXPIRED):
        yield _event(redemption, EventType(f"redemption.{redemption.status}"), ended)


def _event(redemption: CouponRedemption, type_: EventType, at: datetime) -> NewEvent:
    confirmed_at = redemption.redeemed_at if type_ == EventType.REDEMPTION_RETURNED else None
    return NewEvent(
        type_, at, redemption.coupon.brand_id, "coupon", offer=redemption.coupon_id, code=redemption.code,
        customer=redemption.customer_id, redemption=redemption.pk, amount=redemption.amount,
        currency=redemption.currency or "",
        data={"confirmed_at": confirmed_at.isoformat()} if confirmed_at else {},
    )  # fmt: skip


def return_redemption(redemption_id: uuid.UUID, at: datetime) -> None:
    """Mark a confirmed redemption as returned, with its event."""
    rows = CouponRedemption.objects.filter(pk=redemption_id, status=RedemptionStatus.CONFIRMED)
    assert rows.update(status=RedemptionStatus.RETURNED, ended_at=at, changed_at=at) == 1
    returned = CouponRedemption.objects.select_related("coupon").get(pk=redemption_id)
    append_events([_event(returned, EventType.REDEMPTION_RETURNED, at)])
