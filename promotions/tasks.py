"""Celery tasks of promotions."""

import uuid

from celery import shared_task
from django.utils import timezone

from integrations.contracts import RunClock
from promotions import services
from promotions.adapters import campaign_engine
from promotions.services import campaign_sync


@shared_task(name="promotions.start_due")
def start_due() -> None:
    """Start the promotions that are due to start."""
    services.start_due(at=timezone.now())


@shared_task(name="promotions.end_due")
def end_due() -> None:
    """End the promotions that are due to end."""
    services.end_due(at=timezone.now())


@shared_task(name="promotions.sync_promotion")
def sync_promotion(promotion_id: str) -> None:
    """Sync a promotion to the campaign engine."""
    clock = RunClock(timezone.now())
    campaign_sync.sync_promotion(promotion_id=uuid.UUID(promotion_id), engine=campaign_engine(clock), clock=clock)


@shared_task(name="promotions.sync_due")
def sync_due() -> None:
    """Sync all due promotions to the campaign engine."""
    clock = RunClock(timezone.now())
    campaign_sync.sync_due(engine=campaign_engine(clock), clock=clock)
