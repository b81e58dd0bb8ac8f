"""Transactions that stay open while the test does something else."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

from django.db import connection, connections, transaction


@contextmanager
def long_transaction(call: Callable[[], Any]) -> Iterator[Callable[[], None]]:
    """Run ``call`` in a transaction of another thread, which commits when the yielded function is called."""
    done, commit = threading.Event(), threading.Event()

    def run() -> None:
        try:
            with transaction.atomic():
                call()
                done.set()
                assert commit.wait(30)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(1) as pool:
        future = pool.submit(run)
        assert done.wait(30)

        def finish() -> None:
            commit.set()
            future.result(30)

        yield finish
        commit.set()


def is_blocked() -> bool:
    """Return whether a transaction of this database waits for a lock of another one."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT 1 FROM pg_locks WHERE NOT granted AND pid IN (SELECT pid FROM pg_locks WHERE database ="
            " (SELECT oid FROM pg_database WHERE datname = current_database()))"
        )
        return cursor.fetchone() is not None
