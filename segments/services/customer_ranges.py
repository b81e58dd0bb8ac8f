"""Advisory locks on ranges of customer keys. Lock a range before changing the slots of its customers.

A range is ``RANGE_SIZE`` customers by key. One statement in one transaction counts the slots of a whole range. Two such
statements over the same customers would wait for each other row by row, in no order. So each takes the lock of the
range first, in a statement of its own, and then sees what the previous one has committed.

A transaction that waits for a range holds no other range. A transaction that holds several ranges (a request that fills
a small segment) waits for none. So no deadlock is possible.
"""

from django.db import connection

RANGE_SIZE = 100_000  # customers; half a second of work
_RANGE_LOCKS, _QUEUE_LOCK = 5_107, 5_108  # key spaces of advisory locks
_EXTENDED_TIMEOUTS = "SET LOCAL lock_timeout = '60s'; SET LOCAL statement_timeout = '120s'; SET LOCAL work_mem = '32MB'"


def range_of(customer: int) -> int:
    """Return the range that contains the customer key."""
    return customer // RANGE_SIZE


def range_end(customer_range: int) -> int:
    """Return the last customer key of a range."""
    return (customer_range + 1) * RANGE_SIZE - 1


def lock_range(customer_range: int, *, wait: bool) -> bool:
    """Lock a range until the transaction ends; without ``wait`` only if the range is free. Return whether it is locked.

    Raises OperationalError after waiting for a minute.
    """
    if not wait:
        return _try_lock(_RANGE_LOCKS, customer_range)
    with connection.cursor() as cursor:
        cursor.execute(_EXTENDED_TIMEOUTS)
        cursor.execute("SELECT pg_advisory_xact_lock(%s, %s)", [_RANGE_LOCKS, customer_range])
    return True


def try_lock_queue() -> bool:
    """Lock the queue of segments until the transaction ends. Return False if another worker has locked it."""
    return _try_lock(_QUEUE_LOCK, 0)


def _try_lock(space: int, key: int) -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s, %s)", [space, key])
        return bool(cursor.fetchone()[0])
