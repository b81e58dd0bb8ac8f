"""Celery tasks of checkout."""

import uuid

from celery import shared_task
from django.utils import timezone

from checkout import services


@shared_task(name="checkout.release_expired")
def release_expired() -> None:
    """Release expired reservations."""
    services.release_expired(at=timezone.now())


@shared_task(name="checkout.run_backtest")
def run_backtest(backtest: str) -> None:
    """Replay the next orders of a backtest."""
    services.run_backtest(pk=uuid.UUID(backtest), at=timezone.now())


@shared_task(name="checkout.refresh_audiences")
def refresh_audiences() -> None:
    """Update the automatic audiences."""
    services.refresh_audiences(at=timezone.now())
