"""Doors of checkout for worker and beat."""

import uuid

from celery import shared_task
from django.utils import timezone

from checkout import services


@shared_task(name="checkout.release_expired")
def release_expired() -> None:
    """Give back what expired reservations hold."""
    services.release_expired(at=timezone.now())


@shared_task(name="checkout.run_backtest")
def run_backtest(backtest: str) -> None:
    """Replay the next carts of a backtest."""
    services.replay(pk=uuid.UUID(backtest), at=timezone.now())


@shared_task(name="checkout.refresh_audiences")
def refresh_audiences() -> None:
    """Bring audiences up to date that are computed from purchases."""
    services.refresh_audiences(at=timezone.now())
