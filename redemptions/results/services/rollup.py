"""Sums of events by quarter of an hour, kept up to date by a reader that misses no event and reads none twice.

The roll-up adds the events of the next transactions to the sums and moves its position in one transaction, so
repeating, delaying or interrupting it does no harm. Reports add the events after the position, so nothing waits for the
roll-up.
"""

import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from uuid import UUID

import structlog
from django.conf import settings
from django.db import transaction
from django.db.models import Sum

from accounts.models import Brand
from core import db, partitions
from redemptions.events.services import get_horizon, lock_reader
from redemptions.results.models import COUNTS, OfferTotal, ResultBucket

log = structlog.get_logger(__name__)

READER = "results"
MIN_RANGE, MAX_RANGE = 1_000, 10_000_000  # transactions that a statement covers
TARGET_ROWS = 5_000  # sums that a statement should change; the range adapts
TIME_BUDGET_SECONDS = 45.0  # of one run; the next follows after a minute
SAMPLE_SIZE = 5  # brands that are recounted each night
EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)


def roll_up(*, budget: float = TIME_BUDGET_SECONDS) -> int:
    """Add all events below the horizon to the sums, for at most ``budget`` seconds. Return how many sums changed."""
    deadline, total, span = time.monotonic() + budget, 0, MIN_RANGE
    while True:
        rows, is_done = roll_up_some(transactions=span)
        total += rows
        if is_done or time.monotonic() >= deadline:
            return total
        span = max(MIN_RANGE, span // 2) if rows > TARGET_ROWS else min(MAX_RANGE, span * 2)


@transaction.atomic
def roll_up_some(*, transactions: int) -> tuple[int, bool]:
    """Add the events of the next transactions to the sums.

    Return how many sums changed, and whether the horizon is reached. Does nothing while another roll-up runs.
    """
    reader = lock_reader(READER)
    if reader is None:
        return 0, True
    horizon = get_horizon()
    until = min(horizon, reader.tx + transactions)
    if reader.tx >= until:
        return 0, True
    with db.extended_timeouts("5min"):
        row = db.fetch_one("redemptions/results/sql/roll_up_events.sql", {"tx": reader.tx, "until": until})
    return (row["rows"] if row else 0), until == horizon


# --- consistency ------------------------------------------------------------------------------------------------------
def check(*, at: datetime, repair: bool) -> Iterator[str]:
    """Yield a line per bucket whose sums differ from the events. With ``repair``, set them to what was counted."""
    yield from list_differences(brands=None, at=at, repair=repair)


def check_sample(*, at: datetime, brands: int = SAMPLE_SIZE) -> int:
    """Recount a random sample of brands and log the differences. Return their number."""
    sample = Brand.objects.order_by("?").values_list("pk", flat=True)[:brands]
    differences = list_differences(brands=list(sample), at=at, repair=False)
    for line in differences:
        log.error("results_differ", difference=line)
    return len(differences)


@transaction.atomic
def list_differences(*, brands: Sequence[UUID] | None, at: datetime, repair: bool) -> list[str]:
    """Return a line per bucket of the brands (of all for None) whose sums differ from the events, at most 1,000.

    Months whose events were dropped are left out.
    """
    if lock_reader(READER) is None:
        return []
    months = settings.EVENT_RETENTION_MONTHS
    since = partitions.months_before(at, months - 1) if months else EARLIEST
    params = {"brands": None if brands is None else list(brands), "since": since}
    with db.extended_timeouts():
        rows = db.fetch_all("redemptions/results/sql/recount_buckets.sql", params)
    if repair:
        for row in rows:
            _repair(row)
    return [
        f"brand {row['brand_id']}: {row['kind'] or 'all kinds'}, offer {row['offer_id']},"
        f" bucket {row['starts_at']:%Y-%m-%dT%H:%MZ}, {row['currency'] or 'no currency'}: {', '.join(COUNTS)}"
        f" {row['stored']} stored, {row['counted']} counted" + (": repaired" if repair else "")
        for row in rows
    ]


def _repair(row: db.Row) -> None:
    """Set a bucket to what was counted, and the total of its offer to the sum of its buckets."""
    key = {name: row[name] for name in ("brand_id", "kind", "offer_id", "starts_at", "currency")}
    if row["counted"] is None:
        ResultBucket.objects.filter(**key).delete()
    else:
        sums = dict(zip(COUNTS, row["counted"], strict=True))
        ResultBucket.objects.update_or_create(**key, defaults=sums)
    if row["offer_id"].int:
        offer = {"offer_id": row["offer_id"], "currency": row["currency"]}
        total = ResultBucket.objects.filter(**offer).aggregate(**{name: Sum(name, default=0) for name in COUNTS})
        OfferTotal.objects.update_or_create(**offer, defaults=total)
