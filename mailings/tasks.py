"""Doors of the mails for worker and beat."""

from celery import shared_task
from django.utils import timezone

from mailings.services import events, sending


@shared_task(name="mailings.send_due")
def send_due() -> None:
    """Send the mails that are due."""
    sending.send_due(at=timezone.now())


@shared_task(name="mailings.purge_events")
def purge_events() -> None:
    """Forget the provider's events that it can no longer repeat."""
    events.purge(at=timezone.now())
