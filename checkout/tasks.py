"""Doors of checkout for worker and beat."""

from celery import shared_task
from django.utils import timezone

from checkout import services


@shared_task(name="checkout.release_expired")
def release_expired() -> None:
    """Give back what expired reservations hold."""
    services.release_expired(at=timezone.now())
