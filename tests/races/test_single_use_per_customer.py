"""A shopper uses a discount code once, whatever happens at the same moment."""

import random
from collections import Counter
from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest
from django.db import connection

from accounts.contracts import Shopper
from core.ids import uuid7
from discounts import services
from discounts.models import Usage, UsageNotification
from discounts.services import redemptions
from promotions.errors import CodeAlreadyUsed
from tests.factories import DiscountCodeFactory, ShopperFactory

pytestmark = pytest.mark.django_db(transaction=True)
RunConcurrently = Callable[..., list[Any]]

UNGUARDED = """
ALTER TABLE discounts_usage DROP CONSTRAINT discounts_usage_once_per_shopper;
"""
GUARDED = """
TRUNCATE discounts_usage;
ALTER TABLE discounts_usage ADD CONSTRAINT discounts_usage_once_per_shopper PRIMARY KEY (code_id, customer_id);
"""


def shopper() -> Shopper:
    user = ShopperFactory()
    return Shopper(user.customer.pk, user.customer.customer_id, user.uuid)


@pytest.mark.parametrize("batching", [True, False], ids=["in batches", "each for itself"])
def test_200_threads_of_one_shopper_make_one_use(
    run_concurrently: RunConcurrently, at: datetime, settings: Any, batching: bool
) -> None:
    settings.BATCHING, settings.BATCH_TIMEOUT_SECONDS = batching, 60
    DiscountCodeFactory(text="TEN")
    one = shopper()

    results = run_concurrently(
        lambda _: services.redeem_code(code="TEN", shopper=one, amount=None, currency=None, at=at), range(200)
    )

    outcomes = Counter(type(result) for result in results)
    assert outcomes == {services.RedemptionResult: 1, CodeAlreadyUsed: 199}
    assert Usage.objects.count() == UsageNotification.objects.count() == 1


@pytest.mark.parametrize("batching", [True, False], ids=["in batches", "each for itself"])
def test_20_shoppers_use_20_codes_all_at_once(
    run_concurrently: RunConcurrently, at: datetime, settings: Any, batching: bool
) -> None:
    settings.BATCHING, settings.BATCH_TIMEOUT_SECONDS = batching, 60
    codes = [DiscountCodeFactory().code_id for _ in range(20)]
    shoppers = [shopper() for _ in range(20)]

    results = run_concurrently(
        lambda one: [
            services.redeem_code(code=code, shopper=one, amount=None, currency=None, at=at).code for code in codes
        ],
        shoppers,
    )

    assert results == [codes] * 20
    assert Usage.objects.count() == 400


def test_batches_of_several_processes_over_the_same_uses_never_deadlock(
    run_concurrently: RunConcurrently, at: datetime
) -> None:
    """Each statement takes its uses in one order, whatever the order in which they were asked for."""
    codes = [DiscountCodeFactory().code_id for _ in range(10)]
    shoppers = [shopper() for _ in range(10)]
    asks = [(code, one.id) for code in codes for one in shoppers]

    def process(number: int) -> list[object]:
        shuffled = random.Random(number).sample(asks, len(asks))
        return [
            row["id"]
            for row in redemptions._redeem_batch(
                [redemptions._BatchItem(code, one, uuid7(), at, None, None) for code, one in shuffled]
            )
        ]

    results = run_concurrently(process, range(12))

    taken = [use for result in results for use in result if use is not None]
    assert len(taken) == len(set(taken)) == Usage.objects.count() == UsageNotification.objects.count() == 100


def test_without_the_key_a_look_before_the_use_lets_the_race_happen(
    run_concurrently: RunConcurrently, at: datetime
) -> None:
    """The proof that the test above can fail: look, then take, as one would without the constraint."""
    code = DiscountCodeFactory(text="TEN")
    one = shopper()

    def look_then_take(_: int) -> None:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT count(*) FROM discounts_usage WHERE code_id = %s AND customer_id = %s", [code.pk, one.id]
            )
            if not cursor.fetchone()[0]:
                cursor.execute(
                    "INSERT INTO discounts_usage (code_id, customer_id, id, used_at)"
                    " VALUES (%s, %s, gen_random_uuid(), %s)",
                    [code.pk, one.id, at],
                )

    uses = 0
    with connection.cursor() as cursor:
        cursor.execute(UNGUARDED)
        try:
            for _ in range(10):
                run_concurrently(look_then_take, range(50))
                cursor.execute("SELECT count(*) FROM discounts_usage")
                uses = cursor.fetchone()[0]
                if uses > 1:
                    break
                cursor.execute("TRUNCATE discounts_usage")
        finally:
            cursor.execute(GUARDED)

    assert uses > 1
