"""Doors of promotions for worker and beat."""

from celery import shared_task
from django.utils import timezone

from promotions import services


@shared_task(name="promotions.start_due")
def start_due() -> None:
    """Start promotions whose start has come."""
    services.start_due(at=timezone.now())


@shared_task(name="promotions.end_due")
def end_due() -> None:
    """End promotions whose end has come."""
    services.end_due(at=timezone.now())
