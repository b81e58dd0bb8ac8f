"""Creates the monthly partitions of the redemptions' table, which is partitioned by the month of the ID."""

from datetime import datetime

from core import partitions

TABLE = "coupons_couponredemption"


def create_partitions(*, at: datetime) -> int:
    """Create the missing partitions of this month and the next ones. Return their number."""
    return partitions.create_months(TABLE, at=at)
