"""Where customer ids stand between coming in and taking effect: a table that only this connection sees.

What was sent goes there by COPY, a block at a time, with no transaction open while a sender is waited for. Nothing
takes effect before all of it was read and found right.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress

from django.db import DatabaseError, connection

from core import db
from segments.customer_id_files import to_copy_line

OPEN = "CREATE TEMPORARY TABLE segments_sent (customer_id varchar(100) NOT NULL)"
_CLOSE = "DROP TABLE IF EXISTS pg_temp.segments_sent"
_COPY = "COPY segments_sent (customer_id) FROM STDIN"
_ANALYZE = "ANALYZE segments_sent"
_PAGES = "SELECT pg_relation_size('pg_temp.segments_sent') / current_setting('block_size')::int"
BLOCK = 1024 * 1024  # bytes that one COPY sends
CUSTOMERS_PER_TRANSACTION = 400  # pages whose customers are made known in one transaction: some 50,000


@contextmanager
def staging_table() -> Iterator[None]:
    """The table is there, and empty; afterwards it is gone."""
    with connection.cursor() as cursor:
        cursor.execute(_CLOSE)  # what a connection was left with whose thread died in the middle
        cursor.execute(OPEN)
    try:
        yield
    finally:
        with suppress(DatabaseError), connection.cursor() as cursor:  # else it goes with the transaction or connection
            cursor.execute(_CLOSE)


def copy_lines(blocks: Iterable[bytes]) -> None:
    """Copy ids into the table, lines of COPY's text format."""
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
    """Copy ids into the table; how many."""
    lines = [to_copy_line(one) for one in customer_ids]
    copy_lines([b"".join(lines)])
    return len(lines)


def create_missing_customers(shown: Callable[[int], object] = int) -> None:
    """Make every customer known who was sent, each stretch in a transaction of its own unless one is open already:
    harmless if nothing follows, and no shopper who is new waits for long. ``shown`` is told how far it is, per cent.
    """
    with connection.cursor() as cursor:
        cursor.execute(_ANALYZE)
        cursor.execute(_PAGES)
        pages = cursor.fetchone()[0]
    for first in range(0, pages, CUSTOMERS_PER_TRANSACTION):
        stretch = {"first": f"({first},0)", "end": f"({first + CUSTOMERS_PER_TRANSACTION},0)"}
        db.execute("segments/sql/insert_customers.sql", stretch)
        shown(min(100, 100 * (first + CUSTOMERS_PER_TRANSACTION) // pages))


def _copy(blocks: list[bytes]) -> None:
    with connection.cursor() as cursor, cursor.copy(_COPY) as copy:
        copy.write(b"".join(blocks))
