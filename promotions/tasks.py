"""Doors of promotions for worker and beat."""

import uuid

from celery import shared_task
from django.utils import timezone

from integrations.contracts import RunClock
from promotions import services
from promotions.adapters import campaign_engine
from promotions.services import campaign_sync


@shared_task(name="promotions.start_due")
def start_due() -> None:
    """Start promotions whose start has come."""
    services.start_due(at=timezone.now())


@shared_task(name="promotions.end_due")
def end_due() -> None:
    """End promotions whose end has come."""
    services.end_due(at=timezone.now())


@shared_task(name="promotions.generate_codes")
def generate_codes(batch_id: str) -> None:
    """Make the codes of a batch, or go on making them."""
    services.generate_codes(batch_id=uuid.UUID(batch_id))


@shared_task(name="promotions.assign_codes")
def assign_codes(assignment_id: str) -> None:
    """Give an audience its codes, or go on giving them."""
    services.continue_assignment(assignment_id=uuid.UUID(assignment_id), at=timezone.now())


@shared_task(name="promotions.sync_promotion")
def sync_promotion(promotion_id: str) -> None:
    """Tell the campaign engine of a promotion."""
    clock = RunClock(timezone.now())
    campaign_sync.sync_promotion(promotion_id=uuid.UUID(promotion_id), engine=campaign_engine(clock), clock=clock)


@shared_task(name="promotions.sync_due")
def sync_due() -> None:
    """Tell the campaign engine what it does not know yet."""
    clock = RunClock(timezone.now())
    campaign_sync.sync_due(engine=campaign_engine(clock), clock=clock)
