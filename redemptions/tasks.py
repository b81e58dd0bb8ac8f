"""Celery tasks of the redemption core; most are imported for Celery from the packages that define them."""

from celery import shared_task
from django.utils import timezone

from redemptions import decisions
from redemptions.codes.tasks import assign_codes, generate_codes
from redemptions.events.tasks import maintain_event_partitions
from redemptions.results.tasks import check_results, roll_up_events
from redemptions.uses import services as uses

__all__ = [
    "assign_codes",
    "check_results",
    "generate_codes",
    "maintain_event_partitions",
    "report_budgets",
    "report_offers",
    "roll_up_events",
]


@shared_task(name="redemptions.report_offers")
def report_offers() -> None:
    """Append the events of offers that have started or ended by their dates."""
    decisions.report_due(at=timezone.now())


@shared_task(name="redemptions.report_budgets")
def report_budgets() -> None:
    """Append the events of budgets that have reached a threshold."""
    uses.report_budgets(at=timezone.now())
