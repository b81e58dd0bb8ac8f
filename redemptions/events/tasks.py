"""Celery tasks of events."""

from celery import shared_task
from django.utils import timezone

from redemptions.events.services import partitions


@shared_task(name="redemptions.maintain_event_partitions")
def maintain_event_partitions() -> None:
    """Create the partitions of events for the next months, and drop those whose retention period is over."""
    at = timezone.now()
    partitions.create_partitions(at=at)
    partitions.drop_old_months(at=at)
