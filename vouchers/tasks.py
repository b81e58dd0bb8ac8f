"""Background tasks of campaigns and vouchers."""

import uuid

from celery import shared_task
from django.utils import timezone

from vouchers.services import expiry, waiting_list


@shared_task(name="vouchers.serve_waiting_list")
def serve_waiting_list(campaign: str) -> None:
    """Issue the remaining vouchers of a campaign to its waiting list."""
    waiting_list.serve_waiting_list(campaign_id=uuid.UUID(campaign), at=timezone.now())


@shared_task(name="vouchers.reassign_vouchers")
def reassign_vouchers(campaign: str) -> None:
    """Reassign revoked and expired vouchers of a campaign to its waiting list."""
    waiting_list.reassign_vouchers(campaign_id=uuid.UUID(campaign), at=timezone.now())


@shared_task(name="vouchers.expire_vouchers")
def expire_vouchers() -> None:
    """Expire vouchers, reassign unused ones, and close the mailings of ended campaigns."""
    expiry.expire_vouchers(at=timezone.now())
    waiting_list.reassign_due(at=timezone.now())
    expiry.close_mailings(at=timezone.now())
