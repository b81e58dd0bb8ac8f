"""Celery tasks of the redemption core; most are imported for Celery from the packages that define them."""

import uuid

from celery import shared_task
from django.utils import timezone

from redemptions import decisions
from redemptions.codes.tasks import assign_codes, generate_codes
from redemptions.events.tasks import maintain_event_partitions
from redemptions.results.tasks import check_results, roll_up_events
from redemptions.uses import consistency
from redemptions.uses import services as uses
from redemptions.uses.services import pools

__all__ = [
    "assign_codes",
    "check_results",
    "create_units",
    "generate_codes",
    "maintain_event_partitions",
    "maintain_pools",
    "recount_approximate",
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


@shared_task(name="redemptions.create_units")
def create_units(owner: str = "", coupon_id: str = "") -> None:
    """Create the missing units of the pool of an offer. Messages of the previous release name it ``coupon_id``."""
    pools.create_units(owner=uuid.UUID(owner or coupon_id), at=timezone.now())


@shared_task(name="redemptions.maintain_pools")
def maintain_pools() -> None:
    """Create the missing units of all pools, and delete the free units of ended offers."""
    pools.maintain_pools(at=timezone.now())


@shared_task(name="redemptions.recount_approximate")
def recount_approximate() -> None:
    """Set the counters of approximate limits to the number of their active redemptions."""
    consistency.recount_approximate(at=timezone.now())
