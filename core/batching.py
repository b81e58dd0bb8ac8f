"""Micro-batching: what many request threads ask for at the same moment becomes one statement.

Each process has, for each operation that is asked for, one thread with one database connection. It takes everything
that waits, runs it together, and answers each caller with its own result, once that is committed. While it runs, the
next requests gather: the busier, the larger the batches, and a caller who is alone waits for nobody.

    @dataclass(frozen=True, slots=True)
    class _Ask:
        code: str
        customer: int

    def _take(asks: Sequence[_Ask]) -> list[db.Row]:
        return db.many("app/sql/take.sql", {"codes": [ask.code for ask in asks], ...})  # unnest … WITH ORDINALITY

    _takings = batching.Operation("app.take", _take)

    def take(*, code: str, customer: int) -> Taken:
        row = _takings.submit(_Ask(code, customer))  # first come, first served
        ...  # make it the caller's answer, or raise their refusal

Whoever is inside a transaction, or has switched batching off, gets the same function with a batch of one on their own
connection.
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
from django.db.utils import Error as DatabaseFault
from django.db.utils import load_backend
from prometheus_client import Gauge, Histogram

from core.errors import Unavailable

log = structlog.get_logger(__name__)

LIMIT = 500  # items in one batch
THREAD_IDLE_SECONDS = 60.0  # after so long without work the thread ends and its connection closes
CONNECTION_CHECK_SECONDS = (
    1.0  # after so long a connection is looked at before it is used: the server may have restarted
)
RESULT_TIMEOUT_SECONDS = (
    60.0  # nobody waits longer for a statement that runs: the statement's own time limit comes first
)
MAX_TRIES = 3
ROLLED_BACK = {"40001", "40P01"}  # serialization failure and deadlock: nothing happened, and it may be tried again

WAITING = Gauge("promo_batch_waiting", "Requests that wait for their batch", ["operation"], multiprocess_mode="livesum")
SIZE = Histogram(
    "promo_batch_size", "Requests in a batch", ["operation"], buckets=(1, 2, 4, 8, 16, 32, 64, 128, 256, 500)
)
WAIT = Histogram(
    "promo_batch_wait_seconds", "How long the first of a batch had waited for its turn", ["operation"],
    buckets=(0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2),
)  # fmt: skip

Item = TypeVar("Item")
Result = TypeVar("Result")


class _PendingItem(Generic[Item, Result]):
    """One caller's item, and what became of it."""

    __slots__ = ("enqueued_at", "error", "item", "key", "result", "settled")

    def __init__(self, item: Item, key: Hashable) -> None:
        self.item, self.key = item, key
        self.enqueued_at = time.monotonic()
        self.settled = threading.Event()
        self.result: Result | None = None
        self.error: Exception | None = None


