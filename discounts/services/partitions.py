"""Partitions of the table of redemptions, which is partitioned by code."""

from core import partitions
from discounts.models import DiscountCode

CODES_PER_PARTITION = 5_000
PARTITIONS_AHEAD = 2
TABLE = "discounts_usage"


def create_partitions() -> int:
    """Create the missing partitions up to ``PARTITIONS_AHEAD`` beyond the newest code. Return how many were missing.

    Rows of codes beyond the last partition go to the default partition; a day's new codes are far fewer than a
    partition holds.
    """
    newest = DiscountCode.objects.order_by("-pk").values_list("pk", flat=True).first() or 0
    last = newest // CODES_PER_PARTITION + PARTITIONS_AHEAD
    return sum(_create_partition(number) for number in range(last + 1))


def _create_partition(number: int) -> bool:
    low, high = number * CODES_PER_PARTITION, (number + 1) * CODES_PER_PARTITION
    return partitions.create_partition(TABLE, f"{TABLE}_p{number}", low, high)
