"""Doors of coupons for worker and beat."""

import uuid

from celery import shared_task
from django.utils import timezone

from coupons import consistency
from coupons.services import partitions, pool_units, retention, rollup, transitions


@shared_task(name="coupons.expire_due")
def expire_due() -> None:
    """Give the places of reservations back whose time is up."""
    transitions.expire_due(at=timezone.now())


@shared_task(name="coupons.build_pool")
def build_pool(coupon_id: str) -> None:
    """Make the units of a pool, or go on making them."""
    pool_units.create_units(coupon_id=uuid.UUID(coupon_id), at=timezone.now())


@shared_task(name="coupons.maintain_pools")
def maintain_pools() -> None:
    """Fill pools up, and clear those away that have ended."""
    pool_units.maintain_pools(at=timezone.now())


@shared_task(name="coupons.recount_approximate")
def recount_approximate() -> None:
    """Set the counters of approximate coupons to what stands."""
    consistency.recount_approximate(at=timezone.now())


@shared_task(name="coupons.create_partitions")
def make_partitions() -> None:
    """Keep room ahead in the table of redemptions."""
    partitions.create_partitions(at=timezone.now())


@shared_task(name="coupons.roll_up")
def roll_up() -> None:
    """Sum up redemptions that changed, for reports."""
    rollup.roll_up()


@shared_task(name="coupons.check_reports")
def check_reports() -> None:
    """Recount some coupons' reports and log what differs."""
    rollup.check_sample()


@shared_task(name="coupons.purge_old_months")
def purge_old_months() -> None:
    """Let go of redemptions that are older than is kept."""
    retention.purge_old_months(at=timezone.now())
