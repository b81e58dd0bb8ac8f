"""Celery tasks of events."""

from celery import shared_task
from django.utils import timezone

from redemptions.events.services import partitions, retention


@shared_task(name="redemptions.maintain_event_partitions")
def maintain_event_partitions() -> None:
    """Create the partitions of events for the next months, and delete what was kept long enough."""
    at = timezone.now()
    partitions.create_partitions(at=at)
    partitions.drop_old_months(at=at)
    retention.delete_old_rejections(at=at)
