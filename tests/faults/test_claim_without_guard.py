"""The proof that the trials of first logins can fail: the first design, under the same crowd, faults and comparison."""

import os
import random
import signal
from collections.abc import Callable, Iterator

import pytest
import redis
from django.db import connection

from promoplatform.devserver.supervisor import procfile
from tests.faults import results
from tests.faults.baseline_design import BETWEEN
from tests.faults.conftest import kept_up
from tests.faults.load_clients import Crowd, Voucher, wrong_answers, wrong_vouchers
from tests.faults.runner import QUOTA, SHOPPERS, oldest
from tests.platform import Platform, platform

pytestmark = [pytest.mark.fault, pytest.mark.django_db(transaction=True), pytest.mark.timeout(600)]


@pytest.fixture
def twin() -> Iterator[Platform]:
    """The first design, served as the platform is, on tables of its own."""
    with connection.cursor() as cursor:
        cursor.execute(
            "CREATE TABLE three_steps_login (campaign text, customer bigint, PRIMARY KEY (campaign, customer));"
            "CREATE TABLE three_steps_voucher (id uuid PRIMARY KEY, campaign text, customer bigint, rank bigint)"
        )
    try:
        with platform() as parts:
            parts.environment |= {"DIE_AT": BETWEEN, "DOOMED": str(parts.home), "WEB_WORKERS": "4"}
            command = procfile()["web"].replace("promoplatform.wsgi", "tests.faults.baseline_design")
            with kept_up(parts, ["/bin/sh", "-c", f"exec {command}"]):
                yield parts
    finally:
        with connection.cursor() as cursor:
            cursor.execute("DROP TABLE three_steps_login, three_steps_voucher")


def burst(parts: Platform, number: int, score: results.Score, strike: Callable[[], object]) -> list[Voucher]:
    """One trial as the others are; the vouchers that were given."""
    slug = f"{os.getpid()}-{score.fault}-{number}".replace(" ", "-")
    crowd = Crowd(parts.port, slug, {one: f"Bearer {one}" for one in range(1, SHOPPERS + 1)})
    crowd.come(strike, after=random.Random(number).randint(20, 60))
    with connection.cursor() as cursor:
        cursor.execute("SELECT customer, id::text, rank FROM three_steps_voucher WHERE campaign = %s", [slug])
        vouchers = [Voucher(*row) for row in cursor.fetchall()]
    score.add(
        crowd,
        vouchers_right=not wrong_vouchers(quota=QUOTA, came=SHOPPERS, vouchers=vouchers),
        answers_right=not wrong_answers(crowd.told, vouchers),
    )
    return vouchers


def score_of(fault: str) -> results.Score:
    score = results.Score(f"the first design: {fault}")
    results.SCORES.append(score)
    return score


def test_the_first_design_is_right_when_nothing_fails(twin: Platform) -> None:
    score = score_of("nothing fails")

    assert [len(burst(twin, number, score, lambda: None)) for number in range(3)] == [QUOTA] * 3
    assert score.vouchers_right == score.answers_right == 3


def test_the_first_design_gives_too_many_when_redis_loses_its_memory(twin: Platform) -> None:
    score = score_of("Redis loses its memory")

    def flush() -> None:
        with redis.Redis(port=twin.redis_port) as client:
            client.flushall()

    given = [len(burst(twin, number, score, flush)) for number in range(6)]

    print(given)
    assert min(given) > QUOTA
    assert score.vouchers_right == 0


def test_the_first_design_gives_too_few_when_web_dies_after_counting(twin: Platform) -> None:
    score = score_of("web dies after counting")

    def doom() -> None:
        (twin.home / str(oldest(twin))).touch()

    given = [len(burst(twin, number, score, doom)) for number in range(6)]

    print(given)
    assert sum(one < QUOTA for one in given) >= 4  # now and then the doomed one counts no winner any more


def test_the_first_design_gives_too_few_when_web_is_killed_at_random(twin: Platform) -> None:
    score = score_of("web killed at a random moment")

    given = [len(burst(twin, number, score, lambda: os.kill(oldest(twin), signal.SIGKILL))) for number in range(12)]

    print(given)
    assert min(given) < QUOTA
