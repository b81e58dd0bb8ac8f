"""Doors of discount codes for worker and beat."""

from celery import shared_task
from django.utils import timezone

from discounts.services import announcing, notices, partitions


@shared_task(name="discounts.announce")
def announce(code: str) -> None:
    """Plan the mails that announce a code."""
    announcing.announce(code=code, at=timezone.now())


@shared_task(name="discounts.tell_brands")
def tell_brands() -> None:
    """Tell brands about new uses of their codes, a digest each."""
    notices.tell_brands(at=timezone.now())


@shared_task(name="discounts.make_partitions")
def make_partitions() -> None:
    """Keep room ahead in the table of uses."""
    partitions.make_partitions()
