"""Redis and PostgreSQL fail during many first logins: exactly 100 vouchers are issued, and the platform recovers."""

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
from tests.faults.runner import SHOPPERS, TrialRun, web
from tests.platform import Platform
from vouchers.models import FirstLogin

pytestmark = [pytest.mark.fault, pytest.mark.django_db(transaction=True), pytest.mark.timeout(1800)]
FREEZE_SECONDS = 5.0  # seconds


@pytest.fixture(autouse=True)
def long_tokens(settings: Any) -> None:
    settings.ACCESS_TOKEN_MINUTES = 120


# --- Redis -----------------------------------------------------------------------------------------------------------
def flush_redis(system: Platform) -> None:
    with redis.Redis(port=system.redis_port) as client:
        client.flushall()


def kill_redis(system: Platform) -> None:
    system.kill("redis")
    time.sleep(random.uniform(0, 0.5))
    system.start_redis()


def freeze_redis(system: Platform) -> None:
    """Freeze Redis for five seconds; requests are served meanwhile."""
    pid, logins_before = system.processes["redis"].pid, FirstLogin.objects.count()
    os.kill(pid, signal.SIGSTOP)
    try:
        time.sleep(FREEZE_SECONDS)
        assert FirstLogin.objects.count() > logins_before + 20
    finally:
        os.kill(pid, signal.SIGCONT)


@pytest.mark.parametrize(
    ("fault", "inject_fault", "times"),
    [
        ("Redis loses its data (FLUSHALL)", flush_redis, 14),
        ("Redis killed and restarted without data", kill_redis, 12),
        ("Redis frozen for 5 seconds", freeze_redis, 8),
    ],
)
def test_redis_fails(fault: str, inject_fault: Callable[[Platform], None], times: int) -> None:
    rng = random.Random(fault)
    with web() as system:
        run = TrialRun(system, fault)
        for _ in range(times):
            run.run_trial(lambda _: inject_fault(system), after=rng.randint(1, 150))
        assert run.score.disconnected == run.score.unavailable == 0  # no client noticed
        run.check_results()


# --- PostgreSQL ------------------------------------------------------------------------------------------------------
@pytest.fixture
def data_directory() -> Path:
    """Data directory of the tests' own PostgreSQL; another server is never restarted."""
    with connection.cursor() as cursor:
        cursor.execute("SHOW data_directory")
        directory = Path(cursor.fetchone()[0])
    if not directory.is_relative_to(embedded.data_dir()):
        pytest.skip("needs the embedded PostgreSQL: unset DATABASE_URL")
    return directory


def restart(data_directory: Path, mode: str) -> None:
    """Restart PostgreSQL: ``immediate`` is a crash, ``fast`` is what an update does."""
    log = embedded.data_dir() / "postgresql.log"
    command = [postgres_binaries() / "pg_ctl", "-D", data_directory, "-w", "-t", 60, "-m", mode, "-l", log, "restart"]
    result = unprivileged.run(*command, cwd=embedded.data_dir())
    assert result.returncode == 0, result.stderr + result.stdout
    connection.close()


@pytest.mark.parametrize(("mode", "batching"), [("immediate", True), ("fast", True), ("immediate", False)])
def test_postgresql_is_restarted(data_directory: Path, mode: str, batching: bool) -> None:
    rng = random.Random(mode)
    with web(batching=batching) as system:
        mode_text = "batches" if batching else "single statements"
        run = TrialRun(system, f"PostgreSQL restarted ({mode}), {mode_text}")
        for _ in range(12):
            clients = run.run_trial(lambda _: restart(data_directory, mode), after=rng.randint(0, 250))
            assert len(clients.responses) == SHOPPERS
        run.check_results()


def test_postgresql_ends_all_connections() -> None:
    rng = random.Random(3)

    def end_connections() -> None:
        for _ in range(4):
            with connection.cursor() as cursor:
                cursor.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                    " WHERE datname = current_database() AND application_name LIKE 'web %'"
                )
            time.sleep(rng.uniform(0.02, 0.2))

    with web() as system:
        run = TrialRun(system, "PostgreSQL ends every connection of web, four times, batches")
        for _ in range(12):
            run.run_trial(lambda _: end_connections(), after=rng.randint(0, 200))
        run.check_results()
