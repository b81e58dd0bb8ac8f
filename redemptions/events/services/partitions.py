"""Partitions of the event log: a month each, created ahead and dropped after the retention period."""

from datetime import datetime

import structlog
from django.conf import settings

from core import partitions

log = structlog.get_logger(__name__)

TABLE = "redemptions_event"


def create_partitions(*, at: datetime) -> int:
    """Create the missing partitions of this month and the next ones. Return their number."""
    return partitions.create_months(TABLE, at=at)


def drop_old_months(*, at: datetime) -> list[str]:
    """Drop the months that are older than ``EVENT_RETENTION_MONTHS``, oldest first. Return the names of their tables.

    Drops nothing if the setting is 0.
    """
    months = settings.EVENT_RETENTION_MONTHS
    names = [
        name
        for name, first in partitions.iter_months(TABLE)
        if months and partitions.months_before(at, months) >= partitions.next_month(first)
    ]
    for name in names:
        partitions.drop_partition(TABLE, name)
        log.info("events_dropped", table=name)
    return names
