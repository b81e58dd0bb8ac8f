"""Celery tasks of mailings."""

from celery import shared_task
from django.utils import timezone

from mailings.services import events, sending


@shared_task(name="mailings.send_due")
def send_due() -> None:
    """Send due emails."""
    sending.send_due(at=timezone.now())


@shared_task(name="mailings.purge_events")
def purge_events() -> None:
    """Delete processed events that the provider can no longer repeat."""
    events.purge_events(at=timezone.now())
