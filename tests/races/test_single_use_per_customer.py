"""A customer redeems a discount code at most once."""

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
from discounts.models import Usage
from discounts.services import redemptions
from redemptions.errors import CodeAlreadyUsed
from tests.factories import DiscountCodeFactory, ShopperFactory
from tests.redemptions.events import count_confirmed

pytestmark = pytest.mark.django_db(transaction=True)
RunConcurrently = Callable[..., list[Any]]

DROP_CONSTRAINT = """
ALTER TABLE discounts_usage DROP CONSTRAINT discounts_usage_once_per_shopper;
"""
RESTORE_CONSTRAINT = """
TRUNCATE discounts_usage;
ALTER TABLE discounts_usage ADD CONSTRAINT discounts_usage_once_per_shopper PRIMARY KEY (code_id, customer_id);
"""


def create_shopper() -> Shopper:
    user = ShopperFactory()
    return Shopper(user.customer.pk, user.customer.customer_id, user.uuid)


@pytest.mark.parametrize("batching", [True, False], ids=["batched", "single"])
def test_concurrent_requests_of_a_shopper_redeem_a_code_once(
    run_concurrently: RunConcurrently, at: datetime, settings: Any, batching: bool
) -> None:
    settings.BATCHING, settings.BATCH_TIMEOUT_SECONDS = batching, 60
    DiscountCodeFactory(text="TEN")
    shopper = create_shopper()

    results = run_concurrently(
        lambda _: services.redeem_code(code="TEN", shopper=shopper, amount=None, currency=None, at=at), range(200)
    )

    outcomes = Counter(type(result) for result in results)
    assert outcomes == {services.RedemptionResult: 1, CodeAlreadyUsed: 199}
    assert Usage.objects.count() == count_confirmed() == 1


@pytest.mark.parametrize("batching", [True, False], ids=["batched", "single"])
def test_concurrent_shoppers_redeem_many_codes(
    run_concurrently: RunConcurrently, at: datetime, settings: Any, batching: bool
) -> None:
    settings.BATCHING, settings.BATCH_TIMEOUT_SECONDS = batching, 60
    codes = [DiscountCodeFactory().code for _ in range(20)]
    shoppers = [create_shopper() for _ in range(20)]

    results = run_concurrently(
        lambda shopper: [
            services.redeem_code(code=code, shopper=shopper, amount=None, currency=None, at=at).code for code in codes
        ],
        shoppers,
    )

    assert results == [codes] * 20
    assert Usage.objects.count() == 400


def test_batches_of_several_processes_never_deadlock(run_concurrently: RunConcurrently, at: datetime) -> None:
    """Check that each statement locks its redemptions in one order, whatever the order of the requests."""
    codes = [DiscountCodeFactory().code for _ in range(10)]
    shoppers = [create_shopper() for _ in range(10)]
    items = [(code, shopper.id) for code in codes for shopper in shoppers]

    def process(number: int) -> list[object]:
        shuffled = random.Random(number).sample(items, len(items))
        return [
            row["id"]
            for row in redemptions._redeem_batch(
                [redemptions._BatchItem(code, None, shopper, uuid7(), at, None, None) for code, shopper in shuffled]
            )
        ]

    results = run_concurrently(process, range(12))

    ids = [redemption_id for result in results for redemption_id in result if redemption_id is not None]
    assert len(ids) == len(set(ids)) == Usage.objects.count() == count_confirmed() == 100


def test_without_the_constraint_a_code_is_redeemed_twice(run_concurrently: RunConcurrently, at: datetime) -> None:
    """Prove that the test above can fail: check, then redeem, without the constraint."""
    code = DiscountCodeFactory(text="TEN")
    shopper = create_shopper()

    def check_then_redeem(_: int) -> None:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT count(*) FROM discounts_usage WHERE code_id = %s AND customer_id = %s", [code.pk, shopper.id]
            )
            if not cursor.fetchone()[0]:
                cursor.execute(
                    "INSERT INTO discounts_usage (code_id, customer_id, id, used_at)"
                    " VALUES (%s, %s, gen_random_uuid(), %s)",
                    [code.pk, shopper.id, at],
                )

    redemption_count = 0
    with connection.cursor() as cursor:
        cursor.execute(DROP_CONSTRAINT)
        try:
            for _ in range(10):
                run_concurrently(check_then_redeem, range(50))
                cursor.execute("SELECT count(*) FROM discounts_usage")
                redemption_count = cursor.fetchone()[0]
                if redemption_count > 1:
                    break
                cursor.execute("TRUNCATE discounts_usage")
        finally:
            cursor.execute(RESTORE_CONSTRAINT)

    assert redemption_count > 1
