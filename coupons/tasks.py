"""Celery tasks of coupons."""

from celery import shared_task
from django.utils import timezone

from coupons import consistency
from coupons.services import partitions, retention, transitions


@shared_task(name="coupons.expire_due")
def expire_due() -> None:
    """Expire reservations whose time is over and release what they took."""
    transitions.expire_due(at=timezone.now())


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
