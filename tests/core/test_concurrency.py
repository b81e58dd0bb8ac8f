"""Limits of concurrent operations: a number of them run, a number of them wait, the others are rejected."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from core.concurrency import ConcurrencyLimiter
from core.errors import Unavailable
from tests.platform import wait_until

MESSAGE = "Too many requests for this operation"


class Operation:
    """An operation that runs until it is released."""

    def __init__(self, limiter: ConcurrencyLimiter, timeout: float = 30) -> None:
        self.limiter, self.timeout, self.started = limiter, timeout, 0
        self.released = threading.Event()

    def __call__(self) -> str:
        with self.limiter.acquire(timeout=self.timeout):
            self.started += 1
            assert self.released.wait(30)
            return "done"


def occupied(limiter: ConcurrencyLimiter) -> int:
    """Return how many operations run or wait, of a limiter for five."""
    return 5 - limiter._queue_slots._value


def test_requests_above_both_limits_are_rejected_at_once() -> None:
    limiter = ConcurrencyLimiter(max_concurrent=2, max_waiting=3)
    operation = Operation(limiter)
    with ThreadPoolExecutor(5) as pool:
        futures = [pool.submit(operation) for _ in range(5)]
        wait_until(lambda: occupied(limiter) == 5, "all slots are occupied")

        with pytest.raises(Unavailable, match=MESSAGE):
            operation()
        assert operation.started == 2

        operation.released.set()
        assert [future.result(30) for future in futures] == ["done"] * 5
    assert occupied(limiter) == 0


def test_a_waiting_request_is_rejected_after_its_timeout() -> None:
    limiter = ConcurrencyLimiter(max_concurrent=1, max_waiting=4)
    operation = Operation(limiter)
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(operation)
        wait_until(lambda: operation.started == 1, "the first operation runs")

        with pytest.raises(Unavailable, match=MESSAGE), limiter.acquire(timeout=0.01):
            raise AssertionError("The limit was exceeded.")
        assert occupied(limiter) == 1

        operation.released.set()
        assert first.result(30) == "done"


def test_a_failed_operation_releases_its_slot() -> None:
    limiter = ConcurrencyLimiter(max_concurrent=1, max_waiting=0)

    for _ in range(3):
        with pytest.raises(ZeroDivisionError), limiter.acquire(timeout=1):
            raise ZeroDivisionError
    with limiter.acquire(timeout=1):
        pass
