"""One beat at a time, however many run: whoever holds the lock starts the sweeps, the others stand by."""

import contextlib
from typing import Any

import psycopg
import structlog
from django.db import connection
from django_celery_beat.schedulers import DatabaseScheduler

log = structlog.get_logger(__name__)
LOCK = 0x70726F6D6F  # "promo": an advisory lock of the whole database
STANDBY_SECONDS = 5.0  # seconds between looks whether the other has gone
KEEPALIVE = (
    "SET LOCAL idle_in_transaction_session_timeout = 0",
    "SET LOCAL tcp_keepalives_idle = 10",  # a machine that is gone does not hold the lock for hours
    "SET LOCAL tcp_keepalives_interval = 5",
    "SET LOCAL tcp_keepalives_count = 3",
)


class SingletonScheduler(DatabaseScheduler):  # type: ignore[misc]
    """The schedule in the database, which one beat alone works through.

    The lock is of a transaction that stays open on a connection of its own and does nothing else, so that it also holds
    behind a pooler, and goes with whoever held it. An idle transaction of this kind keeps no old rows alive.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self._holder: psycopg.Connection[Any] | None = None
        super().__init__(*args, **kwargs)

    def tick(self, *args: Any, **kwargs: Any) -> float:
        """Start what is due, if it is ours to do; how many seconds to sleep."""
        if not self._is_leader():
            return STANDBY_SECONDS
        pause: float = super().tick(*args, **kwargs)
        return pause

    def reserve(self, entry: Any) -> Any:
        """Note that the entry is started now, also in the schedule: a heap that is made anew would start it again."""
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
                log.warning("beat_lost_its_lock", error=str(error))
                self._release_lock()
            else:
                return True
        self._holder = acquire_leader_lock()
        if self._holder is not None:
            log.info("beat_leads")
            self._initial_read, self._heap = True, None  # what others started meanwhile is not due for us
        return self._holder is not None

    def _release_lock(self) -> None:
        if self._holder is not None:
            with contextlib.suppress(psycopg.Error):
                self._holder.close()
            self._holder = None


def acquire_leader_lock() -> "psycopg.Connection[Any] | None":
    """A connection that holds the lock until it is closed; None when another has it, or the database is away."""
    holder: psycopg.Connection[Any] | None = None
    try:
        holder = psycopg.connect(**connection.get_connection_params())
        for setting in KEEPALIVE:
            holder.execute(setting)
        taken = holder.execute("SELECT pg_try_advisory_xact_lock(%s)", [LOCK]).fetchone()
    except psycopg.Error as error:
        log.warning("beat_cannot_ask_for_its_lock", error=str(error))
        taken = None
    if taken and taken[0]:
        return holder
    if holder is not None:
        holder.close()
    return None
