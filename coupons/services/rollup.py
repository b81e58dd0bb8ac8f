"""Sums of redemptions by quarters of an hour, kept up with whatever changes, early or late.

Triggers note each bucket whose redemptions change, in the transaction of the change and whoever makes it. The roll-up
takes notes away and sums the buckets that they speak of up anew, in one statement, so that doing it twice, late, or
not to the end does no harm. What is not summed yet is counted from the rows by whoever asks: nothing waits for this.
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

MARKERS_PER_RUN = 20_000  # taken at a time
BUDGET = 45.0  # seconds that one run goes on; the next comes after a minute
SAMPLE = 50  # coupons that are recounted each night
EXTENDED_TIMEOUT = "SET LOCAL statement_timeout = '5min'"
LOCK = "SELECT pg_try_advisory_xact_lock(hashtext('coupons_redemptionbucket'))"


def roll_up(*, budget: float = BUDGET) -> int:
    """Sum up what changed, until nothing is left or the time is over; how many buckets."""
    ends, buckets = time.monotonic() + budget, 0
    while True:
        notes, some = roll_up_some(limit=MARKERS_PER_RUN)
        buckets += some
        if notes < MARKERS_PER_RUN or time.monotonic() >= ends:
            return buckets


@transaction.atomic
def roll_up_some(*, limit: int) -> tuple[int, int]:
    """Sum up what so many of the oldest notes speak of: how many notes, and how many buckets. Nothing while another
    is at it.
    """
    if not try_exclusive_lock():
        return 0, 0
    row = db.fetch_one("coupons/sql/roll_up.sql", {"limit": limit}) or {"notes": 0, "buckets": 0}
    return row["notes"], row["buckets"]


def try_exclusive_lock() -> bool:
    """Whether this transaction is now the only one that changes sums, to its end. Others need not wait: it does their
    work too.

    The lock is a statement of its own, so that the next one sees what its last holder wrote.
    """
    with connection.cursor() as cursor:
        cursor.execute(EXTENDED_TIMEOUT)
        cursor.execute(LOCK)
        return bool(cursor.fetchone()[0])


# --- what holds ------------------------------------------------------------------------------------------------------
def check(*, at: datetime, repair: bool) -> Iterator[str]:
    """A line for each bucket whose sums differ from its rows; ``repair`` has it summed up anew by the next roll-up."""
    yield from differences(None, repair=repair)


def check_sample(*, coupons: int = SAMPLE) -> int:
    """Recount some coupons, other ones each time, and log what differs; how many differences."""
    some = CouponDefinition.objects.order_by("?").values_list("pk", flat=True)[:coupons]
    found = differences(list(some), repair=False)
    for line in found:
        log.error("report_differs", difference=line)
    return len(found)


@transaction.atomic
def differences(coupons: Sequence[UUID] | None, *, repair: bool) -> list[str]:
    """A line for each bucket of these coupons (of all with None) whose sums differ from its rows; 1,000 at most."""
    with connection.cursor() as cursor:
        cursor.execute(EXTENDED_TIMEOUT)
    rows = db.fetch_all("coupons/sql/recount_buckets.sql", {"coupons": coupons})
    if repair:
        DirtyBucket.objects.bulk_create(
            DirtyBucket(coupon_id=row["coupon_id"], starts_at=row["starts_at"]) for row in rows
        )
    return [
        f"coupon {row['coupon_id']}: from {row['starts_at']:%Y-%m-%dT%H:%MZ} its report says {row['said']}"
        f" redemptions, released, refunded and {row['currency'] or 'no currency'}, its rows {row['counted']}"
        + (": mended" if repair else "")
        for row in rows
    ]
