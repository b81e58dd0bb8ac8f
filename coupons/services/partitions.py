"""Creates the monthly partitions of the redemptions' table, which is partitioned by the month of the ID."""

from datetime import datetime, timedelta

from django.db import connection, transaction

from core.ids import min_uuid7_at

MONTHS_AHEAD = 2
TABLE = "coupons_couponredemption"


def create_partitions(*, at: datetime) -> int:
    """Create the missing partitions of this month and the next ones. Return their number.

    A partition is created as a table of its own and then attached, which blocks neither reads nor writes. Rows of its
    month move to it from the default partition, which has some if this did not run for months.
    """
    first = at.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    created = 0
    for _ in range(MONTHS_AHEAD + 1):
        after = (first + timedelta(days=31)).replace(day=1)
        created += _create(first, after)
        first = after
    return created


def _create(first: datetime, after: datetime) -> bool:
    name, low, high = f"{TABLE}_{first:%Y_%m}", min_uuid7_at(first), min_uuid7_at(after)
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtext(%s)), to_regclass(%s)", [f"{TABLE} partitions", name])
        if cursor.fetchone()[1] is not None:
            return False
        cursor.execute(f"LOCK TABLE {TABLE}_rest IN SHARE ROW EXCLUSIVE MODE")  # blocks writes to the rows that move
        cursor.execute(f"CREATE TABLE {name} (LIKE {TABLE} INCLUDING DEFAULTS INCLUDING CONSTRAINTS)")
        cursor.execute(f"INSERT INTO {name} SELECT * FROM {TABLE}_rest WHERE id >= %s AND id < %s", [low, high])  # noqa: S608
        cursor.execute(f"DELETE FROM {TABLE}_rest WHERE id >= %s AND id < %s", [low, high])  # noqa: S608
        cursor.execute(f"ALTER TABLE {TABLE} ATTACH PARTITION {name} FOR VALUES FROM ('{low}') TO ('{high}')")
        return True
