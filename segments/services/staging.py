"""Staging table for customer IDs, visible to its connection only.

COPY fills the table block by block, without an open transaction while the platform waits for the sender. Updates take
effect only after the whole input has been read and validated.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress

from django.db import DatabaseError, connection

from core import db
from segments.customer_id_files import to_copy_line

CREATE_TABLE = "CREATE TEMPORARY TABLE segments_sent (customer_id varchar(100) NOT NULL)"
_DROP_TABLE = "DROP TABLE IF EXISTS pg_temp.segments_sent"
_COPY = "COPY segments_sent (customer_id) FROM STDIN"
_ANALYZE = "ANALYZE segments_sent"
_COUNT_PAGES = "SELECT pg_relation_size('pg_temp.segments_sent') / current_setting('block_size')::int"
BLOCK = 1024 * 1024  # bytes per COPY
CUSTOMERS_PER_TRANSACTION = 400  # pages of the staging table, about 50,000 customers


@contextmanager
def staging_table() -> Iterator[None]:
    """Provide the empty staging table, and drop it afterwards."""
    with connection.cursor() as cursor:
        cursor.execute(_DROP_TABLE)  # left over if a thread died while it used this connection
        cursor.execute(CREATE_TABLE)
    try:
        yield
    finally:
        with suppress(DatabaseError), connection.cursor() as cursor:  # else the table ends with its connection
            cursor.execute(_DROP_TABLE)


def copy_lines(blocks: Iterable[bytes]) -> None:
    """Copy IDs into the staging table from blocks in the text format of COPY."""
    waiting: list[bytes] = []
    size = 0
    for block in blocks:
        waiting.append(block)
        size += len(block)
        if size >= BLOCK:
            _copy(waiting)
            waiting, size = [], 0
    if size:
        _copy(waiting)


def copy_ids(customer_ids: Iterable[str]) -> int:
    """Copy IDs into the staging table. Return their number."""
    lines = [to_copy_line(customer_id) for customer_id in customer_ids]
    copy_lines([b"".join(lines)])
    return len(lines)


def create_missing_customers(on_progress: Callable[[int], object] = int) -> None:
    """Create the staged customers that don't exist yet.

    Each chunk has a transaction of its own, unless one is open: new shoppers don't wait long, and customers without an
    audience do no harm. Calls ``on_progress`` with the percentage done.
    """
    with connection.cursor() as cursor:
        cursor.execute(_ANALYZE)
        cursor.execute(_COUNT_PAGES)
        pages = cursor.fetchone()[0]
    for first in range(0, pages, CUSTOMERS_PER_TRANSACTION):
        chunk = {"first": f"({first},0)", "end": f"({first + CUSTOMERS_PER_TRANSACTION},0)"}
        db.execute("segments/sql/insert_customers.sql", chunk)
        on_progress(min(100, 100 * (first + CUSTOMERS_PER_TRANSACTION) // pages))


def _copy(blocks: list[bytes]) -> None:
    with connection.cursor() as cursor, cursor.copy(_COPY) as copy:
        copy.write(b"".join(blocks))
