"""Micro-batching: concurrent requests of many threads become one statement.

Each process has one thread with one database connection per operation. It takes all waiting items, processes them
together, and returns each caller its own result after the commit. Meanwhile the next items gather, so batches grow with
the load, and a single caller does not wait.

    @dataclass(frozen=True, slots=True)
    class _Request:
        code: str
        customer: int

    def _redeem(requests: Sequence[_Request]) -> list[db.Row]:
        return db.fetch_all("app/sql/redeem.sql", {"codes": [request.code for request in requests], ...})

    _redemptions = batching.BatchExecutor("app.redeem", _redeem)

    def redeem(*, code: str, customer: int) -> Result:
        row = _redemptions.submit(_Request(code, customer))  # in order of arrival
        ...  # return the caller's result, or raise its error

Within a transaction, or with batching switched off, the same function gets a batch of one on the caller's connection.
"""

import atexit
import copy
import os
import random
import threading
import time
import weakref
from collections import deque
from collections.abc import Callable, Hashable, Sequence
from typing import Any, Generic, TypeVar

import structlog
from django.conf import settings
from django.db import (
    DEFAULT_DB_ALIAS,
    DataError,
    IntegrityError,
    InterfaceError,
    OperationalError,
    connection,
    connections,
)
from django.db.utils import Error as AnyDatabaseError
from django.db.utils import load_backend
from prometheus_client import Gauge, Histogram

from core.concurrency import OVERLOADED
from core.errors import Unavailable

log = structlog.get_logger(__name__)

LIMIT = 500  # items in one batch
THREAD_IDLE_SECONDS = 60.0  # without work, before the thread ends and closes its connection
CONNECTION_CHECK_SECONDS = 1.0  # an idle connection is checked before use, as the server may have restarted
RESULT_TIMEOUT_SECONDS = 60.0  # for a running statement, whose own timeout comes first
MAX_TRIES = 3
ROLLED_BACK = {"40001", "40P01"}  # serialization failure and deadlock: safe to retry

PENDING_ITEMS = Gauge(
    "promo_batch_waiting", "Requests waiting for their batch", ["operation"], multiprocess_mode="livesum"
)
SIZE = Histogram(
    "promo_batch_size", "Requests in a batch", ["operation"], buckets=(1, 2, 4, 8, 16, 32, 64, 128, 256, 500)
)
WAIT = Histogram(
    "promo_batch_wait_seconds", "Waiting time of the first request of a batch in seconds", ["operation"],
    buckets=(0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2),
)  # fmt: skip

Item = TypeVar("Item")
Result = TypeVar("Result")


class _PendingItem(Generic[Item, Result]):
    """An item of one caller, and its result or error."""

    __slots__ = ("enqueued_at", "error", "item", "key", "result", "settled")

    def __init__(self, item: Item, key: Hashable) -> None:
        self.item, self.key = item, key
        self.enqueued_at = time.monotonic()
        self.settled = threading.Event()
        self.result: Result | None = None
        self.error: Exception | None = None


