"""First-login vouchers: each rank from 1 to the quota is issued once, to different shoppers."""

import random
import threading
from collections import Counter
from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest
from django.db import connection, transaction

from accounts.models import Customer
from core import redis
from core.ids import uuid7
from tests.factories import CampaignFactory
from vouchers.consistency import check
from vouchers.contracts import ClaimRequest, ClaimResult, Result
from vouchers.models import Campaign, CampaignCounter, FirstLogin, Voucher
from vouchers.services import change, claim, claim_many, claims

pytestmark = pytest.mark.django_db(transaction=True)
RunConcurrently = Callable[..., list[Any]]
QUOTA = 100


def customers(count: int) -> list[int]:
    created = Customer.objects.bulk_create([Customer(customer_id=f"c{n}") for n in range(count)])
    return [customer.pk for customer in created]


def ranks() -> list[int]:
    return list(Voucher.objects.order_by("rank").values_list("rank", flat=True))


def check_consistency(campaign: Campaign, outcomes: list[ClaimResult], logins: int, at: datetime) -> None:
    """Check that the results match the tables and that every rank up to the quota is issued once."""
    expected = min(campaign.counter.quota, logins)
    assert ranks() == list(range(1, expected + 1))
    assert FirstLogin.objects.count() == logins
    granted = {outcome.voucher.id for outcome in outcomes if outcome.voucher and outcome.result is Result.GRANTED}
    assert granted == set(Voucher.objects.values_list("pk", flat=True))
    assert list(check(at=at, repair=False)) == []


def test_concurrent_logins_get_exactly_the_quota(run_concurrently: RunConcurrently, at: datetime) -> None:
    campaign, shoppers = CampaignFactory(quota=QUOTA), customers(400)

    outcomes = run_concurrently(lambda shopper: claim(campaign=campaign.slug, customer_key=shopper, at=at), shoppers)

    assert Counter(outcome.result for outcome in outcomes) == {Result.GRANTED: QUOTA, Result.FULL: 300}
    check_consistency(campaign, outcomes, 400, at)


def test_concurrent_logins_without_batching_get_exactly_the_quota(
    run_concurrently: RunConcurrently, at: datetime, settings: Any
) -> None:
    settings.BATCHING = False
    campaign, shoppers = CampaignFactory(quota=20), customers(80)

    outcomes = run_concurrently(lambda shopper: claim(campaign=campaign.slug, customer_key=shopper, at=at), shoppers)

    assert Counter(outcome.result for outcome in outcomes) == {Result.GRANTED: 20, Result.FULL: 60}
    check_consistency(campaign, outcomes, 80, at)


def finds_voucher(campaign: Campaign, shopper: int, at: datetime) -> bool:
    """Return whether a voucher of a result is found on another connection."""
    voucher = claim(campaign=campaign.slug, customer_key=shopper, at=at).voucher
    return voucher is not None and Voucher.objects.filter(pk=voucher.id, customer_id=shopper).exists()


def test_returned_voucher_is_committed(run_concurrently: RunConcurrently, at: datetime) -> None:
    campaign, shoppers = CampaignFactory(quota=QUOTA), customers(QUOTA)

    assert run_concurrently(lambda shopper: finds_voucher(campaign, shopper, at), shoppers) == [True] * QUOTA


