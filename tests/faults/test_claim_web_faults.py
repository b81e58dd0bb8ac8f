"""Web is killed during many first logins, at random and at each step: exactly 100 vouchers are issued in the end.

The steps are: before the statement, during it (waiting for the counter), after it, which is before the commit in an
open transaction and after the commit otherwise, and between the response and its delivery.
"""

import os
import random
import signal
from typing import Any

import pytest
from django.db import connection, transaction

from tests.faults.kill_points import CLAIM_SQL
from tests.faults.runner import QUOTA, TrialRun, kill_web, oldest_worker, web
from tests.platform import Platform, wait_until
from vouchers.models import Campaign, CampaignCounter

pytestmark = [pytest.mark.fault, pytest.mark.django_db(transaction=True), pytest.mark.timeout(1800)]
BATCHED, SINGLE, KEYED = "batches", "single statements", "with an Idempotency-Key"
MODES = [BATCHED, SINGLE]


@pytest.fixture(autouse=True)
def long_tokens(settings: Any) -> None:
    settings.ACCESS_TOKEN_MINUTES = 120


@pytest.mark.parametrize("mode", MODES)
def test_web_killed_at_random(mode: str) -> None:
    rng = random.Random(mode)
    with web(batching=mode == BATCHED) as system:
        run = TrialRun(system, f"a web process killed at a random moment, {mode}")
        for _ in range(14):
            run.run_trial(lambda _: os.kill(oldest_worker(system), signal.SIGKILL), after=rng.randint(0, 300))
        assert run.score.disconnected
        run.check_results()


def test_all_of_web_killed_at_random() -> None:
    rng = random.Random(1)
    with web() as system:
        run = TrialRun(system, "all of web killed at a random moment, batches")
        for _ in range(8):
            run.run_trial(lambda _: kill_web(system), after=rng.randint(0, 300))
        assert run.score.disconnected
        run.check_results()


@pytest.mark.parametrize(
    ("step", "mode"),
    [
        *((step, mode) for mode in MODES for step in ("before the statement", "after the statement")),
        ("before the answer", BATCHED), ("after the statement", KEYED), ("before the answer", KEYED),
    ],
)  # fmt: skip
def test_web_killed_at_a_step_of_a_first_login(step: str, mode: str) -> None:
    rng = random.Random(step + mode)
    with web(batching=mode == BATCHED, kill_step=step) as system:
        run = TrialRun(system, f"a web process killed {step}, {mode}", keyed=mode == KEYED)
        for _ in range(12):
            marker = system.data_dir / str(oldest_worker(system))
            run.run_trial(lambda _, marker=marker: marker.touch(), after=rng.randint(0, 200))  # type: ignore[misc]
            assert not marker.exists(), "no process was killed"
        assert run.score.disconnected
        run.check_results()


@pytest.mark.parametrize("mode", MODES)
def test_web_killed_during_the_statement(mode: str) -> None:
    rng = random.Random(2)
    with web(batching=mode == BATCHED) as system:
        run = TrialRun(system, f"a web process killed in the statement, {mode}")
        killed: list[bool] = []
        for _ in range(12):
            run.run_trial(
                lambda campaign: killed.append(kill_during_the_statement(system, campaign)), after=rng.randint(0, 10)
            )
        assert sum(killed) >= 8
        assert run.score.disconnected
        run.check_results()


def kill_during_the_statement(system: Platform, campaign: Campaign) -> bool:
    """Lock the counter until a first login waits for it, then kill its process.

    Return False if no voucher was left, so that no login has to wait.
    """
    with transaction.atomic():
        if CampaignCounter.objects.select_for_update().get(campaign=campaign).issued == QUOTA:
            return False
        wait_until(kill_oldest_waiting_process, f"a first login waits for the counter\n{system.log('web')}")
        return True


def kill_oldest_waiting_process() -> bool:
    """Kill the oldest process of which a first login waits for a lock; return whether there was one."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_stat_clear_snapshot()")  # a transaction keeps its first snapshot of the statistics
        cursor.execute(
            "SELECT application_name FROM pg_stat_activity WHERE datname = current_database()"
            " AND wait_event_type = 'Lock' AND query LIKE %s AND application_name LIKE 'web %%'",
            [f"%{CLAIM_SQL}%"],
        )
        pids = [int(name.split()[1]) for (name,) in cursor.fetchall()]
    if pids:
        os.kill(min(pids), signal.SIGKILL)
    return bool(pids)
