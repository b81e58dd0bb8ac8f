"""Waiting requests become one statement, and each gets its own result, whatever happens to the others."""

import os
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from typing import Any

import psycopg
import pytest
from django.db import (
    DataError,
    IntegrityError,
    OperationalError,
    ProgrammingError,
    connection,
    connections,
    transaction,
)
from prometheus_client import REGISTRY

from core import batching
from core.errors import Unavailable
from tests.platform import wait_until

pytestmark = pytest.mark.django_db(transaction=True)
TABLE = "CREATE TABLE batched (id int PRIMARY KEY CHECK (id <> 13))"
INSERT = "INSERT INTO batched SELECT * FROM unnest(%s::int[]) RETURNING id"


class Gate:
    """Work that doubles numbers, records its batches, and waits before each batch while the gate is closed."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.opened = threading.Event()
        self.opened.set()

    def __call__(self, items: Sequence[int]) -> list[int]:
        self.batches.append(list(items))
        assert self.opened.wait(30)
        return [2 * item for item in items]


@pytest.fixture
def gate() -> Gate:
    return Gate()


@pytest.fixture
def operation(gate: Gate) -> Iterator[Any]:
    executor = batching.BatchExecutor("doubling", gate)
    yield executor
    gate.opened.set()
    executor.drain()


@pytest.fixture
def callers() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(64) as pool:
        yield pool


@pytest.fixture
def table() -> Iterator[None]:
    run(TABLE)
    yield
    batching.drain()
    run("DROP TABLE batched")


def run(sql: str, params: Any = ()) -> list[Any]:
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        return cursor.fetchall() if cursor.description else []


def insert(items: Sequence[int]) -> list[int]:
    return [row[0] for row in run(INSERT, [list(items)])]


def queue(callers: ThreadPoolExecutor, operation: Any, items: Sequence[int], **options: Any) -> list["Future[int]"]:
    """Submit items from one caller each, in order, while the gate is closed."""
    futures = []
    for item in items:
        count = len(operation._waiting) + 1
        futures.append(callers.submit(operation.submit, item, **options))
        wait_until(partial(_has_waiting, operation, count), f"{item} waits")
    return futures


def _has_waiting(operation: Any, count: int) -> bool:
    return len(operation._waiting) >= count


def occupy(callers: ThreadPoolExecutor, operation: Any, gate: Gate, item: int = 0) -> "Future[int]":
    """Submit an item that is processed until the gate opens."""
    gate.opened.clear()
    future = callers.submit(operation.submit, item)
    wait_until(lambda: gate.batches and gate.batches[-1] == [item], f"{item} is worked on")
    return future


def test_a_single_caller_does_not_wait(operation: Any, gate: Gate) -> None:
    assert operation.submit(21) == 42

    assert gate.batches == [[21]]


def test_waiting_items_are_processed_together_in_order_of_arrival(
    operation: Any, gate: Gate, callers: ThreadPoolExecutor
) -> None:
    first = occupy(callers, operation, gate)
    others = queue(callers, operation, [5, 3, 9, 3, 1])

    gate.opened.set()

    assert [future.result(30) for future in (first, *others)] == [0, 10, 6, 18, 6, 2]
    assert gate.batches == [[0], [5, 3, 9, 3, 1]]


def test_500_callers_get_their_own_results(operation: Any, gate: Gate) -> None:
    with ThreadPoolExecutor(100) as pool:
        assert list(pool.map(operation.submit, range(500))) == [2 * number for number in range(500)]

    assert sorted(item for batch in gate.batches for item in batch) == list(range(500))
    assert len(gate.batches) < 500, "some of them shared one"


def test_a_batch_has_a_limit(operation: Any, gate: Gate, callers: ThreadPoolExecutor, monkeypatch: Any) -> None:
    monkeypatch.setattr(batching, "LIMIT", 2)
    first = occupy(callers, operation, gate)
    others = queue(callers, operation, [1, 2, 3, 4, 5])

    gate.opened.set()

    assert [future.result(30) for future in (first, *others)] == [0, 2, 4, 6, 8, 10]
    assert gate.batches == [[0], [1, 2], [3, 4], [5]]


def test_items_of_different_keys_share_no_batch(operation: Any, gate: Gate, callers: ThreadPoolExecutor) -> None:
    first = occupy(callers, operation, gate)
    for item, key in ((1, "spring"), (2, "summer"), (3, "spring")):
        queue(callers, operation, [item], key=key)

    gate.opened.set()
    first.result(30)
    operation.drain()

    assert gate.batches == [[0], [1, 3], [2]]


# --- invalid items and batches ---------------------------------------------------------------------------------------
def test_an_item_that_raises_in_python_fails_alone(callers: ThreadPoolExecutor, gate: Gate) -> None:
    def stumble(items: Sequence[int]) -> list[int]:
        answers = gate(items)
        if 13 in items:
            raise ValueError("thirteen")
        return answers

    operation: Any = batching.BatchExecutor("stumbling", stumble)
    first = occupy(callers, operation, gate)
    others = queue(callers, operation, [10, 11, 12, 13, 14])
    gate.opened.set()
    first.result(30)

    assert [future.result(30) for future in others[:3] + others[4:]] == [20, 22, 24, 28]
    with pytest.raises(ValueError, match="thirteen"):
        others[3].result(30)


@pytest.mark.parametrize(("bad", "refused"), [(13, IntegrityError), (2**40, DataError)])
def test_an_item_that_the_database_rejects_fails_alone(
    table: None, callers: ThreadPoolExecutor, gate: Gate, bad: int, refused: type[Exception]
) -> None:
    operation: Any = batching.BatchExecutor("inserting", lambda items: (gate(items), insert(items))[1])
    first = occupy(callers, operation, gate)
    others = queue(callers, operation, [5, bad, 7, 8])
    gate.opened.set()
    first.result(30)

    assert [others[at].result(30) for at in (0, 2, 3)] == [5, 7, 8]
    with pytest.raises(refused) as caught:
        others[1].result(30)
    assert caught.value.__cause__ is not None, "the driver's words are there"
    assert run("SELECT id FROM batched ORDER BY id") == [(0,), (5,), (7,), (8,)]


def test_an_error_of_the_statement_is_not_retried_per_item(callers: ThreadPoolExecutor, gate: Gate) -> None:
    operation: Any = batching.BatchExecutor("nowhere", lambda items: (gate(items), run("SELECT * FROM nowhere"))[1])
    first = occupy(callers, operation, gate)
    others = queue(callers, operation, [1, 2, 3])
    gate.opened.set()

    raised = [future.exception(30) for future in (first, *others)]

    assert [type(error) for error in raised] == [ProgrammingError] * 4
    assert len({id(error) for error in raised}) == 4, "a traceback belongs to one thread"
    assert gate.batches == [[0], [1, 2, 3]]


def test_too_few_results_are_an_error_for_every_caller() -> None:
    operation: Any = batching.BatchExecutor("forgetful", lambda items: [])

    with pytest.raises(RuntimeError, match="0 results of 1 items"):
        operation.submit(1)


# --- limits and timeouts ----------------------------------------------------------------------------------------------
def test_an_item_above_the_queue_limit_is_rejected(
    operation: Any, gate: Gate, callers: ThreadPoolExecutor, settings: Any
) -> None:
    settings.BATCH_MAX_QUEUE = 2
    first = occupy(callers, operation, gate)
    others = queue(callers, operation, [1, 2])

    with pytest.raises(Unavailable):
        operation.submit(3)

    gate.opened.set()
    assert [future.result(30) for future in (first, *others)] == [0, 2, 4]
    assert gate.batches == [[0], [1, 2]]


def test_an_item_that_waits_too_long_is_rejected(
    operation: Any, gate: Gate, callers: ThreadPoolExecutor, settings: Any
) -> None:
    first = occupy(callers, operation, gate)
    settings.BATCH_TIMEOUT_SECONDS = 0.01

    with pytest.raises(Unavailable):
        operation.submit(1)

    gate.opened.set()
    first.result(30)
    operation.drain()
    assert gate.batches == [[0]]


def test_a_running_batch_is_awaited_beyond_the_timeout(
    operation: Any, gate: Gate, callers: ThreadPoolExecutor, settings: Any
) -> None:
    settings.BATCH_TIMEOUT_SECONDS = 0.01
    first = occupy(callers, operation, gate, item=4)
    with pytest.raises(Unavailable):
        operation.submit(1)  # the timeout has passed

    gate.opened.set()

    assert first.result(30) == 8


def test_an_unresponsive_database_times_out(
    operation: Any, gate: Gate, callers: ThreadPoolExecutor, settings: Any, monkeypatch: Any
) -> None:
    settings.BATCH_TIMEOUT_SECONDS = 0.01
    monkeypatch.setattr(batching, "RESULT_TIMEOUT_SECONDS", 0.01)
    first = occupy(callers, operation, gate)

    assert isinstance(first.exception(30), Unavailable)


# --- the connection ----------------------------------------------------------------------------------------------
KILL = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid = %s"


class Pids:
    """Work that returns the pid of its server process; ``killed`` can end that process before or after."""

    def __init__(self, *moments: str) -> None:
        self.moments = list(moments)
        self.calls = 0

    def __call__(self, items: Sequence[int]) -> list[int]:
        self.calls += 1
        pid = run("SELECT pg_backend_pid()")[0][0]
        if self.moments and self.moments.pop(0) == "kill":
            with ThreadPoolExecutor(1) as other:
                other.submit(_kill, pid).result(30)
            run("SELECT 1")
        return [pid] * len(items)


def _kill(pid: int) -> None:
    try:
        run(KILL, [pid])
    finally:
        connections.close_all()


def test_an_idempotent_batch_is_repeated_after_a_lost_connection() -> None:
    work = Pids("", "kill", "kill")
    operation = batching.BatchExecutor("pids", work, is_idempotent=True)

    before, after = operation.submit(1), operation.submit(2)

    assert before != after
    assert work.calls == 4


def test_a_repeatedly_lost_connection_is_an_error_for_the_callers() -> None:
    work = Pids(*["kill"] * batching.MAX_TRIES)
    operation = batching.BatchExecutor("pids", work, is_idempotent=True)

    with pytest.raises(OperationalError):
        operation.submit(1)
    assert operation.submit(2), "and the next have a new one"
    assert work.calls == batching.MAX_TRIES + 1


def test_a_batch_that_is_not_idempotent_is_not_repeated() -> None:
    work = Pids("kill")
    operation = batching.BatchExecutor("pids", work)

    with pytest.raises(OperationalError):
        operation.submit(1)

    assert operation.submit(2)
    assert work.calls == 2


def test_a_connection_lost_while_idle_is_no_error(monkeypatch: Any) -> None:
    monkeypatch.setattr(batching, "CONNECTION_CHECK_SECONDS", 0.0)
    operation = batching.BatchExecutor("pids", Pids())
    before = operation.submit(1)
    run(KILL, [before])
    wait_until(lambda: not run("SELECT 1 FROM pg_stat_activity WHERE pid = %s", [before]), "it is gone")

    assert operation.submit(2) not in (None, before)


def test_a_restarting_server_is_awaited_within_the_timeout(monkeypatch: Any) -> None:
    operation, tries = batching.BatchExecutor("pids", Pids()), iter([1, 1, 0])
    wrapper = type(connections["default"])  # the class of all threads' connections
    connect = wrapper.connect

    def refuse(self: Any) -> None:
        if threading.current_thread().name == "batch pids" and next(tries, 0):
            raise psycopg.OperationalError("the database system is starting up")
        connect(self)

    monkeypatch.setattr(wrapper, "connect", refuse)

    assert operation.submit(1)


def test_a_connection_lost_during_setup_is_reopened(monkeypatch: Any) -> None:
    operation, tries = batching.BatchExecutor("pids", Pids()), iter([1, 1, 0])
    wrapper = type(connections["default"])
    init = wrapper.init_connection_state

    def lose(self: Any) -> None:
        if threading.current_thread().name == "batch pids" and next(tries, 0):
            self.connection.close()
        init(self)

    monkeypatch.setattr(wrapper, "init_connection_state", lose)

    assert operation.submit(1)


def test_an_unavailable_server_is_an_error_after_the_timeout(monkeypatch: Any, settings: Any) -> None:
    settings.BATCH_TIMEOUT_SECONDS = 0.05
    operation = batching.BatchExecutor("pids", Pids())
    own = batching._own_connection

    def nowhere() -> Any:
        wrapper = own()
        wrapper.settings_dict |= {"HOST": "127.0.0.1", "PORT": "1"}
        return wrapper

    monkeypatch.setattr(batching, "_own_connection", nowhere)

    with pytest.raises(OperationalError, match="Connection refused"):
        operation.submit(1)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_dead_thread_is_replaced(operation: Any, gate: Gate, monkeypatch: Any, settings: Any) -> None:
    def die(asks: Any) -> None:
        raise SystemExit

    monkeypatch.setattr(operation, "_process", die)
    monkeypatch.setattr(batching, "RESULT_TIMEOUT_SECONDS", 0.01)
    settings.BATCH_TIMEOUT_SECONDS = 0.05
    with pytest.raises(Unavailable):
        operation.submit(1)
    wait_until(lambda: operation._thread is None, "it is dead")
    monkeypatch.undo()
    settings.BATCH_TIMEOUT_SECONDS = 2.0

    assert operation.submit(2) == 4


@pytest.mark.parametrize("state", sorted(batching.ROLLED_BACK))
def test_a_rolled_back_batch_is_retried(state: str) -> None:
    faults = [state, state]

    def work(items: Sequence[int]) -> list[int]:
        if faults:
            cause = Exception()
            cause.sqlstate = faults.pop()  # type: ignore[attr-defined]
            raise OperationalError("rolled back") from cause
        return list(items)

    assert batching.BatchExecutor("unlucky", work).submit(7) == 7


def test_the_connection_is_not_pooled_and_closes_when_idle(monkeypatch: Any) -> None:
    monkeypatch.setattr(batching, "THREAD_IDLE_SECONDS", 0.05)
    operation = batching.BatchExecutor("pids", Pids())

    pid = operation.submit(1)

    assert operation.submit(1) == pid
    assert all(getattr(one.connection, "info", None) is None or one.connection.info.backend_pid != pid
               for one in connections.all(initialized_only=True))  # fmt: skip
    wait_until(lambda: operation._thread is None, "the thread ends")
    wait_until(lambda: not run("SELECT 1 FROM pg_stat_activity WHERE pid = %s", [pid]), "its connection closes")
    assert operation.submit(1) not in (None, pid)


# --- transactions ------------------------------------------------------------------------------------------------
COUNT = "SELECT count(*) FROM batched WHERE id = ANY(%s::int[])"


def planned_anew(*first: str) -> int:
    """Return how many of 20 runs of a statement had a plan for that item only."""

    def count(items: Sequence[int]) -> list[int]:
        for statement in first:
            run(statement)
        for _ in range(20):
            run(COUNT, [list(items)])
        found = run(
            "SELECT custom_plans FROM pg_prepared_statements WHERE position('count(*) FROM batched' IN statement) > 0"
        )
        return [plans for (plans,) in found]

    operation = batching.BatchExecutor("counting", count)
    try:
        return operation.submit(1)
    finally:
        operation.drain()


def test_a_statement_is_planned_once(table: None) -> None:
    run("INSERT INTO batched SELECT n FROM generate_series(100, 100000) n RETURNING id")
    run("ANALYZE batched")

    assert planned_anew() == 0


def test_without_the_setting_the_server_plans_each_time(table: None) -> None:
    run("INSERT INTO batched SELECT n FROM generate_series(100, 100000) n RETURNING id")
    run("ANALYZE batched")

    assert planned_anew("SET plan_cache_mode = auto") > 5


def test_within_a_transaction_the_work_is_part_of_it(table: None) -> None:
    operation = batching.BatchExecutor("inserting", insert)

    with transaction.atomic():
        assert operation.submit(1) == 1
        transaction.set_rollback(True)

    assert run("SELECT * FROM batched") == []
    assert operation._thread is None


def test_without_batching_the_work_uses_the_callers_connection(settings: Any) -> None:
    settings.BATCHING = False
    operation = batching.BatchExecutor("pids", Pids())

    assert operation.submit(1) == run("SELECT pg_backend_pid()")[0][0]
    assert operation._thread is None


RunConcurrently = Callable[..., list[Any]]


def seen(operation: Any, number: int) -> bool:
    """Return whether a caller with a result sees their row over another connection."""
    operation.submit(number)
    return bool(run("SELECT 1 FROM batched WHERE id = %s", [number]))


def test_a_caller_with_a_result_sees_the_committed_effect(table: None, run_concurrently: RunConcurrently) -> None:
    operation = batching.BatchExecutor("inserting", insert)

    found = run_concurrently(lambda number: seen(operation, number), range(100, 200))

    assert found == [True] * 100


def test_results_before_the_commit_would_show_no_effect(table: None, run_concurrently: RunConcurrently) -> None:
    """Return results within the transaction, which removes the guard of the test above."""
    operation = batching.BatchExecutor("inserting", insert)
    process = operation._process

    def process_in_transaction(pending_items: Any) -> None:
        with transaction.atomic():
            process(pending_items)
            threading.Event().wait(0.2)

    operation._process = process_in_transaction  # type: ignore[method-assign]

    found = run_concurrently(lambda number: seen(operation, number), range(100, 150))

    assert not all(found)


# --- start and shutdown ----------------------------------------------------------------------------------------------
def test_nothing_runs_before_the_first_item() -> None:
    assert batching.BatchExecutor("pids", Pids())._thread is None


def test_a_drain_processes_all_items_and_later_items_start_a_thread(
    operation: Any, gate: Gate, callers: ThreadPoolExecutor
) -> None:
    first = occupy(callers, operation, gate)
    others = queue(callers, operation, [1, 2])
    thread = operation._thread
    drained = callers.submit(batching.drain)
    wait_until(lambda: operation._draining, "it drains")

    gate.opened.set()
    drained.result(30)

    assert [future.result(30) for future in (first, *others)] == [0, 2, 4]
    assert not thread.is_alive()
    assert operation.submit(3) == 6


def test_a_forked_process_has_its_own_thread_and_connection() -> None:
    operation = batching.BatchExecutor("pids", Pids())
    ours = operation.submit(1)
    reader, writer = os.pipe()

    child = os.fork()
    if child == 0:  # a child process must not run tests or cleanup
        try:
            os.write(writer, str(operation.submit(1)).encode())
        finally:
            os._exit(0)
    os.close(writer)
    with os.fdopen(reader) as said:
        theirs = int(said.read() or 0)
    os.waitpid(child, 0)

    assert theirs not in (0, ours)
    assert operation.submit(1) == ours, "the parent's goes on"


def test_batch_sizes_and_waiting_times_are_recorded(operation: Any, gate: Gate, callers: ThreadPoolExecutor) -> None:
    def metric(name: str) -> float:
        return REGISTRY.get_sample_value(name, {"operation": "doubling"}) or 0.0

    before = metric("promo_batch_size_sum"), metric("promo_batch_size_count"), metric("promo_batch_wait_seconds_count")
    first = occupy(callers, operation, gate)
    others = queue(callers, operation, [1, 2])

    assert metric("promo_batch_waiting") == 2
    gate.opened.set()
    for future in (first, *others):
        future.result(30)
    assert metric("promo_batch_waiting") == 0
    after = metric("promo_batch_size_sum"), metric("promo_batch_size_count"), metric("promo_batch_wait_seconds_count")
    assert [now - then for now, then in zip(after, before, strict=True)] == [3, 2, 2]
