"""Redis and PostgreSQL go while a crowd comes to a campaign: exactly 100 win, and the platform heals by itself."""

import os
import random
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import redis
from django.db import connection

from promoplatform.devserver import embedded, unprivileged
from promoplatform.devserver.servers import postgres_binaries
from tests.faults.runner import SHOPPERS, Trials, web
from tests.platform import Platform
from vouchers.models import FirstLogin

pytestmark = [pytest.mark.fault, pytest.mark.django_db(transaction=True), pytest.mark.timeout(1800)]
FROZEN = 5.0  # seconds


@pytest.fixture(autouse=True)
def long_tokens(settings: Any) -> None:
    settings.ACCESS_TOKEN_MINUTES = 120


# --- Redis -----------------------------------------------------------------------------------------------------------
def lose_memory(parts: Platform) -> None:
    with redis.Redis(port=parts.redis_port) as client:
        client.flushall()


def kill_redis(parts: Platform) -> None:
    parts.kill("redis")
    time.sleep(random.uniform(0, 0.5))
    parts.start_redis()


def freeze_redis(parts: Platform) -> None:
    """Five seconds without a word; the crowd is served meanwhile."""
    pid, before = parts.parts["redis"].pid, FirstLogin.objects.count()
    os.kill(pid, signal.SIGSTOP)
    try:
        time.sleep(FROZEN)
        assert FirstLogin.objects.count() > before + 20
    finally:
        os.kill(pid, signal.SIGCONT)


@pytest.mark.parametrize(
    ("fault", "strike", "times"),
    [
        ("Redis loses its memory (FLUSHALL)", lose_memory, 14),
        ("Redis killed and started again, empty", kill_redis, 12),
        ("Redis frozen for 5 seconds", freeze_redis, 8),
    ],
)
def test_redis_goes(fault: str, strike: Callable[[Platform], None], times: int) -> None:
    dice = random.Random(fault)
    with web() as parts:
        trials = Trials(parts, fault)
        for _ in range(times):
            trials.burst(lambda _: strike(parts), after=dice.randint(1, 150))
        assert trials.score.cut == trials.score.refused == 0  # nobody even noticed
        trials.judge()


# --- PostgreSQL ------------------------------------------------------------------------------------------------------
@pytest.fixture
def data() -> Path:
    """The folder of the tests' own PostgreSQL; nobody else's is ever restarted."""
    with connection.cursor() as cursor:
        cursor.execute("SHOW data_directory")
        folder = Path(cursor.fetchone()[0])
    if not folder.is_relative_to(embedded.data_dir()):
        pytest.skip("PostgreSQL is somebody else's: unset DATABASE_URL")
    return folder


def restart(data: Path, mode: str) -> None:
    """``immediate`` is a crash, ``fast`` what an update does."""
    log = embedded.data_dir() / "postgresql.log"
    command = [postgres_binaries() / "pg_ctl", "-D", data, "-w", "-t", 60, "-m", mode, "-l", log, "restart"]
    done = unprivileged.run(*command, cwd=embedded.data_dir())
    assert done.returncode == 0, done.stderr + done.stdout
    connection.close()


@pytest.mark.parametrize(("mode", "batching"), [("immediate", True), ("fast", True), ("immediate", False)])
def test_postgresql_is_restarted(data: Path, mode: str, batching: bool) -> None:
    dice = random.Random(mode)
    with web(batching=batching) as parts:
        way = "batches" if batching else "single statements"
        trials = Trials(parts, f"PostgreSQL restarted ({mode}), {way}")
        for _ in range(12):
            crowd = trials.burst(lambda _: restart(data, mode), after=dice.randint(0, 250))
            assert len(crowd.told) == SHOPPERS
        trials.judge()


def test_postgresql_ends_all_connections() -> None:
    dice = random.Random(3)

    def storm() -> None:
        for _ in range(4):
            with connection.cursor() as cursor:
                cursor.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                    " WHERE datname = current_database() AND application_name LIKE 'web %'"
                )
            time.sleep(dice.uniform(0.02, 0.2))

    with web() as parts:
        trials = Trials(parts, "PostgreSQL ends every connection of web, four times, batches")
        for _ in range(12):
            trials.burst(lambda _: storm(), after=dice.randint(0, 200))
        trials.judge()