class BatchExecutor(Generic[Item, Result]):
    """An operation ``work`` for many callers at once: items in, as many results out, in the same order.

    ``work`` runs one statement, or opens a transaction of its own; when it returns, its effects are committed. Items
    are in order of arrival. With ``is_idempotent``, the same items get the same results again, so a batch is repeated
    if the connection was lost and its commit is unknown.
    """

    def __init__(
        self, name: str, work: Callable[[Sequence[Item]], Sequence[Result]], *, is_idempotent: bool = False
    ) -> None:
        self.name, self._work, self._is_idempotent = name, work, is_idempotent
        self._reset()
        _operations.add(self)

    def submit(self, item: Item, *, key: Hashable = None) -> Result:
        """Return the result of the item after its commit.

        Items of different ``key`` never share a batch. Raises what ``work`` raises for the item. Raises Unavailable if
        too many items wait, or if the item was not processed within ``BATCH_TIMEOUT_SECONDS`` (nothing was done then),
        or if the database does not respond (the outcome is unknown then).
        """
        if not settings.BATCHING or connection.in_atomic_block:
            return self._work([item])[0]
        pending: _PendingItem[Item, Result] = _PendingItem(item, key)
        self._queue(pending)
        if not pending.settled.wait(settings.BATCH_TIMEOUT_SECONDS) and self._cancel(pending):
            raise Unavailable(OVERLOADED)
        if not pending.settled.wait(RESULT_TIMEOUT_SECONDS):
            raise Unavailable
        if pending.error is not None:  # a copy for each caller, since a traceback belongs to one thread
            raise copy.copy(pending.error) from pending.error.__cause__
        return pending.result  # type: ignore[return-value]  # settled without an error

    def drain(self) -> None:
        """Process all waiting items, then end the thread and close its connection; later items start another."""
        with self._changed:
            thread, self._draining = self._thread, True
            self._changed.notify()
        if thread is not None:
            thread.join(settings.BATCH_TIMEOUT_SECONDS + RESULT_TIMEOUT_SECONDS)

    def _reset(self) -> None:
        """Clear the queue and forget the thread, also in a process that was just forked and has no other threads."""
        self._changed = threading.Condition()
        self._waiting: deque[_PendingItem[Item, Result]] = deque()
        self._thread: threading.Thread | None = None
        self._draining = False

    def _queue(self, pending: _PendingItem[Item, Result]) -> None:
        with self._changed:
            if len(self._waiting) >= settings.BATCH_MAX_QUEUE:
                raise Unavailable(OVERLOADED)
            self._waiting.append(pending)
            PENDING_ITEMS.labels(self.name).set(len(self._waiting))
            if self._thread is None:
                self._draining = False
                self._thread = threading.Thread(target=self._run, name=f"batch {self.name}", daemon=True)
                self._thread.start()
            self._changed.notify()

    def _cancel(self, pending: _PendingItem[Item, Result]) -> bool:
        """Remove an item from the queue; return False if it is already being processed."""
        with self._changed:
            if pending not in self._waiting:
                return False
            self._waiting.remove(pending)
            PENDING_ITEMS.labels(self.name).set(len(self._waiting))
            return True

    # --- the operation's own thread ----------------------------------------------------------------------------------
    def _run(self) -> None:
        connections[DEFAULT_DB_ALIAS] = _own_connection()
        try:
            while batch := self._next():
                self._process(batch)
                connection.queries_log.clear()  # kept with DEBUG only, and nobody looks here
        finally:
            connection.close()
            with self._changed:
                if self._thread is threading.current_thread():  # it died; whoever comes next starts another
                    self._thread = None

    def _next(self) -> list[_PendingItem[Item, Result]]:
        """Return the items that have waited longest and share a key; an empty list ends the thread."""
        with self._changed:
            while not self._waiting:
                if self._draining or not self._changed.wait(THREAD_IDLE_SECONDS):
                    if self._waiting:  # one came at the last moment
                        break
                    self._thread = None
                    return []
            key = self._waiting[0].key
            batch = [pending for pending in self._waiting if pending.key == key][:LIMIT]
            batch_ids = set(map(id, batch))
            self._waiting = deque(pending for pending in self._waiting if id(pending) not in batch_ids)
            PENDING_ITEMS.labels(self.name).set(len(self._waiting))
        SIZE.labels(self.name).observe(len(batch))
        WAIT.labels(self.name).observe(time.monotonic() - batch[0].enqueued_at)
        return batch

    def _process(self, pending_items: Sequence[_PendingItem[Item, Result]]) -> None:
        """Process items together; if one of them fails, process halves, down to the item with the error."""
        try:
            results = self._results(
                [pending.item for pending in pending_items],
                until=pending_items[0].enqueued_at + settings.BATCH_TIMEOUT_SECONDS,
            )
        except Exception as error:  # noqa: BLE001  (the callers raise it)
            if len(pending_items) > 1 and _is_item_error(error):
                self._process(pending_items[: len(pending_items) // 2])
                self._process(pending_items[len(pending_items) // 2 :])
                return
            for pending in pending_items:
                pending.error = error
                pending.settled.set()
        else:
            for pending, result in zip(pending_items, results, strict=True):
                pending.result = result
                pending.settled.set()

    def _results(self, items: Sequence[Item], *, until: float) -> Sequence[Result]:
        """Return the results of ``work``; reconnect until then, and repeat what was rolled back or is idempotent."""
        for tries_left in reversed(range(MAX_TRIES)):
            _connect(until)
            try:
                results = self._work(items)
            except (OperationalError, InterfaceError) as error:
                lost = connection.connection is None or connection.connection.closed
                if lost:
                    connection.close()
                can_retry = self._is_idempotent if lost else getattr(error.__cause__, "sqlstate", None) in ROLLED_BACK
                if not (can_retry and tries_left):
                    raise
                log.warning("batch_retried", operation=self.name, items=len(items), error=str(error))
                time.sleep(random.uniform(0.01, 0.05))  # noqa: S311  (so that two that met part)
            else:
                if len(results) != len(items):
                    raise RuntimeError(f"{self.name}: {len(results)} results of {len(items)} items")
                return results
        raise AssertionError("unreachable")


def drain() -> None:
    """Process the waiting items of all operations, then end their threads and close their connections."""
    for operation in list(_operations):
        operation.drain()


def _is_item_error(error: Exception) -> bool:
    """Return whether the error belongs to one item, so that other items of the batch may succeed without it."""
    return isinstance(error, DataError | IntegrityError) or not isinstance(error, AnyDatabaseError | Unavailable)


def _own_connection() -> Any:
    """Return a connection outside the pool of the request threads, so that batches always have one.

    The server plans each of its few statements once. Left to itself, it would plan the longest statements again for
    every batch, because a plan for a known number of items looks cheaper than a generic one.
    """
    config = connections.settings[DEFAULT_DB_ALIAS]
    options = {name: value for name, value in config["OPTIONS"].items() if name != "pool"}
    options |= {"server_side_binding": True, "prepare_threshold": 5}
    options["options"] = f"{options.get('options', '')} -c plan_cache_mode=force_generic_plan"
    return load_backend(config["ENGINE"]).DatabaseWrapper({**config, "OPTIONS": options}, DEFAULT_DB_ALIAS)


_used = threading.local()


def _connect(until: float) -> None:
    """Ensure a working connection, retrying until then while the server restarts."""
    is_stale = time.monotonic() - getattr(_used, "at", 0.0) > CONNECTION_CHECK_SECONDS
    if is_stale and connection.connection is not None and not connection.is_usable():
        connection.close()
    while connection.connection is None:
        try:
            connection.ensure_connection()  # unlike connect(), it raises Django's errors
        except OperationalError:
            connection.close()  # it may have broken half-way
            if time.monotonic() > until:
                raise
            time.sleep(random.uniform(0.05, 0.15))  # noqa: S311  (so that not all processes knock at once)
    _used.at = time.monotonic()


def _reset_after_fork() -> None:
    for operation in list(_operations):
        operation._reset()  # noqa: SLF001  (the module's own)


_operations: "weakref.WeakSet[BatchExecutor[Any, Any]]" = weakref.WeakSet()
os.register_at_fork(after_in_child=_reset_after_fork)
atexit.register(drain)
