"""Celery tasks of the redemption core, imported for Celery from the packages that define them."""

from redemptions.codes.tasks import assign_codes, generate_codes
from redemptions.events.tasks import maintain_event_partitions

__all__ = ["assign_codes", "generate_codes", "maintain_event_partitions"]
