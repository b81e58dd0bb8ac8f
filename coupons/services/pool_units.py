"""The units of pools, made in the background before they are needed, and cleared away when nobody needs them."""

import time
import uuid
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction

from core.outbox import enqueue_on_commit
from coupons import rules, selectors
from coupons.models import CouponCounter, CouponDefinition
from coupons.services.limits import pool

BUDGET = 30.0  # seconds that one task goes on; it promises the next
POOL_RETENTION = timedelta(days=1)  # after the end of a coupon: reservations run out within an hour


def create_units(*, coupon_id: uuid.UUID, at: datetime, budget: float = BUDGET) -> None:
    """Make units of a pool until none is missing; after ``budget`` seconds the rest is promised to another task.

    Outside the quiet hours only what starts within a day is made; the sweep comes back to the others. Each chunk is a
    transaction that counts what it made, so whatever dies in between, making goes on where it stopped.
    """
    coupon = CouponDefinition.objects.filter(pk=coupon_id).first()
    if coupon is None or not rules.is_pool_build_time(start=coupon.start_date, at=at, hours=settings.POOL_BUILD_HOURS):
        return
    ends = time.monotonic() + budget
    while _create_chunk(coupon_id):
        if time.monotonic() >= ends:
            enqueue_on_commit("coupons.make_units", coupon_id=str(coupon_id))
            return


@transaction.atomic
def _create_chunk(coupon: uuid.UUID) -> int:
    return pool.create_units(coupon=coupon)


def maintain_pools(*, at: datetime) -> None:
    """Make what is missing in the pools of coupons that still run, and clear those away that have ended."""
    for coupon in selectors.unfilled_pools(at=at):
        create_units(coupon_id=coupon, at=at)
    for coupon in selectors.list_finished_pools(ended_before=at - POOL_RETENTION):
        while _delete_chunk(coupon):
            pass


@transaction.atomic
def _delete_chunk(coupon: uuid.UUID) -> int:
    list(CouponCounter.objects.select_for_update().filter(coupon_id=coupon))
    return pool.delete_units(coupon=coupon, wanted=pool.CHUNK)
