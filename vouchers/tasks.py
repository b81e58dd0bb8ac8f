"""Doors of campaigns and vouchers for worker and beat."""

import uuid

from celery import shared_task
from django.utils import timezone

from vouchers.services import expiry, waiting_list


@shared_task(name="vouchers.serve_waiting_list")
def serve_waiting_list(campaign: str) -> None:
    """Give what is left of a campaign's quota to those who wait."""
    waiting_list.serve_waiting_list(campaign_id=uuid.UUID(campaign), at=timezone.now())


@shared_task(name="vouchers.reassign_vouchers")
def reassign_vouchers(campaign: str) -> None:
    """Give what others lost to those who wait."""
    waiting_list.reassign_vouchers(campaign_id=uuid.UUID(campaign), at=timezone.now())


@shared_task(name="vouchers.expire_vouchers")
def expire_vouchers() -> None:
    """Mark vouchers as expired whose time is up, pass on what was lost, and end the mailings of campaigns that are
    over.
    """
    expiry.expire(at=timezone.now())
    waiting_list.enqueue_reassignments(at=timezone.now())
    expiry.close_mailings(at=timezone.now())
