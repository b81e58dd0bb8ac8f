"""Sums of redemptions by quarter hour, kept up to date with every change, early or late.

Triggers mark each bucket whose redemptions change, in the transaction of the change. The roll-up deletes markers and
recalculates their buckets in one statement, so repeating, delaying or interrupting it does no harm. Reports count what
is not summed yet from the rows, so nothing waits for the roll-up.
"""

import time
from collections.abc import Iterator, Sequence
from datetime import datetime
from uuid import UUID

import structlog
from django.db import connection, transaction

from core import db
from coupons.models import CouponDefinition, DirtyBucket

log = structlog.get_logger(__name__)

MARKERS_PER_RUN = 20_000  # markers per statement
TIME_BUDGET_SECONDS = 45.0  # of one run; the next follows after a minute
SAMPLE_SIZE = 50  # coupons that are recounted each night
EXTENDED_TIMEOUT = "SET LOCAL statement_timeout = '5min'"
LOCK = "SELECT pg_try_advisory_xact_lock(hashtext('coupons_redemptionbucket'))"


def roll_up(*, budget: float = TIME_BUDGET_SECONDS) -> int:
    """Recalculate the marked buckets until none is left or ``budget`` seconds are over. Return their number."""
    deadline, total = time.monotonic() + budget, 0
    while True:
        markers, buckets = roll_up_some(limit=MARKERS_PER_RUN)
        total += buckets
        if markers < MARKERS_PER_RUN or time.monotonic() >= deadline:
            return total


@transaction.atomic
def roll_up_some(*, limit: int) -> tuple[int, int]:
    """Recalculate the buckets of the oldest markers, at most ``limit``. Return the number of markers and of buckets.

    Does nothing while another roll-up runs.
    """
    if not try_exclusive_lock():
        return 0, 0
    row = db.fetch_one("coupons/sql/roll_up.sql", {"limit": limit}) or {"markers": 0, "buckets": 0}
    return row["markers"], row["buckets"]


def try_exclusive_lock() -> bool:
    """Try to lock the sums until the end of the transaction. Return False if another transaction holds the lock.

    The lock is a statement of its own, so the next statement sees what its last holder wrote.
    """
    with connection.cursor() as cursor:
        cursor.execute(EXTENDED_TIMEOUT)
        cursor.execute(LOCK)
        return bool(cursor.fetchone()[0])


# --- consistency ------------------------------------------------------------------------------------------------------
def check(*, at: datetime, repair: bool) -> Iterator[str]:
    """Yield a line per bucket whose sums differ from its rows. With ``repair``, mark them for the next roll-up."""
    yield from list_differences(None, repair=repair)


def check_sample(*, coupons: int = SAMPLE_SIZE) -> int:
    """Recount a random sample of coupons and log the differences. Return their number."""
    sample = CouponDefinition.objects.order_by("?").values_list("pk", flat=True)[:coupons]
    differences = list_differences(list(sample), repair=False)
    for line in differences:
        log.error("report_differs", difference=line)
    return len(differences)


@transaction.atomic
def list_differences(coupons: Sequence[UUID] | None, *, repair: bool) -> list[str]:
    """Return a line per bucket of the coupons (of all for None) whose sums differ from its rows, at most 1,000."""
    with connection.cursor() as cursor:
        cursor.execute(EXTENDED_TIMEOUT)
    rows = db.fetch_all("coupons/sql/recount_buckets.sql", {"coupons": coupons})
    if repair:
        DirtyBucket.objects.bulk_create(
            DirtyBucket(coupon_id=row["coupon_id"], starts_at=row["starts_at"]) for row in rows
        )
    return [
        f"coupon {row['coupon_id']}: bucket {row['starts_at']:%Y-%m-%dT%H:%MZ}, {row['currency'] or 'no currency'}:"
        f" redemptions, released, refunded, discount {row['stored']} stored, {row['counted']} counted"
        + (": repaired" if repair else "")
        for row in rows
    ]
