"""Ranks 1 to quota are each given once, to distinct shoppers, whatever happens at the same moment."""

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
from vouchers.services import claim, claim_many, claims, extend

pytestmark = pytest.mark.django_db(transaction=True)
RunConcurrently = Callable[..., list[Any]]
QUOTA = 100


def customers(count: int) -> list[int]:
    made = Customer.objects.bulk_create([Customer(customer_id=f"c{n}") for n in range(count)])
    return [customer.pk for customer in made]


def ranks() -> list[int]:
    return list(Voucher.objects.order_by("rank").values_list("rank", flat=True))


def holds(campaign: Campaign, outcomes: list[ClaimResult], logins: int, at: datetime) -> None:
    """What was answered is what is there, and every rank to the quota is given once."""
    due = min(campaign.counter.quota, logins)
    assert ranks() == list(range(1, due + 1))
    assert FirstLogin.objects.count() == logins
    granted = {it.voucher.id for it in outcomes if it.voucher and it.result is Result.GRANTED}
    assert granted == set(Voucher.objects.values_list("pk", flat=True))
    assert list(check(at=at, repair=False)) == []


def test_400_shoppers_at_once_share_100_vouchers(run_concurrently: RunConcurrently, at: datetime) -> None:
    campaign, people = CampaignFactory(quota=QUOTA), customers(400)

    outcomes = run_concurrently(lambda one: claim(campaign=campaign.slug, customer_key=one, at=at), people)

    assert Counter(it.result for it in outcomes) == {Result.GRANTED: QUOTA, Result.FULL: 300}
    holds(campaign, outcomes, 400, at)


def test_the_same_without_batches(run_concurrently: RunConcurrently, at: datetime, settings: Any) -> None:
    settings.BATCHING = False
    campaign, people = CampaignFactory(quota=20), customers(80)

    outcomes = run_concurrently(lambda one: claim(campaign=campaign.slug, customer_key=one, at=at), people)

    assert Counter(it.result for it in outcomes) == {Result.GRANTED: 20, Result.FULL: 60}
    holds(campaign, outcomes, 80, at)


def found(campaign: Campaign, one: int, at: datetime) -> bool:
    """Whether somebody who was told of a voucher finds it, on another connection."""
    voucher = claim(campaign=campaign.slug, customer_key=one, at=at).voucher
    return voucher is not None and Voucher.objects.filter(pk=voucher.id, customer_id=one).exists()


def test_who_is_told_of_a_voucher_finds_it(run_concurrently: RunConcurrently, at: datetime) -> None:
    campaign, people = CampaignFactory(quota=QUOTA), customers(QUOTA)

    assert run_concurrently(lambda one: found(campaign, one, at), people) == [True] * QUOTA


