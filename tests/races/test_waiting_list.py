"""What winners lose goes to the first in line, each rank to one of them, whatever happens at the same moment."""

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


def arrived(campaign: Campaign, count: int, at: datetime) -> list[int]:
    made = Customer.objects.bulk_create([Customer(customer_id=f"c{n}") for n in range(count)])
    claim_many(campaign=campaign.slug, requests=[ClaimRequest(one.pk, at) for one in made])
    return [one.pk for one in made]


def test_ranks_that_are_lost_and_passed_on_at_once_go_to_the_first_in_line_each_once(
    run_concurrently: RunConcurrently, at: datetime
) -> None:
    campaign = CampaignFactory(quota=QUOTA, reassign_unused=True)
    people = arrived(campaign, 3 * QUOTA, at)
    newcomers = [Customer.objects.create(customer_id=f"new{n}").pk for n in range(10)]

    def lose(one: int) -> None:
        revoke(voucher=Voucher.objects.get(customer=one), at=at)
        waiting_list.reassign_vouchers(campaign_id=campaign.pk, at=at)

    def come(one: int) -> None:
        claim(campaign=campaign.slug, customer_key=one, at=at)

    verbs: list[Callable[[], Any]] = [partial(lose, one) for one in people[:QUOTA]]
    verbs += [partial(come, one) for one in newcomers] + [lambda: waiting_list.enqueue_reassignments(at=at)] * 4
    results = run_concurrently(lambda verb: verb(), verbs)

    assert not [it for it in results if isinstance(it, Exception)]
    found = list(Voucher.objects.filter(reassigned_to=None).order_by("rank").values_list("rank", "customer_id"))
    assert [rank for rank, _ in found] == list(range(1, QUOTA + 1))
    assert {one for _, one in found} == set(people[QUOTA : 2 * QUOTA]), "the first in line, and nobody else"
    assert CampaignCounter.objects.get().issued == QUOTA
    assert list(check(at=at, repair=False)) == []


def test_without_the_lock_a_rank_is_passed_on_twice(run_concurrently: RunConcurrently, at: datetime) -> None:
    """The proof that the test above can fail: look what was lost and who is first, then give."""
    campaign = CampaignFactory(quota=1, reassign_unused=True)
    first, *_ = arrived(campaign, 3, at)
    revoke(voucher=Voucher.objects.get(customer=first), at=at)
    barrier = threading.Barrier(2)

    def look_then_give(_: int) -> None:
        lost, heir = selectors.reassignable_vouchers().get(), selectors.waiting_list(campaign=campaign)[0]
        barrier.wait(30)
        Voucher.objects.create(
            id=uuid7(), campaign=campaign, customer_id=heir.customer_id, rank=lost.rank, quota=1, created_at=at,
            expires_at=at,
        )  # fmt: skip

    with connection.cursor() as cursor:
        definitions = []
        for name in ("vouchers_rank_once", "vouchers_one_per_customer"):
            cursor.execute("SELECT pg_get_indexdef(%s::regclass)", [name])
            definitions.append(cursor.fetchone()[0])
        cursor.execute("DROP INDEX vouchers_rank_once, vouchers_one_per_customer")
        try:
            results = run_concurrently(look_then_give, range(2))
            given = list(Voucher.objects.exclude(customer=first).values_list("rank", "customer_id"))
        finally:
            Voucher.objects.all().delete()
            for definition in definitions:
                cursor.execute(definition)

    assert results == [None, None]
    assert len(given) == 2
    assert len(set(given)) == 1
