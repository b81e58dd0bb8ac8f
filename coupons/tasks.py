"""Celery tasks of coupons."""

import uuid

from celery import shared_task
from django.utils import timezone

from coupons import consistency
from coupons.services import partitions, pool_units, retention, transitions


@shared_task(name="coupons.expire_due")
def expire_due() -> None:
    """Expire reservations whose time is over and release what they took."""
    transitions.expire_due(at=timezone.now())


@shared_task(name="coupons.build_pool")
def build_pool(coupon_id: str) -> None:
    """Create the missing units of a pool."""
    pool_units.create_units(coupon_id=uuid.UUID(coupon_id), at=timezone.now())


@shared_task(name="coupons.maintain_pools")
def maintain_pools() -> None:
    """Create the missing units of all pools, and delete the free units of ended coupons."""
    pool_units.maintain_pools(at=timezone.now())


@shared_task(name="coupons.recount_approximate")
def recount_approximate() -> None:
    """Set the counters of approximate coupons to the number of their active redemptions."""
    consistency.recount_approximate(at=timezone.now())


@shared_task(name="coupons.create_partitions")
def create_partitions() -> None:
    """Create the partitions of redemptions for this month and the next months."""
    partitions.create_partitions(at=timezone.now())


@shared_task(name="coupons.purge_old_months")
def purge_old_months() -> None:
    """Drop the months of redemptions that are older than the retention period."""
    retention.purge_old_months(at=timezone.now())
