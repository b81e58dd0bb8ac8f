"""A scheduler of which one process at a time is active: the leader holds a lock, the others stand by."""

import contextlib
from typing import Any

import psycopg
import structlog
from django.db import connection
from django_celery_beat.schedulers import DatabaseScheduler

log = structlog.get_logger(__name__)
LOCK = 0x70726F6D6F  # "promo": an advisory lock of the whole database
STANDBY_SECONDS = 5.0  # between two attempts to become the leader
KEEPALIVE = (
    "SET LOCAL idle_in_transaction_session_timeout = 0",
    "SET LOCAL tcp_keepalives_idle = 10",  # so that the lock of a lost machine is released within a minute
    "SET LOCAL tcp_keepalives_interval = 5",
    "SET LOCAL tcp_keepalives_count = 3",
)


class SingletonScheduler(DatabaseScheduler):  # type: ignore[misc]
    """A scheduler with its schedule in the database, active in one process at a time.

    The lock belongs to a transaction that stays open on a connection of its own. So it also works behind a connection
    pooler and ends with its process. The idle transaction has no snapshot, so it does not keep dead rows from vacuum.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self._holder: psycopg.Connection[Any] | None = None
        super().__init__(*args, **kwargs)

    def tick(self, *args: Any, **kwargs: Any) -> float:
        """Start the due tasks if this process is the leader, and return how many seconds to sleep."""
        if not self._is_leader():
            return STANDBY_SECONDS
        pause: float = super().tick(*args, **kwargs)
        return pause

    def reserve(self, entry: Any) -> Any:
        """Record the start of an entry in the schedule, too, because a rebuilt heap would start it again."""
        started = self._schedule[entry.name] = super().reserve(entry)
        return started

    def close(self) -> None:
        super().close()
        self._release_lock()

    def _is_leader(self) -> bool:
        if self._holder is not None:
            try:
                self._holder.execute("SELECT 1")
            except psycopg.Error as error:
                log.warning("scheduler_lock_lost", error=str(error))
                self._release_lock()
            else:
                return True
        self._holder = acquire_leader_lock()
        if self._holder is not None:
            log.info("scheduler_lock_acquired")
            self._initial_read, self._heap = True, None  # reread what the former leader has started
        return self._holder is not None

    def _release_lock(self) -> None:
        if self._holder is not None:
            with contextlib.suppress(psycopg.Error):
                self._holder.close()
            self._holder = None


def acquire_leader_lock() -> "psycopg.Connection[Any] | None":
    """Return a connection that holds the lock until it is closed.

    Return None if another process holds the lock or the database is unavailable.
    """
    holder: psycopg.Connection[Any] | None = None
    try:
        holder = psycopg.connect(**connection.get_connection_params())
        for setting in KEEPALIVE:
            holder.execute(setting)
        row = holder.execute("SELECT pg_try_advisory_xact_lock(%s)", [LOCK]).fetchone()
    except psycopg.Error as error:
        log.warning("scheduler_lock_unavailable", error=str(error))
        row = None
    if row and row[0]:
        return holder
    if holder is not None:
        holder.close()
    return None
