"""Celery tasks of accounts."""

import uuid

from celery import shared_task
from django.utils import timezone

from accounts import services


@shared_task(name="accounts.send_invitation")
def send_invitation(invitation_id: str) -> None:
    """Send the email with an invitation's link."""
    services.send_invitation(invitation_id=uuid.UUID(invitation_id), at=timezone.now())
