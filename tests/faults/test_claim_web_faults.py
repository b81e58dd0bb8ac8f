"""Web is killed while a crowd comes to a campaign, at random and at each step of a claim: exactly 100 win, in the end.

The steps: before the statement, in it (it waits for the counter), after it, which is before its commit where a
transaction is open and after it elsewhere, and when the answer is made and not yet sent.
"""

import os
import random
import signal
from typing import Any

import pytest
from django.db import connection, transaction

from tests.faults.kill_points import CLAIM
from tests.faults.runner import QUOTA, Trials, kill_web, oldest, web
from tests.platform import Platform, until
from vouchers.models import Campaign, CampaignCounter

pytestmark = [pytest.mark.fault, pytest.mark.django_db(transaction=True), pytest.mark.timeout(1800)]
BATCHED, SINGLE, KEYED = "batches", "single statements", "with an Idempotency-Key"
WAYS = [BATCHED, SINGLE]


@pytest.fixture(autouse=True)
def long_tokens(settings: Any) -> None:
    settings.ACCESS_TOKEN_MINUTES = 120


@pytest.mark.parametrize("way", WAYS)
def test_web_killed_at_random(way: str) -> None:
    dice = random.Random(way)
    with web(batching=way == BATCHED) as parts:
        trials = Trials(parts, f"a web process killed at a random moment, {way}")
        for _ in range(14):
            trials.burst(lambda _: os.kill(oldest(parts), signal.SIGKILL), after=dice.randint(0, 300))
        assert trials.score.cut
        trials.judge()


def test_all_of_web_killed_at_random() -> None:
    dice = random.Random(1)
    with web() as parts:
        trials = Trials(parts, "all of web killed at a random moment, batches")
        for _ in range(8):
            trials.burst(lambda _: kill_web(parts), after=dice.randint(0, 300))
        assert trials.score.cut
        trials.judge()


@pytest.mark.parametrize(
    ("step", "way"),
    [
        *((step, way) for way in WAYS for step in ("before the statement", "after the statement")),
        ("before the answer", BATCHED), ("after the statement", KEYED), ("before the answer", KEYED),
    ],
)  # fmt: skip
def test_web_killed_at_a_step_of_a_claim(step: str, way: str) -> None:
    dice = random.Random(step + way)
    with web(batching=way == BATCHED, die_at=step) as parts:
        trials = Trials(parts, f"a web process killed {step}, {way}", keyed=way == KEYED)
        for _ in range(12):
            doomed = parts.home / str(oldest(parts))
            trials.burst(lambda _, one=doomed: one.touch(), after=dice.randint(0, 200))  # type: ignore[misc]
            assert not doomed.exists(), "nobody died"
        assert trials.score.cut
        trials.judge()


@pytest.mark.parametrize("way", WAYS)
def test_web_killed_in_the_statement(way: str) -> None:
    dice = random.Random(2)
    with web(batching=way == BATCHED) as parts:
        trials = Trials(parts, f"a web process killed in the statement, {way}")
        struck: list[bool] = []
        for _ in range(12):
            trials.burst(
                lambda campaign: struck.append(kill_in_the_statement(parts, campaign)), after=dice.randint(0, 10)
            )
        assert sum(struck) >= 8
        assert trials.score.cut
        trials.judge()


def kill_in_the_statement(parts: Platform, campaign: Campaign) -> bool:
    """Hold the counter until a claim waits for it, which has written its first logins; then kill its process.

    False when the crowd was faster and nothing was left to wait for.
    """
    with transaction.atomic():
        if CampaignCounter.objects.select_for_update().get(campaign=campaign).issued == QUOTA:
            return False
        until(kill_whoever_waits, f"a claim waits for the counter\n{parts.log('web')}")
        return True


def kill_whoever_waits() -> bool:
    """Kill the oldest process of which a claim waits for a lock; whether there was one."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_stat_clear_snapshot()")  # a transaction sees what it saw the first time
        cursor.execute(
            "SELECT application_name FROM pg_stat_activity WHERE datname = current_database()"
            " AND wait_event_type = 'Lock' AND query LIKE %s AND application_name LIKE 'web %%'",
            [f"%{CLAIM}%"],
        )
        found = [int(name.split()[1]) for (name,) in cursor.fetchall()]
    if found:
        os.kill(min(found), signal.SIGKILL)
    return bool(found)