def test_if_they_were_told_before_the_commit_somebody_would_find_nothing(
    run_concurrently: RunConcurrently, at: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The proof that the test above can fail: the answers are given inside of the transaction."""
    campaign, people = CampaignFactory(quota=QUOTA), customers(50)
    settle = claims._executor._process

    def too_early(asks: Any) -> None:
        with transaction.atomic():
            settle(asks)
            threading.Event().wait(0.2)

    monkeypatch.setattr(claims._executor, "_settle", too_early)

    assert not all(run_concurrently(lambda one: found(campaign, one, at), people))


def test_one_shopper_who_signs_in_100_times_at_once_wins_once(run_concurrently: RunConcurrently, at: datetime) -> None:
    campaign, (one,) = CampaignFactory(quota=QUOTA), customers(1)

    outcomes = run_concurrently(lambda _: claim(campaign=campaign.slug, customer_key=one, at=at), range(100))

    assert Counter(it.result for it in outcomes) == {Result.GRANTED: 1, Result.ALREADY_CLAIMED: 99}
    assert len({it.voucher for it in outcomes}) == 1
    assert ranks() == [1]


def test_processes_with_the_same_people_in_other_orders_never_deadlock_and_all_hear_the_same(
    run_concurrently: RunConcurrently, at: datetime
) -> None:
    """Each thread is a process with batches of its own; everyone signs in everywhere, and nobody hears that they came
    before and got nothing when they got something.
    """
    campaign, people = CampaignFactory(quota=50), customers(120)

    def process(number: int) -> list[ClaimResult]:
        order = random.Random(number).sample(people, len(people))
        parts = [order[start : start + 30] for start in range(0, len(order), 30)]
        found = [claim_many(campaign=campaign.slug, requests=[ClaimRequest(one, at) for one in part]) for part in parts]
        return [it for part in found for it in part]

    answers = run_concurrently(process, range(8))

    assert not [it for it in answers if isinstance(it, Exception)]
    outcomes = [it for answer in answers for it in answer]
    told = Counter(it.result for it in outcomes)
    assert (told[Result.GRANTED], told[Result.FULL]) == (50, 70)
    assert Counter(it.voucher.id for it in outcomes if it.voucher) == dict.fromkeys(
        Voucher.objects.values_list("pk", flat=True), 8
    )
    holds(campaign, outcomes, 120, at)


def test_a_quota_that_is_raised_in_the_middle_leaves_nobody_within_it_out(
    run_concurrently: RunConcurrently, at: datetime
) -> None:
    campaign, people = CampaignFactory(quota=20), customers(80)
    verbs: list[Callable[[], Any]] = [
        lambda one=one: claim_many(campaign=campaign.slug, requests=[ClaimRequest(one, at)])  # type: ignore[misc]
        for one in people
    ]
    verbs[40:40] = [
        lambda: extend(campaign=campaign, quota=40, at=at),
        lambda: extend(campaign=campaign, quota=60, at=at),
    ]

    results = run_concurrently(lambda verb: verb(), verbs)

    assert CampaignCounter.objects.get().quota == 60
    strange = [
        it for it in results if not isinstance(it, list | Campaign) and "quota" not in str(getattr(it, "errors", ""))
    ]
    assert not strange
    list(
        check(at=at, repair=True)
    )  # who lost at the very moment is served by the promised task; the audit does the same
    assert ranks() == list(range(1, 61))
    assert list(check(at=at, repair=False)) == []


def test_without_the_counter_a_count_before_gives_more_than_the_quota(
    run_concurrently: RunConcurrently, at: datetime
) -> None:
    """The proof that the tests above can fail: count, then give, as one would without the row that is counted on."""
    campaign, people = CampaignFactory(quota=5), customers(40)
    FirstLogin.objects.bulk_create(
        [FirstLogin(campaign=campaign, customer_id=one, at=at, sequence=one) for one in people]
    )
    barrier = threading.Barrier(len(people))

    def count_then_give(one: int) -> None:
        given = Voucher.objects.filter(campaign=campaign).count()
        barrier.wait(30)
        if given < 5:
            Voucher.objects.create(
                campaign=campaign, customer_id=one, rank=given + 1, quota=5, created_at=at, expires_at=at
            )

    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_get_indexdef('vouchers_rank_once'::regclass)")
        definition = cursor.fetchone()[0]
        cursor.execute("DROP INDEX vouchers_rank_once")
        try:
            run_concurrently(count_then_give, people)
            given = ranks()
        finally:
            Voucher.objects.all().delete()
            cursor.execute(definition)

    assert len(given) > 5
    assert len(set(given)) < len(given)


# --- the way that the first design went: a counter in Redis, in three steps ------------------------------------------
class Died(Exception):
    """The process of a winner died."""


def three_steps(campaign: Campaign, customer: int, at: datetime, *, dies: bool = False) -> bool:
    """Write the login down, count it in Redis, write the voucher: three systems' steps without a transaction."""
    FirstLogin.objects.create(campaign=campaign, customer_id=customer, at=at, sequence=customer)
    rank = redis.client().incr(f"campaign_counter_{campaign.pk}")
    if rank > QUOTA:
        return False
    if dies:
        raise Died
    Voucher.objects.create(
        id=uuid7(), campaign=campaign, customer_id=customer, rank=customer, quota=customer, created_at=at, expires_at=at
    )
    return True


def test_a_counter_in_redis_gives_too_many_when_redis_loses_its_memory(
    run_concurrently: RunConcurrently, at: datetime
) -> None:
    campaign, people = CampaignFactory(quota=QUOTA), customers(300)

    for wave in range(0, 300, 60):
        if wave == 60:
            redis.client().flushdb()
        run_concurrently(lambda one: three_steps(campaign, one, at), people[wave : wave + 60])

    assert Voucher.objects.count() == 60 + QUOTA


def test_a_counter_in_redis_gives_too_few_when_winners_die_after_counting(
    run_concurrently: RunConcurrently, at: datetime
) -> None:
    campaign, people = CampaignFactory(quota=QUOTA), customers(300)
    unlucky = set(people[10:QUOTA:20])

    for wave in range(0, 300, 50):
        run_concurrently(lambda one: three_steps(campaign, one, at, dies=one in unlucky), people[wave : wave + 50])

    assert Voucher.objects.count() == QUOTA - len(unlucky) == 95


def test_the_one_statement_gives_exactly_100_through_both(run_concurrently: RunConcurrently, at: datetime) -> None:
    """The same crowd, the same loss of memory, and winners whose process dies before or after the commit."""
    campaign, people = CampaignFactory(quota=QUOTA), customers(300)
    unlucky = set(people[10:QUOTA:20])

    def arrive(one: int) -> ClaimResult:
        outcome = claim(campaign=campaign.slug, customer_key=one, at=at)
        if one in unlucky:
            raise Died  # after the commit: the answer is lost, and asked for again
        return outcome

    for wave in range(0, 300, 50):
        if wave == 50:
            redis.client().flushdb()
        run_concurrently(arrive, people[wave : wave + 50])

    assert ranks() == list(range(1, QUOTA + 1))
    again = [claim(campaign=campaign.slug, customer_key=one, at=at) for one in sorted(unlucky)]
    assert [it.result for it in again] == [Result.ALREADY_CLAIMED] * 5
    assert all(it.voucher for it in again)
