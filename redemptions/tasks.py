"""Celery tasks of the redemption core, imported for Celery from the packages that define them."""

from redemptions.events.tasks import maintain_event_partitions

__all__ = ["maintain_event_partitions"]
