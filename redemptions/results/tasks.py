"""Celery tasks of results."""

from celery import shared_task
from django.utils import timezone

from redemptions.results.services import rollup


@shared_task(name="redemptions.roll_up_events")
def roll_up_events() -> None:
    """Add the new events to the sums of results."""
    rollup.roll_up()


@shared_task(name="redemptions.check_results")
def check_results() -> None:
    """Recount a sample of brands and log the differences."""
    rollup.check_sample(at=timezone.now())
