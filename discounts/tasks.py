"""Celery tasks of discount codes."""

import uuid

from celery import shared_task
from django.utils import timezone

from discounts.services import announcements, partitions, usage_digests


@shared_task(name="discounts.announce")
def announce(offer: str) -> None:
    """Plan the emails that announce a code."""
    announcements.announce(offer_id=uuid.UUID(offer), at=timezone.now())


@shared_task(name="discounts.announce_started")
def announce_started() -> None:
    """Plan the emails about codes that have started on their own."""
    announcements.announce_started(at=timezone.now())


@shared_task(name="discounts.send_usage_digests")
def send_usage_digests() -> None:
    """Send each brand a digest of the new redemptions of its codes."""
    usage_digests.send_usage_digests(at=timezone.now())


@shared_task(name="discounts.create_partitions")
def create_partitions() -> None:
    """Create the next partitions of the table of redemptions."""
    partitions.create_partitions()
