"""Automatic audiences count every order, whatever is ordered and refunded concurrently."""

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import pytest
from django.db.models import Max

from accounts.models import Brand, Customer
from checkout.models import DirtyPurchaseTotal, Redemption
from checkout.services import purchase_totals, refresh_audiences
from redemptions.statuses import RedemptionStatus
from segments import services as segments
from segments.contracts import AUTOMATIC_SEGMENT_TYPES
from tests.checkout.test_purchase_totals import NEW, NOON, THIRD, buy, count_members, members, set_status
from tests.factories import BrandFactory, CustomerFactory
from tests.races.transactions import long_transaction

pytestmark = pytest.mark.django_db(transaction=True)
RunConcurrently = Callable[..., list[Any]]


@pytest.fixture
def brand() -> Brand:
    created: Brand = BrandFactory(slug="billo", currency="EUR")
    for segment_type in AUTOMATIC_SEGMENT_TYPES:
        segments.enable(brand=created, segment_type=segment_type)
    refresh_audiences(at=NOON)
    return created


def test_concurrent_orders_refunds_and_refreshes_lose_nothing(brand: Brand, run_concurrently: RunConcurrently) -> None:
    customers = [CustomerFactory(customer_id=f"c{number}") for number in range(6)]

    def order_and_refund(customer: Customer, number: int) -> None:
        orders = [buy(brand, customer, NOON, order=f"{customer.customer_id}-{number}-{index}") for index in range(2)]
        set_status(orders[0], RedemptionStatus.RETURNED)

    def refresh() -> None:
        for _ in range(6):
            purchase_totals.refresh_totals(at=NOON, limit=2)
            purchase_totals.update_memberships(at=NOON, limit=2)

    calls: list[Callable[[], Any]] = [
        partial(order_and_refund, customer, number) for customer in customers for number in range(3)
    ]
    results = run_concurrently(lambda call: call(), [*calls, *[refresh] * 4])
    refresh_audiences(at=NOON)

    assert results == [None] * len(results)
    names = {customer.customer_id for customer in customers}
    assert members(brand) == count_members(brand, NOON) == {THIRD: names, NEW: names}
    assert not DirtyPurchaseTotal.objects.exists()
    assert list(purchase_totals.check(at=NOON, repair=False)) == []


def test_order_that_outlasts_a_refresh_is_counted_by_the_next(brand: Brand) -> None:
    ann, ben = CustomerFactory(customer_id="ann"), CustomerFactory(customer_id="ben")
    with long_transaction(lambda: buy(brand, ann, NOON, order="long")) as commit:
        buy(brand, ben, NOON + timedelta(seconds=1), order="short")
        refresh_audiences(at=NOON + timedelta(seconds=2))
        assert members(brand) == {NEW: {"ben"}}
        commit()

    refresh_audiences(at=NOON + timedelta(seconds=3))

    assert members(brand) == {NEW: {"ann", "ben"}}


def test_refresh_does_not_block_other_transactions(brand: Brand) -> None:
    buy(brand, CustomerFactory(customer_id="ann"), NOON)
    with long_transaction(lambda: purchase_totals.refresh_totals(at=NOON)) as commit:
        assert purchase_totals.refresh_totals(at=NOON) == purchase_totals.update_memberships(at=NOON) == 0
        buy(brand, CustomerFactory(customer_id="ben"), NOON)
        commit()

    refresh_audiences(at=NOON)

    assert members(brand) == {NEW: {"ann", "ben"}}


def test_high_water_mark_misses_a_longer_transaction(brand: Brand) -> None:
    """Prove that the tests above can fail: count what was confirmed after the newest order seen so far."""
    ann, ben = CustomerFactory(customer_id="ann"), CustomerFactory(customer_id="ben")
    mark: datetime = NOON - timedelta(days=1)
    seen: set[str] = set()

    def naive_refresh() -> None:
        nonlocal mark
        changed = Redemption.objects.filter(status=RedemptionStatus.CONFIRMED, confirmed_at__gt=mark)
        seen.update(changed.values_list("customer__customer_id", flat=True))
        mark = changed.aggregate(newest=Max("confirmed_at"))["newest"] or mark

    with long_transaction(lambda: buy(brand, ann, NOON, order="long")) as commit:
        buy(brand, ben, NOON + timedelta(seconds=1), order="short")
        naive_refresh()
        commit()
    naive_refresh()

    assert seen == {"ben"}
    assert Redemption.objects.count() == 2