class BatchExecutor(Generic[Item, Result]):
    """``work`` for many callers at once: items in, as many results out, in the same order.

    ``work`` runs one statement, or opens a transaction of its own; when it returns, its effects are committed. The
    order of the items is the order in which they came. ``repeatable`` says that the same items again get the same
    results, so that a batch may be sent again when the connection was lost and nobody knows whether it was committed.
    """

    def __init__(
        self, name: str, work: Callable[[Sequence[Item]], Sequence[Result]], *, is_idempotent: bool = False
    ) -> None:
        self.name, self._work, self._repeatable = name, work, is_idempotent
        self._reset()
        _operations.add(self)

    def submit(self, item: Item, *, key: Hashable = None) -> Result:
        """The result of this item, after its commit.

        Items of different ``key`` never share a batch, for work that takes one campaign at a time. Raises what ``work``
        raises for this item, and Unavailable when too many wait, when its turn did not come in ``BATCH_TIMEOUT_SECONDS``
        seconds (nothing was done then), or when the database stays silent (then nobody knows).
        """
        if not settings.BATCHING or connection.in_atomic_block:
            return self._work([item])[0]
        ask: _PendingItem[Item, Result] = _PendingItem(item, key)
        self._queue(ask)
        if not ask.settled.wait(settings.BATCH_TIMEOUT_SECONDS) and self._cancel(ask):
            raise Unavailable("Too many ask for this at this moment; try again.")
        if not ask.settled.wait(RESULT_TIMEOUT_SECONDS):
            raise Unavailable
        if ask.error is not None:  # each caller raises a copy of their own: a traceback belongs to one thread
            raise copy.copy(ask.error) from ask.error.__cause__
        return ask.result  # type: ignore[return-value]  # settled without an error

    def drain(self) -> None:
        """Answer everybody who waits, then end the thread and close its connection; who comes later starts anew."""
        with self._changed:
            thread, self._draining = self._thread, True
            self._changed.notify()
        if thread is not None:
            thread.join(settings.BATCH_TIMEOUT_SECONDS + RESULT_TIMEOUT_SECONDS)

    def _reset(self) -> None:
        """Nobody waits and nothing runs; also in a process that was just forked, whose other threads are gone."""
        self._changed = threading.Condition()
        self._waiting: deque[_PendingItem[Item, Result]] = deque()
        self._thread: threading.Thread | None = None
        self._draining = False

    def _queue(self, ask: _PendingItem[Item, Result]) -> None:
        with self._changed:
            if len(self._waiting) >= settings.BATCH_MAX_QUEUE:
                raise Unavailable("Too many ask for this at this moment; try again.")
            self._waiting.append(ask)
            WAITING.labels(self.name).set(len(self._waiting))
            if self._thread is None:
                self._draining = False
                self._thread = threading.Thread(target=self._run, name=f"batch {self.name}", daemon=True)
                self._thread.start()
            self._changed.notify()

    def _cancel(self, ask: _PendingItem[Item, Result]) -> bool:
        """Take an item back; False when it is being worked on already."""
        with self._changed:
            if ask not in self._waiting:
                return False
            self._waiting.remove(ask)
            WAITING.labels(self.name).set(len(self._waiting))
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
        """Those who have waited longest and can be served together; empty when the thread shall end."""
        with self._changed:
            while not self._waiting:
                if self._draining or not self._changed.wait(THREAD_IDLE_SECONDS):
                    if self._waiting:  # one came at the last moment
                        break
                    self._thread = None
                    return []
            key = self._waiting[0].key
            batch = [ask for ask in self._waiting if ask.key == key][:LIMIT]
            taken = set(map(id, batch))
            self._waiting = deque(ask for ask in self._waiting if id(ask) not in taken)
            WAITING.labels(self.name).set(len(self._waiting))
        SIZE.labels(self.name).observe(len(batch))
        WAIT.labels(self.name).observe(time.monotonic() - batch[0].enqueued_at)
        return batch

    def _process(self, asks: Sequence[_PendingItem[Item, Result]]) -> None:
        """Serve these together; when one of them spoils it, halves, down to the one that is to blame."""
        try:
            results = self._results(
                [ask.item for ask in asks], until=asks[0].enqueued_at + settings.BATCH_TIMEOUT_SECONDS
            )
        except Exception as error:  # noqa: BLE001  (whatever it is, it is the callers' to raise)
            if len(asks) > 1 and _is_item_error(error):
                self._process(asks[: len(asks) // 2])
                self._process(asks[len(asks) // 2 :])
                return
            for ask in asks:
                ask.error = error
                ask.settled.set()
        else:
            for ask, result in zip(asks, results, strict=True):
                ask.result = result
                ask.settled.set()

    def _results(self, items: Sequence[Item], *, until: float) -> Sequence[Result]:
        """What ``work`` answers. Connects anew until then, and tries again what surely, or harmlessly, may be."""
        for tries_left in reversed(range(MAX_TRIES)):
            _connect(until)
            try:
                results = self._work(items)
            except (OperationalError, InterfaceError) as error:
                lost = connection.connection is None or connection.connection.closed
                if lost:
                    connection.close()
                again = self._repeatable if lost else getattr(error.__cause__, "sqlstate", None) in ROLLED_BACK
                if not (again and tries_left):
                    raise
                log.warning("batch_again", operation=self.name, items=len(items), error=str(error))
                time.sleep(random.uniform(0.01, 0.05))  # noqa: S311  (so that two that met part)
            else:
                if len(results) != len(items):
                    raise RuntimeError(f"{self.name}: {len(results)} results of {len(items)} items")
                return results
        raise AssertionError("unreachable")


def drain() -> None:
    """Answer everybody who waits, in every operation, and leave no thread and no connection behind."""
    for operation in list(_operations):
        operation.drain()


def _is_item_error(error: Exception) -> bool:
    """Whether others may succeed without it: its data is bad, or Python stumbled over it; not a fault of them all."""
    return isinstance(error, DataError | IntegrityError) or not isinstance(error, DatabaseFault | Unavailable)


def _own_connection() -> Any:
    """A connection outside the pool, which request threads share: nobody can keep it from the batches.

    Its few statements come over and over, so the server plans each once: told to, as left to itself it takes a plan for
    so many items as cheaper than one for any number, and plans the longest statements anew for every batch.
    """
    at = connections.settings[DEFAULT_DB_ALIAS]
    options = {name: value for name, value in at["OPTIONS"].items() if name != "pool"}
    options |= {"server_side_binding": True, "prepare_threshold": 5}
    options["options"] = f"{options.get('options', '')} -c plan_cache_mode=force_generic_plan"
    return load_backend(at["ENGINE"]).DatabaseWrapper({**at, "OPTIONS": options}, DEFAULT_DB_ALIAS)


_used = threading.local()


def _connect(until: float) -> None:
    """Have a connection that works, trying until then: a server that restarts is waited for."""
    quiet = time.monotonic() - getattr(_used, "at", 0.0) > CONNECTION_CHECK_SECONDS
    if quiet and connection.connection is not None and not connection.is_usable():
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
