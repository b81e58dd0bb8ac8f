"""Creates the units of pools in the background, and deletes the free units of ended coupons."""

import time
import uuid
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction

from core.outbox import enqueue_on_commit
from coupons import selectors
from coupons.models import CouponDefinition
from redemptions.contracts import MAX_RESERVATION
from redemptions.limits.models import Limit
from redemptions.limits.rules import POOL_TOTAL, is_pool_build_time
from redemptions.limits.strategies import pool

TIME_BUDGET_SECONDS = 30.0  # of one task; it enqueues the next
POOL_RETENTION = MAX_RESERVATION + timedelta(days=1)  # after the end of a coupon, when no reservation is left


def create_units(*, coupon_id: uuid.UUID, at: datetime, budget: float = TIME_BUDGET_SECONDS) -> None:
    """Create the missing units of a pool. After ``budget`` seconds, enqueue a task for the rest.

    Outside the quiet hours, only coupons that start within a day get units; a periodic task returns to the others.
    Each chunk is a transaction that counts its units, so an interrupted creation continues where it stopped.
    """
    coupon = CouponDefinition.objects.filter(pk=coupon_id).first()
    if coupon is None or not is_pool_build_time(start=coupon.start_date, at=at, hours=settings.POOL_BUILD_HOURS):
        return
    deadline = time.monotonic() + budget
    while _create_chunk(coupon_id):
        if time.monotonic() >= deadline:
            enqueue_on_commit("coupons.build_pool", coupon_id=str(coupon_id))
            return


@transaction.atomic
def _create_chunk(coupon: uuid.UUID) -> int:
    return pool.create_units(owner=coupon)


def maintain_pools(*, at: datetime) -> None:
    """Create the missing units of pools that have not ended, and delete the free units of those that have."""
    for coupon in selectors.list_unfilled_pools(at=at):
        create_units(coupon_id=coupon, at=at)
    for coupon in selectors.list_finished_pools(ended_before=at - POOL_RETENTION):
        while _delete_chunk(coupon):
            pass


@transaction.atomic
def _delete_chunk(coupon: uuid.UUID) -> int:
    list(Limit.objects.select_for_update().filter(owner=coupon, scope=POOL_TOTAL))
    return pool.delete_units(owner=coupon, wanted=pool.CHUNK)
