"""Limits on costly operations at once: exact under any concurrency, and free again after a process was killed."""

import gc
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from pytest_django.fixtures import Settings

from core import leases, redis
from core.errors import TooManyConcurrentRequests
from core.leases import Lease
from tests.contracts.tree import ROOT

RunConcurrently = Callable[..., list[Any]]
LIMIT = 4
OTHER_PROCESS = """
import sys, time
from django.conf import settings
settings.configure(REDIS_URL=sys.argv[1], CONCURRENCY_LIMITS={"export": 1})
from core import leases
leases.LEASE_SECONDS, leases.RENEWAL_SECONDS = 1, 0.2
lease = leases.acquire("export", "brand")
print("taken", flush=True)
time.sleep(60)
"""


@pytest.fixture(autouse=True)
def limits(settings: Settings) -> None:
    settings.CONCURRENCY_LIMITS = {"export": LIMIT, "import": LIMIT}
    leases._leases.clear()


@pytest.fixture
def short_leases(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leases, "LEASE_SECONDS", 0.3)


def acquire_all(count: int = LIMIT) -> list[Lease]:
    return [leases.acquire("export", "brand") for _ in range(count)]


def test_64_threads_get_exactly_the_limit(run_concurrently: RunConcurrently) -> None:
    results = run_concurrently(lambda _: leases.acquire("export", "brand"), range(64))

    assert Counter(type(result) for result in results) == {Lease: LIMIT, TooManyConcurrentRequests: 64 - LIMIT}


def test_checking_before_counting_gives_64_threads_more(run_concurrently: RunConcurrently) -> None:
    """Read the number, then add: without the script, which is the guard of the test above."""

    def read_then_add(number: int) -> bool:
        is_free = redis.client().zcard("race") < LIMIT
        if is_free:
            redis.client().zadd("race", {str(number): 1})
        return bool(is_free)

    def crowd() -> int:
        redis.client().delete("race")
        return sum(run_concurrently(read_then_add, range(64)))

    assert any(crowd() > LIMIT for _ in range(10))


def test_the_refusal_names_the_limit_and_owners_and_operations_are_separate() -> None:
    held = acquire_all()

    with pytest.raises(TooManyConcurrentRequests) as raised:
        leases.acquire("export", "brand")

    assert raised.value.extensions == {"limit": LIMIT}
    assert [*held, leases.acquire("export", "other"), leases.acquire("import", "brand")]


def test_a_released_lease_is_free_and_releasing_it_again_frees_no_other() -> None:
    first, *_others = held = acquire_all()

    first.release()
    held.append(leases.acquire("export", "brand"))
    first.release()

    with pytest.raises(TooManyConcurrentRequests):
        leases.acquire("export", "brand")


def test_a_lease_that_nothing_refers_to_is_not_renewed(short_leases: None) -> None:
    lost = acquire_all()
    del lost
    gc.collect()

    leases.renew_leases()
    time.sleep(0.35)

    assert len(acquire_all()) == LIMIT


def test_a_lease_is_not_renewed_forever(short_leases: None, monkeypatch: pytest.MonkeyPatch) -> None:
    held = acquire_all()
    monkeypatch.setattr(leases, "MAX_SECONDS", 0)

    leases.renew_leases()
    time.sleep(0.35)

    assert len(held + acquire_all()) == 2 * LIMIT


def test_leases_that_redis_lost_count_again_after_a_renewal() -> None:
    held = acquire_all()
    redis.client().flushdb()

    leases.renew_leases()

    with pytest.raises(TooManyConcurrentRequests):
        leases.acquire("export", "brand")
    assert len(held) == LIMIT


def test_a_lease_released_during_its_renewal_stays_free(monkeypatch: pytest.MonkeyPatch) -> None:
    (lease,) = acquire_all(1)
    execute = redis.execute_pipeline

    def release_first(*commands: Any) -> list[Any]:
        monkeypatch.setattr(redis, "execute_pipeline", execute)
        lease.release()
        return execute(*commands)

    monkeypatch.setattr(redis, "execute_pipeline", release_first)
    leases.renew_leases()

    assert redis.client().zcard(lease.key) == 0


def test_a_process_keeps_its_lease_until_it_is_killed(settings: Settings) -> None:
    settings.CONCURRENCY_LIMITS = {"export": 1}
    command = [sys.executable, "-c", OTHER_PROCESS, settings.REDIS_URL]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "taken\n"
        time.sleep(1.5)  # longer than a lease without renewal
        with pytest.raises(TooManyConcurrentRequests):
            leases.acquire("export", "brand")

        process.send_signal(signal.SIGKILL)
        process.wait()
    time.sleep(1.1)

    assert isinstance(leases.acquire("export", "brand"), Lease)


def test_without_redis_each_process_counts_its_own(redis_unavailable: None, run_concurrently: RunConcurrently) -> None:
    results = run_concurrently(lambda _: leases.acquire("export", "brand"), range(16))

    assert Counter(type(result) for result in results) == {Lease: LIMIT, TooManyConcurrentRequests: 16 - LIMIT}
    next(result for result in results if isinstance(result, Lease)).release()
    assert isinstance(leases.acquire("export", "brand"), Lease)
