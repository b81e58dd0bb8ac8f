"""Lost vouchers are reassigned to the first customers of the waiting list, each rank once."""

import threading
from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Any

import pytest
from django.db import connection

from accounts.models import Customer
from core.ids import uuid7
from tests.factories import CampaignFactory
from vouchers import selectors
from vouchers.consistency import check
from vouchers.contracts import ClaimRequest
from vouchers.models import Campaign, CampaignCounter, Voucher
from vouchers.services import claim, claim_many, revoke, waiting_list

pytestmark = pytest.mark.django_db(transaction=True)
RunConcurrently = Callable[..., list[Any]]
QUOTA = 20


def log_in_customers(campaign: Campaign, count: int, at: datetime) -> list[int]:
    created = Customer.objects.bulk_create([Customer(customer_id=f"c{n}") for n in range(count)])
    claim_many(campaign=campaign.slug, requests=[ClaimRequest(customer.pk, at) for customer in created])
    return [customer.pk for customer in created]


def test_lost_ranks_are_reassigned_once_to_the_first_of_the_waiting_list(
    run_concurrently: RunConcurrently, at: datetime
) -> None:
    campaign = CampaignFactory(quota=QUOTA, reassign_unused=True)
    customers = log_in_customers(campaign, 3 * QUOTA, at)
    late_customers = [Customer.objects.create(customer_id=f"new{n}").pk for n in range(10)]

    def revoke_voucher(customer: int) -> None:
        revoke(voucher=Voucher.objects.get(customer=customer), at=at)
        waiting_list.reassign_vouchers(campaign_id=campaign.pk, at=at)

    def log_in(customer: int) -> None:
        claim(campaign=campaign.slug, customer_key=customer, at=at)

    calls: list[Callable[[], Any]] = [partial(revoke_voucher, customer) for customer in customers[:QUOTA]]
    calls += [partial(log_in, customer) for customer in late_customers] + [lambda: waiting_list.reassign_due(at=at)] * 4
    results = run_concurrently(lambda call: call(), calls)

    assert not [result for result in results if isinstance(result, Exception)]
    current = list(Voucher.objects.filter(reassigned_to=None).order_by("rank").values_list("rank", "customer_id"))
    assert [rank for rank, _ in current] == list(range(1, QUOTA + 1))
    assert {customer for _, customer in current} == set(customers[QUOTA : 2 * QUOTA]), (
        "only the first customers of the waiting list"
    )
    assert CampaignCounter.objects.get().issued == QUOTA
    assert list(check(at=at, repair=False)) == []


def test_without_the_lock_a_rank_is_reassigned_twice(run_concurrently: RunConcurrently, at: datetime) -> None:
    """Prove that the test above can fail: check which rank is lost and who is first, then reassign."""
    campaign = CampaignFactory(quota=1, reassign_unused=True)
    first, *_ = log_in_customers(campaign, 3, at)
    revoke(voucher=Voucher.objects.get(customer=first), at=at)
    barrier = threading.Barrier(2)

    def check_then_reassign(_: int) -> None:
        lost, replacement = selectors.reassignable_vouchers().get(), selectors.waiting_list(campaign=campaign)[0]
        barrier.wait(30)
        Voucher.objects.create(
            id=uuid7(), campaign=campaign, customer_id=replacement.customer_id, rank=lost.rank, quota=1, created_at=at,
            expires_at=at,
        )  # fmt: skip

    with connection.cursor() as cursor:
        definitions = []
        for name in ("vouchers_rank_once", "vouchers_one_per_customer"):
            cursor.execute("SELECT pg_get_indexdef(%s::regclass)", [name])
            definitions.append(cursor.fetchone()[0])
        cursor.execute("DROP INDEX vouchers_rank_once, vouchers_one_per_customer")
        try:
            results = run_concurrently(check_then_reassign, range(2))
            reassigned = list(Voucher.objects.exclude(customer=first).values_list("rank", "customer_id"))
        finally:
            Voucher.objects.all().delete()
            for definition in definitions:
                cursor.execute(definition)

    assert results == [None, None]
    assert len(reassigned) == 2
    assert len(set(reassigned)) == 1
