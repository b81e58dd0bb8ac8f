"""Retention of refused attempts, which may be shorter than that of other events: their sums stay.

A reader's position remembers how far attempts were deleted, so each run continues where the last one ended.
"""

import time
from datetime import datetime

import structlog
from django.conf import settings
from django.db import transaction
from django.db.models import Min

from core import db, partitions
from core.ids import min_uuid7_at
from redemptions.events.models import EventReader
from redemptions.events.services.readers import get_horizon, lock_reader

log = structlog.get_logger(__name__)

READER = "rejection_retention"
MIN_RANGE, MAX_RANGE = 1_000, 1_000_000  # transactions that a statement covers
MAX_DELETED = 10_000  # of a statement; the range adapts
TIME_BUDGET_SECONDS = 45.0


def delete_old_rejections(*, at: datetime, budget: float = TIME_BUDGET_SECONDS) -> int:
    """Delete refused attempts of months before the last ``REJECTION_RETENTION_MONTHS``. Return their number.

    Deletes nothing if the setting is 0. Runs for at most ``budget`` seconds; the next run continues.
    """
    months = settings.REJECTION_RETENTION_MONTHS
    if not months:
        return 0
    before = partitions.months_before(at, months)
    deadline, total, span = time.monotonic() + budget, 0, MIN_RANGE
    while time.monotonic() < deadline:
        deleted, is_done = _delete_some(before, transactions=span)
        total += deleted
        if is_done and span == MIN_RANGE:
            break
        span = max(MIN_RANGE, span // 4) if is_done or deleted > MAX_DELETED else min(MAX_RANGE, span * 2)
    if total:
        log.info("rejections_deleted", rejections=total, before=before.isoformat())
    return total


@transaction.atomic
def _delete_some(before: datetime, *, transactions: int) -> tuple[int, bool]:
    """Delete attempts of the next transactions. Return their number, and whether newer events follow.

    Stops before events that another reader has still to read.
    """
    reader = lock_reader(READER)
    if reader is None:
        return 0, True
    slowest = EventReader.objects.exclude(name=READER).aggregate(tx=Min("tx"))["tx"]
    end = get_horizon() if slowest is None else min(slowest, get_horizon())
    until = min(end, reader.tx + transactions)
    if reader.tx >= until:
        return 0, True
    params = {"tx": reader.tx, "until": until, "before": min_uuid7_at(before)}
    row = db.fetch_one("redemptions/events/sql/delete_rejections.sql", params)
    if row is None or row["has_newer"]:
        return (row["deleted"] if row else 0), True
    reader.tx = until
    reader.save(update_fields=["tx"])
    return row["deleted"], False
