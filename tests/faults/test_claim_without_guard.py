"""Proof that the fault tests of first logins can fail: an earlier design with the same clients, faults and checks."""

import os
import random
import signal
from collections.abc import Callable, Iterator

import pytest
import redis
from django.db import connection

from promoplatform.devserver.supervisor import procfile
from tests.faults import results
from tests.faults.baseline_design import KILL_STEP
from tests.faults.conftest import keep_web_running
from tests.faults.load_clients import IssuedVoucher, LoadClients, find_response_errors, find_voucher_errors
from tests.faults.runner import QUOTA, SHOPPERS, oldest_worker
from tests.platform import Platform, platform

pytestmark = [pytest.mark.fault, pytest.mark.django_db(transaction=True), pytest.mark.timeout(600)]


@pytest.fixture
def baseline() -> Iterator[Platform]:
    """The earlier design, served as the platform is, with tables of its own."""
    with connection.cursor() as cursor:
        cursor.execute(
            "CREATE TABLE baseline_login (campaign text, customer bigint, PRIMARY KEY (campaign, customer));"
            "CREATE TABLE baseline_voucher (id uuid PRIMARY KEY, campaign text, customer bigint, rank bigint)"
        )
    try:
        with platform() as system:
            system.environment |= {"KILL_STEP": KILL_STEP, "KILL_DIR": str(system.data_dir), "WEB_WORKERS": "4"}
            command = procfile()["web"].replace("promoplatform.wsgi", "tests.faults.baseline_design")
            with keep_web_running(system, ["/bin/sh", "-c", f"exec {command}"]):
                yield system
    finally:
        with connection.cursor() as cursor:
            cursor.execute("DROP TABLE baseline_login, baseline_voucher")


def run_trial(
    system: Platform, number: int, score: results.Score, inject_fault: Callable[[], object]
) -> list[IssuedVoucher]:
    """Run one trial and return the issued vouchers."""
    slug = f"{os.getpid()}-{score.fault}-{number}".replace(" ", "-")
    clients = LoadClients(system.port, slug, {customer: f"Bearer {customer}" for customer in range(1, SHOPPERS + 1)})
    clients.send_all(inject_fault, after=random.Random(number).randint(20, 60))
    with connection.cursor() as cursor:
        cursor.execute("SELECT customer, id::text, rank FROM baseline_voucher WHERE campaign = %s", [slug])
        vouchers = [IssuedVoucher(*row) for row in cursor.fetchall()]
    score.add(
        clients,
        vouchers_right=not find_voucher_errors(quota=QUOTA, logins=SHOPPERS, vouchers=vouchers),
        answers_right=not find_response_errors(clients.responses, vouchers),
    )
    return vouchers


def create_score(fault: str) -> results.Score:
    score = results.Score(f"the baseline design: {fault}")
    results.SCORES.append(score)
    return score


def test_baseline_design_is_correct_without_faults(baseline: Platform) -> None:
    score = create_score("nothing fails")

    assert [len(run_trial(baseline, number, score, lambda: None)) for number in range(3)] == [QUOTA] * 3
    assert score.vouchers_right == score.answers_right == 3


def test_baseline_design_exceeds_the_quota_when_redis_loses_its_data(baseline: Platform) -> None:
    score = create_score("Redis loses its data")

    def flush() -> None:
        with redis.Redis(port=baseline.redis_port) as client:
            client.flushall()

    counts = [len(run_trial(baseline, number, score, flush)) for number in range(6)]

    print(counts)
    assert min(counts) > QUOTA
    assert score.vouchers_right == 0


def test_baseline_design_misses_the_quota_when_web_crashes_after_counting(baseline: Platform) -> None:
    score = create_score("web crashes after counting")

    def mark_oldest_worker() -> None:
        (baseline.data_dir / str(oldest_worker(baseline))).touch()

    counts = [len(run_trial(baseline, number, score, mark_oldest_worker)) for number in range(6)]

    print(counts)
    assert sum(count < QUOTA for count in counts) >= 4  # sometimes the marked process counts no recipient anymore


def test_baseline_design_misses_the_quota_when_web_is_killed_at_random(baseline: Platform) -> None:
    score = create_score("web killed at a random moment")

    counts = [
        len(run_trial(baseline, number, score, lambda: os.kill(oldest_worker(baseline), signal.SIGKILL)))
        for number in range(12)
    ]

    print(counts)
    assert min(counts) < QUOTA
