"""Room ahead in the table of uses, which is partitioned by code."""

from django.db import connection, transaction

from discounts.models import DiscountCode

CODES_PER_PARTITION = 5_000
PARTITIONS_AHEAD = 2


def create_partitions() -> int:
    """Make the partitions for the newest code and the next ones; how many were missing.

    A partition is made apart and then attached, which locks no reader or writer out. Codes beyond the last partition
    would land in the default one, so this runs daily and a brand's codes of a day are far fewer than a partition
    holds.
    """
    newest = DiscountCode.objects.order_by("-pk").values_list("pk", flat=True).first() or 0
    last = newest // CODES_PER_PARTITION + PARTITIONS_AHEAD
    return sum(_make(number) for number in range(last + 1))


def _make(number: int) -> bool:
    name = f"discounts_usage_p{number}"
    low, high = number * CODES_PER_PARTITION, (number + 1) * CODES_PER_PARTITION
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtext('discounts_usage partitions')), to_regclass(%s)", [name])
        if cursor.fetchone()[1] is not None:
            return False
        cursor.execute(f"CREATE TABLE {name} (LIKE discounts_usage INCLUDING DEFAULTS INCLUDING CONSTRAINTS)")
        cursor.execute(f"ALTER TABLE discounts_usage ATTACH PARTITION {name} FOR VALUES FROM ({low}) TO ({high})")
        return True
