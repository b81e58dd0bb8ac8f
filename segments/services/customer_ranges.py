"""Stripes of customers: who changes their slots holds the lock of their stripe.

A stripe is ``STRIPE`` customers by key. Slots are counted for a whole stripe at once, in one statement and one
transaction; two such statements over the same customers would wait for one another row by row, in no order. So each
holds the stripe's lock, taken by a statement of its own *before*: what is read afterwards is what the one before left.

Who waits for a stripe holds no other, and who holds several (a request that fills a small segment) waits for none: no
deadlock is possible.
"""

from django.db import connection

RANGE_SIZE = 100_000  # customers; half a second's work
_STRIPES, _TURN = 5_107, 5_108  # spaces of advisory locks
_EXTENDED_TIMEOUTS = "SET LOCAL lock_timeout = '60s'; SET LOCAL statement_timeout = '120s'; SET LOCAL work_mem = '32MB'"


def range_of(customer: int) -> int:
    """The stripe that a customer's key lies in."""
    return customer // RANGE_SIZE


def range_end(stripe: int) -> int:
    """The last key of a stripe."""
    return (stripe + 1) * RANGE_SIZE - 1


def lock_range(stripe: int, *, wait: bool) -> bool:
    """Hold a stripe until the transaction ends; without ``wait`` only if nobody has it. Whether it is held now.

    Raises OperationalError when the one who has it keeps it for a minute.
    """
    if not wait:
        return _try_lock(_STRIPES, stripe)
    with connection.cursor() as cursor:
        cursor.execute(_EXTENDED_TIMEOUTS)
        cursor.execute("SELECT pg_advisory_xact_lock(%s, %s)", [_STRIPES, stripe])
    return True


def try_lock_queue() -> bool:
    """Be the one who works through the queue until the transaction ends, unless somebody is."""
    return _try_lock(_TURN, 0)


def _try_lock(space: int, key: int) -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s, %s)", [space, key])
        return bool(cursor.fetchone()[0])
