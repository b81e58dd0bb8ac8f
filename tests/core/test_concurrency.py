"""So many work at once, so many wait, everyone else hears so at once."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from core.concurrency import ConcurrencyLimiter
from core.errors import Unavailable
from tests.platform import until

MESSAGE = "Too many requests for this operation"


class Work:
    """Work that takes until it is let go."""

    def __init__(self, room: ConcurrencyLimiter, patience: float = 30) -> None:
        self.room, self.patience, self.begun = room, patience, 0
        self.let_go = threading.Event()

    def __call__(self) -> str:
        with self.room.acquire(timeout=self.patience):
            self.begun += 1
            assert self.let_go.wait(30)
            return "done"


def there(room: ConcurrencyLimiter) -> int:
    """How many work or wait, of a room for five."""
    return 5 - room._queue_slots._value


def test_requests_above_both_limits_are_rejected_at_once() -> None:
    room = ConcurrencyLimiter(max_concurrent=2, max_waiting=3)
    work = Work(room)
    with ThreadPoolExecutor(5) as pool:
        asked = [pool.submit(work) for _ in range(5)]
        until(lambda: there(room) == 5, "all are there")

        with pytest.raises(Unavailable, match=MESSAGE):
            work()
        assert work.begun == 2

        work.let_go.set()
        assert [one.result(30) for one in asked] == ["done"] * 5
    assert there(room) == 0


def test_a_waiting_request_is_rejected_after_its_timeout() -> None:
    room = ConcurrencyLimiter(max_concurrent=1, max_waiting=4)
    work = Work(room)
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(work)
        until(lambda: work.begun == 1, "the first is inside")

        with pytest.raises(Unavailable, match=MESSAGE), room.acquire(timeout=0.01):
            raise AssertionError("it was let in")
        assert there(room) == 1

        work.let_go.set()
        assert first.result(30) == "done"


def test_a_failed_operation_releases_its_slot() -> None:
    room = ConcurrencyLimiter(max_concurrent=1, max_waiting=0)

    for _ in range(3):
        with pytest.raises(ZeroDivisionError), room.acquire(timeout=1):
            raise ZeroDivisionError
    with room.acquire(timeout=1):
        pass
