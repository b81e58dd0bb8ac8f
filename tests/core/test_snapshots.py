"""Values that are read once in a while: the first read is waited for, and a failed one keeps the value of before."""

import threading
import time
from collections.abc import Callable
from typing import Any

from django.db import OperationalError

from core.snapshots import Snapshot


def test_all_threads_wait_for_the_first_read(run_concurrently: Callable[..., list[Any]]) -> None:
    reads: list[None] = []
    snapshot = Snapshot("test", 0)

    def read() -> int:
        reads.append(None)
        time.sleep(0.2)
        return 7

    assert run_concurrently(lambda _: snapshot.get(read, seconds=60), range(8)) == [7] * 8
    assert len(reads) == 1


def test_others_use_the_value_of_before_while_it_is_read_again() -> None:
    snapshot, started, finish = Snapshot("test", 0), threading.Event(), threading.Event()
    snapshot.set(1)

    def read() -> int:
        started.set()
        assert finish.wait(10)
        return 2

    thread = threading.Thread(target=snapshot.get, args=[read], kwargs={"seconds": 0})
    thread.start()
    assert started.wait(10)

    assert snapshot.get(lambda: 3, seconds=0) == 1
    finish.set()
    thread.join(10)
    assert snapshot.value == 2


def test_a_failed_read_keeps_the_value_and_nobody_waits_for_the_next_one() -> None:
    snapshot = Snapshot("test", 0)

    def fail() -> int:
        raise OperationalError("away")

    assert [snapshot.get(fail, seconds=60) for _ in range(2)] == [0, 0]
    assert snapshot.get(lambda: 5, seconds=60) == 5
