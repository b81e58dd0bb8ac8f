"""Records refused attempts as events, in batches and outside the transaction that failed.

A rejection only adds to a buffer of its process, and a thread writes the buffer each second. A process that is killed
loses its last second. Of a customer, up to ``PER_MINUTE`` attempts a minute are written one by one; the others are
counted, and each minute one event per reason has their number as ``count``.
"""

import atexit
import os
import threading
import time
from collections.abc import Hashable
from dataclasses import replace
from datetime import UTC, datetime

import structlog
from django.conf import settings
from django.db import Error, connection
from django.utils import timezone
from prometheus_client import Counter

from redemptions.events.contracts import NewEvent
from redemptions.events.services.appending import append_events

log = structlog.get_logger(__name__)

PER_MINUTE = 30  # events of a customer
MAX_PENDING = 10_000  # events, and numbers of a minute, that a process keeps
BATCH = 1_000  # events in one statement
THREAD_IDLE_SECONDS = 60.0

LOST = Counter("promo_rejections_lost", "Refused attempts that could not be recorded")


class RejectionBuffer:
    """The refused attempts of this process that are not written yet."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Forget everything, also in a process that was just forked and has no other threads."""
        self._changed = threading.Lock()
        self._pending: list[NewEvent] = []
        self._excess: dict[Hashable, tuple[NewEvent, int]] = {}
        self._counts: dict[Hashable, int] = {}
        self._minute = datetime.min.replace(tzinfo=UTC)
        self._thread: threading.Thread | None = None

    def add(self, event: NewEvent) -> None:
        """Add an attempt. Never waits for the database."""
        minute = event.at.replace(second=0, microsecond=0)
        with self._changed:
            if minute > self._minute:
                self._minute, self._counts = minute, {}
            caller = event.customer or event.brand  # customers without a row share the bound of the brand
            count = self._counts[caller] = self._counts.get(caller, 0) + 1
            if count <= PER_MINUTE and len(self._pending) < MAX_PENDING:
                self._pending.append(event)
            else:
                self._add_excess(event, minute)
            if self._thread is None and settings.REJECTION_FLUSH_SECONDS:
                self._thread = threading.Thread(target=self._run, name="rejections", daemon=True)
                self._thread.start()

    def _add_excess(self, event: NewEvent, minute: datetime) -> None:
        code = (event.reason or {}).get("code")
        key = (minute, event.customer, event.brand, event.kind, event.offer, code)
        first, count = self._excess.get(key, (event, 0))
        if count or len(self._excess) < MAX_PENDING:
            self._excess[key] = (first, count + 1)
        else:
            LOST.inc()

    def flush(self, *, at: datetime | None = None) -> int:
        """Write the attempts, and the numbers of the minutes before ``at`` (or all). Return the number of events."""
        with self._changed:
            events, self._pending = self._pending, []
            due = [key for key, (first, _) in self._excess.items() if at is None or _minute_is_over(first.at, at)]
            for key in due:
                first, count = self._excess.pop(key)
                events.append(replace(first, code="", order="", subtotal=None, data={"count": count}))
        for start in range(0, len(events), BATCH):
            append_events(events[start : start + BATCH])
        return len(events)

    def _run(self) -> None:
        """Write the buffer each interval, until nothing comes for a while."""
        last = time.monotonic()
        while True:
            time.sleep(settings.REJECTION_FLUSH_SECONDS)
            if self.try_flush(at=timezone.now()):
                last = time.monotonic()
            with self._changed:
                is_idle = not self._pending and not self._excess
                if is_idle and time.monotonic() - last > THREAD_IDLE_SECONDS:
                    self._thread = None
                    return

    def try_flush(self, *, at: datetime | None) -> int:
        """Write as ``flush`` does, but lose the attempts if the database refuses them."""
        waiting = len(self._pending)
        try:
            return self.flush(at=at)
        except Error as error:
            LOST.inc(waiting)
            log.warning("rejections_lost", attempts=waiting, error=str(error))
            return 0
        finally:
            connection.close()

    def flush_at_exit(self) -> None:
        """Write what waits when the process ends."""
        if settings.configured and settings.REJECTION_FLUSH_SECONDS and (self._pending or self._excess):
            self.try_flush(at=None)


def _minute_is_over(began: datetime, at: datetime) -> bool:
    return began.replace(second=0, microsecond=0) < at.replace(second=0, microsecond=0)


_buffer = RejectionBuffer()
os.register_at_fork(after_in_child=_buffer.reset)
atexit.register(_buffer.flush_at_exit)


def record_rejection(event: NewEvent) -> None:
    """Record a refused attempt. Never waits for the database, and is no part of the caller's transaction."""
    _buffer.add(event)


def flush() -> int:
    """Write all attempts that this process recorded. Return the number of events."""
    return _buffer.flush()


def discard() -> None:
    """Forget the attempts that are not written yet."""
    _buffer.reset()
