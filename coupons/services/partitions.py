"""Creates the monthly partitions of the redemptions' table, which is partitioned by the month of the ID."""

from datetime import UTC, datetime

from core import partitions

TABLE = "coupons_couponredemption"


def create_partitions(*, at: datetime) -> int:
    """Create the missing partitions of this month and the next ones. Return their number."""
    return partitions.create_months(TABLE, at=at)


def first_kept_month() -> datetime:
    """Return the start of the month from which on all redemptions are stored. Older months have been dropped."""
    kept: datetime | None = None
    previous: datetime | None = None
    for _name, first in partitions.iter_months(TABLE):
        if previous is None or partitions.next_month(previous) != first:
            kept = first
        previous = first
    return kept or datetime.min.replace(tzinfo=UTC)
