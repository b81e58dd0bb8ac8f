"""Celery tasks of the redemption core; most are imported for Celery from the packages that define them."""

from celery import shared_task
from django.utils import timezone

from redemptions import decisions
from redemptions.codes.tasks import assign_codes, generate_codes
from redemptions.events.tasks import maintain_event_partitions
from redemptions.results.tasks import check_results, roll_up_events

__all__ = [
    "assign_codes",
    "check_results",
    "generate_codes",
    "maintain_event_partitions",
    "report_offers",
    "roll_up_events",
]


@shared_task(name="redemptions.report_offers")
def report_offers() -> None:
    """Append the events of offers that have started or ended by their dates."""
    decisions.report_due(at=timezone.now())
