"""Partitions of the table of redemptions, which is partitioned by code."""

from django.db import connection, transaction

from discounts.models import DiscountCode

CODES_PER_PARTITION = 5_000
PARTITIONS_AHEAD = 2


def create_partitions() -> int:
    """Create the missing partitions up to ``PARTITIONS_AHEAD`` beyond the newest code. Return how many were missing.

    A partition is created as a table and then attached, which blocks no reader or writer. Rows of codes beyond the
    last partition go to the default partition; a day's new codes are far fewer than a partition holds.
    """
    newest = DiscountCode.objects.order_by("-pk").values_list("pk", flat=True).first() or 0
    last = newest // CODES_PER_PARTITION + PARTITIONS_AHEAD
    return sum(_create_partition(number) for number in range(last + 1))


def _create_partition(number: int) -> bool:
    name = f"discounts_usage_p{number}"
    low, high = number * CODES_PER_PARTITION, (number + 1) * CODES_PER_PARTITION
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtext('discounts_usage partitions')), to_regclass(%s)", [name])
        if cursor.fetchone()[1] is not None:
            return False
        cursor.execute(f"CREATE TABLE {name} (LIKE discounts_usage INCLUDING DEFAULTS INCLUDING CONSTRAINTS)")
        cursor.execute(f"ALTER TABLE discounts_usage ATTACH PARTITION {name} FOR VALUES FROM ({low}) TO ({high})")
        return True