def test_result_before_the_commit_is_not_found(
    run_concurrently: RunConcurrently, at: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Prove that the test above can fail: the results are returned inside the transaction."""
    campaign, shoppers = CampaignFactory(quota=QUOTA), customers(50)
    process_batch = claims._executor._process

    def process_and_delay(items: Any) -> None:
        with transaction.atomic():
            process_batch(items)
            threading.Event().wait(0.2)

    monkeypatch.setattr(claims._executor, "_process", process_and_delay)

    assert not all(run_concurrently(lambda shopper: finds_voucher(campaign, shopper, at), shoppers))


def test_repeated_login_of_a_shopper_gets_one_voucher(run_concurrently: RunConcurrently, at: datetime) -> None:
    campaign, (shopper,) = CampaignFactory(quota=QUOTA), customers(1)

    outcomes = run_concurrently(lambda _: claim(campaign=campaign.slug, customer_key=shopper, at=at), range(100))

    assert Counter(outcome.result for outcome in outcomes) == {Result.GRANTED: 1, Result.ALREADY_CLAIMED: 99}
    assert len({outcome.voucher for outcome in outcomes}) == 1
    assert ranks() == [1]


def test_processes_with_shuffled_logins_never_deadlock_and_agree(
    run_concurrently: RunConcurrently, at: datetime
) -> None:
    """Let each thread act as a process with batches of its own, in which every shopper logs in.

    No process reports that a shopper got nothing if another one issued a voucher.
    """
    campaign, shoppers = CampaignFactory(quota=50), customers(120)

    def process(number: int) -> list[ClaimResult]:
        order = random.Random(number).sample(shoppers, len(shoppers))
        parts = [order[start : start + 30] for start in range(0, len(order), 30)]
        outcomes_by_part = [
            claim_many(campaign=campaign.slug, requests=[ClaimRequest(shopper, at) for shopper in part])
            for part in parts
        ]
        return [outcome for part in outcomes_by_part for outcome in part]

    results = run_concurrently(process, range(8))

    assert not [outcome for outcome in results if isinstance(outcome, Exception)]
    outcomes = [outcome for result in results for outcome in result]
    counts = Counter(outcome.result for outcome in outcomes)
    assert (counts[Result.GRANTED], counts[Result.FULL]) == (50, 70)
    assert Counter(outcome.voucher.id for outcome in outcomes if outcome.voucher) == dict.fromkeys(
        Voucher.objects.values_list("pk", flat=True), 8
    )
    check_consistency(campaign, outcomes, 120, at)


def test_raised_quota_is_issued_completely(run_concurrently: RunConcurrently, at: datetime) -> None:
    campaign, shoppers = CampaignFactory(quota=20), customers(80)
    calls: list[Callable[[], Any]] = [
        lambda shopper=shopper: claim_many(campaign=campaign.slug, requests=[ClaimRequest(shopper, at)])  # type: ignore[misc]
        for shopper in shoppers
    ]
    calls[40:40] = [
        lambda: change(campaign=campaign, quota=40, at=at),
        lambda: change(campaign=campaign, quota=60, at=at),
    ]

    results = run_concurrently(lambda call: call(), calls)

    assert CampaignCounter.objects.get().quota == 60
    unexpected = [
        result
        for result in results
        if not isinstance(result, list | Campaign) and "quota" not in str(getattr(result, "errors", ""))
    ]
    assert not unexpected
    list(check(at=at, repair=True))  # as the enqueued task does
    assert ranks() == list(range(1, 61))
    assert list(check(at=at, repair=False)) == []


def test_without_the_counter_the_quota_is_exceeded(run_concurrently: RunConcurrently, at: datetime) -> None:
    """Prove that the tests above can fail: count the vouchers, then issue one, without the counter row."""
    campaign, shoppers = CampaignFactory(quota=5), customers(40)
    FirstLogin.objects.bulk_create(
        [FirstLogin(campaign=campaign, customer_id=shopper, at=at, sequence=shopper) for shopper in shoppers]
    )
    barrier = threading.Barrier(len(shoppers))

    def count_then_issue(shopper: int) -> None:
        issued = Voucher.objects.filter(campaign=campaign).count()
        barrier.wait(30)
        if issued < 5:
            Voucher.objects.create(
                campaign=campaign, customer_id=shopper, rank=issued + 1, quota=5, created_at=at, expires_at=at
            )

    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_get_indexdef('vouchers_rank_once'::regclass)")
        definition = cursor.fetchone()[0]
        cursor.execute("DROP INDEX vouchers_rank_once")
        try:
            run_concurrently(count_then_issue, shoppers)
            issued = ranks()
        finally:
            Voucher.objects.all().delete()
            cursor.execute(definition)

    assert len(issued) > 5
    assert len(set(issued)) < len(issued)


# --- an earlier design: a counter in Redis, in three steps ------------------------------------------------------------
class ProcessCrashed(Exception):
    """Raised where a process crashes."""


def claim_in_three_steps(campaign: Campaign, customer: int, at: datetime, *, crashes: bool = False) -> bool:
    """Write the login, count it in Redis and write the voucher: three steps without a common transaction."""
    FirstLogin.objects.create(campaign=campaign, customer_id=customer, at=at, sequence=customer)
    rank = redis.client().incr(f"campaign_counter_{campaign.pk}")
    if rank > QUOTA:
        return False
    if crashes:
        raise ProcessCrashed
    Voucher.objects.create(
        id=uuid7(), campaign=campaign, customer_id=customer, rank=customer, quota=customer, created_at=at, expires_at=at
    )
    return True


def test_redis_counter_exceeds_the_quota_when_redis_loses_its_data(
    run_concurrently: RunConcurrently, at: datetime
) -> None:
    campaign, shoppers = CampaignFactory(quota=QUOTA), customers(300)

    for wave in range(0, 300, 60):
        if wave == 60:
            redis.client().flushdb()
        run_concurrently(lambda shopper: claim_in_three_steps(campaign, shopper, at), shoppers[wave : wave + 60])

    assert Voucher.objects.count() == 60 + QUOTA


def test_redis_counter_misses_the_quota_when_processes_crash(run_concurrently: RunConcurrently, at: datetime) -> None:
    campaign, shoppers = CampaignFactory(quota=QUOTA), customers(300)
    crashing = set(shoppers[10:QUOTA:20])

    for wave in range(0, 300, 50):
        run_concurrently(
            lambda shopper: claim_in_three_steps(campaign, shopper, at, crashes=shopper in crashing),
            shoppers[wave : wave + 50],
        )

    assert Voucher.objects.count() == QUOTA - len(crashing) == 95


def test_single_statement_gets_exactly_the_quota_despite_both_faults(
    run_concurrently: RunConcurrently, at: datetime
) -> None:
    """Check the same logins with the same loss of data, and processes that crash before or after the commit."""
    campaign, shoppers = CampaignFactory(quota=QUOTA), customers(300)
    crashing = set(shoppers[10:QUOTA:20])

    def log_in(shopper: int) -> ClaimResult:
        outcome = claim(campaign=campaign.slug, customer_key=shopper, at=at)
        if shopper in crashing:
            raise ProcessCrashed  # after the commit: the response is lost, and the request is repeated
        return outcome

    for wave in range(0, 300, 50):
        if wave == 50:
            redis.client().flushdb()
        run_concurrently(log_in, shoppers[wave : wave + 50])

    assert ranks() == list(range(1, QUOTA + 1))
    repeated = [claim(campaign=campaign.slug, customer_key=shopper, at=at) for shopper in sorted(crashing)]
    assert [outcome.result for outcome in repeated] == [Result.ALREADY_CLAIMED] * 5
    assert all(outcome.voucher for outcome in repeated)
