"""Doors of discount codes for worker and beat."""

from celery import shared_task
from django.utils import timezone

from discounts.services import announcements, partitions, usage_digests


@shared_task(name="discounts.announce")
def announce(code: str) -> None:
    """Plan the mails that announce a code."""
    announcements.announce(code=code, at=timezone.now())


@shared_task(name="discounts.send_usage_digests")
def send_usage_digests() -> None:
    """Tell brands about new uses of their codes, a digest each."""
    usage_digests.send_usage_digests(at=timezone.now())


@shared_task(name="discounts.create_partitions")
def create_partitions() -> None:
    """Keep room ahead in the table of uses."""
    partitions.create_partitions()
