"""Celery tasks of the redemption core, imported for Celery from the packages that define them."""

from redemptions.codes.tasks import assign_codes, generate_codes
from redemptions.events.tasks import maintain_event_partitions
from redemptions.results.tasks import check_results, roll_up_events

__all__ = ["assign_codes", "check_results", "generate_codes", "maintain_event_partitions", "roll_up_events"]
