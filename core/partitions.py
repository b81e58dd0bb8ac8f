"""Partitions of tables that are partitioned by range: created ahead, listed and dropped by month."""

import re
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from django.db import connection, transaction

from core.ids import min_uuid7_at

MONTHS_AHEAD = 2
LEAVES = "SELECT relid::text FROM pg_partition_tree(%s) WHERE isleaf ORDER BY 1"


def create_months(table: str, *, at: datetime) -> int:
    """Create the missing partitions of this month and the next ones. Return their number.

    The table is partitioned by an ID of UUID version 7, and its default partition is called ``<table>_rest``.
    """
    first = at.astimezone(UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    created = 0
    for _ in range(MONTHS_AHEAD + 1):
        low, high = min_uuid7_at(first), min_uuid7_at(next_month(first))
        created += create_partition(table, f"{table}_{first:%Y_%m}", low, high, key="id", rest=f"{table}_rest")
        first = next_month(first)
    return created


def create_partition(
    table: str, name: str, low: uuid.UUID | int, high: uuid.UUID | int, *, key: str = "", rest: str | None = None
) -> bool:
    """Create the partition ``name`` with the rows from ``low`` to before ``high``. Return False if it exists.

    It is created as a table of its own and then attached, which blocks neither reads nor writes. Rows of its range move
    to it from the default partition ``rest``, which has some if no partition was created in time.
    """
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtext(%s)), to_regclass(%s)", [f"{table} partitions", name])
        if cursor.fetchone()[1] is not None:
            return False
        if rest is not None:
            cursor.execute(f"LOCK TABLE {rest} IN SHARE ROW EXCLUSIVE MODE")  # blocks writes to the rows that move
        cursor.execute(f"CREATE TABLE {name} (LIKE {table} INCLUDING DEFAULTS INCLUDING CONSTRAINTS)")
        if rest is not None:
            cursor.execute(f"INSERT INTO {name} SELECT * FROM {rest} WHERE {key} >= %s AND {key} < %s", [low, high])  # noqa: S608
            cursor.execute(f"DELETE FROM {rest} WHERE {key} >= %s AND {key} < %s", [low, high])  # noqa: S608
        cursor.execute(f"ALTER TABLE {table} ATTACH PARTITION {name} FOR VALUES FROM ('{low}') TO ('{high}')")
        return True


def iter_months(table: str) -> Iterator[tuple[str, datetime]]:
    """Yield the partitions of months, oldest first: the name of the table and the start of the month."""
    month = re.compile(rf"{table}_(\d{{4}})_(\d\d)")
    with connection.cursor() as cursor:
        cursor.execute(LEAVES, [table])
        names = [name for (name,) in cursor.fetchall()]
    for name in names:
        if match := month.fullmatch(name):
            yield name, datetime(int(match[1]), int(match[2]), 1, tzinfo=UTC)


def drop_partition(table: str, name: str) -> None:
    """Drop a partition. Other statements wait only while it is detached."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"ALTER TABLE {table} DETACH PARTITION {name}")
        cursor.execute(f"DROP TABLE {name}")


def next_month(first: datetime) -> datetime:
    """Return the start of the month after the one that starts at ``first``."""
    return (first + timedelta(days=31)).replace(day=1)


def months_before(at: datetime, months: int) -> datetime:
    """Return the start of the month that is ``months`` before the month of ``at``, in UTC."""
    month = at.astimezone(UTC).year * 12 + at.astimezone(UTC).month - 1 - months
    return datetime(month // 12, month % 12 + 1, 1, tzinfo=UTC)
