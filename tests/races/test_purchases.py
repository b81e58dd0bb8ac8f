"""No purchase escapes the audiences that are computed from them, whatever is bought and refunded meanwhile."""

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import pytest
from django.db.models import Max

from accounts.models import Brand, Customer
from checkout.models import DirtyPurchaseTotal, Redemption, Status
from checkout.services import purchase_totals, refresh_audiences
from segments import services as segments
from segments.contracts import AUTOMATIC_SEGMENT_TYPES
from tests.checkout.test_purchase_totals import NEW, NOON, THIRD, buy, count_members, members, set_status
from tests.factories import BrandFactory, CustomerFactory
from tests.races.test_reports import long_transaction

pytestmark = pytest.mark.django_db(transaction=True)
RunConcurrently = Callable[..., list[Any]]


@pytest.fixture
def brand() -> Brand:
    made: Brand = BrandFactory(slug="billo", currency="EUR")
    for segment_type in AUTOMATIC_SEGMENT_TYPES:
        segments.enable(brand=made, segment_type=segment_type)
    refresh_audiences(at=NOON)
    return made


def test_buyers_refunds_and_refreshes_at_once_lose_nothing(brand: Brand, run_concurrently: RunConcurrently) -> None:
    people = [CustomerFactory(customer_id=f"c{number}") for number in range(6)]

    def life(customer: Customer, number: int) -> None:
        orders = [buy(brand, customer, NOON, order=f"{customer.customer_id}-{number}-{place}") for place in range(2)]
        set_status(orders[0], Status.REFUNDED)

    def refresh() -> None:
        for _ in range(6):
            purchase_totals.refresh_totals(at=NOON, limit=2)
            purchase_totals.update_memberships(at=NOON, limit=2)

    verbs: list[Callable[[], Any]] = [partial(life, customer, number) for customer in people for number in range(3)]
    results = run_concurrently(lambda verb: verb(), [*verbs, *[refresh] * 4])
    refresh_audiences(at=NOON)

    assert results == [None] * len(results)
    names = {customer.customer_id for customer in people}
    assert members(brand) == count_members(brand, NOON) == {THIRD: names, NEW: names}
    assert not DirtyPurchaseTotal.objects.exists()
    assert list(purchase_totals.check(at=NOON, repair=False)) == []


def test_a_purchase_that_outlasts_a_refresh_is_counted_by_the_next(brand: Brand) -> None:
    ann, ben = CustomerFactory(customer_id="ann"), CustomerFactory(customer_id="ben")
    with long_transaction(lambda: buy(brand, ann, NOON, order="long")) as commit:
        buy(brand, ben, NOON + timedelta(seconds=1), order="short")
        refresh_audiences(at=NOON + timedelta(seconds=2))
        assert members(brand) == {NEW: {"ben"}}
        commit()

    refresh_audiences(at=NOON + timedelta(seconds=3))

    assert members(brand) == {NEW: {"ann", "ben"}}


def test_one_that_refreshes_alone_leaves_others_nothing_to_wait_for(brand: Brand) -> None:
    buy(brand, CustomerFactory(customer_id="ann"), NOON)
    with long_transaction(lambda: purchase_totals.refresh_totals(at=NOON)) as commit:
        assert purchase_totals.refresh_totals(at=NOON) == purchase_totals.update_memberships(at=NOON) == 0
        buy(brand, CustomerFactory(customer_id="ben"), NOON)
        commit()

    refresh_audiences(at=NOON)

    assert members(brand) == {NEW: {"ann", "ben"}}


def test_with_a_mark_of_the_newest_purchase_a_longer_one_is_never_summed_up(brand: Brand) -> None:
    """The proof that the tests above can fail: look at what was confirmed after the newest that was seen."""
    ann, ben = CustomerFactory(customer_id="ann"), CustomerFactory(customer_id="ben")
    mark: datetime = NOON - timedelta(days=1)
    seen: set[str] = set()

    def naive_refresh() -> None:
        nonlocal mark
        changed = Redemption.objects.filter(status=Status.CONFIRMED, confirmed_at__gt=mark)
        seen.update(changed.values_list("customer__customer_id", flat=True))
        mark = changed.aggregate(newest=Max("confirmed_at"))["newest"] or mark

    with long_transaction(lambda: buy(brand, ann, NOON, order="long")) as commit:
        buy(brand, ben, NOON + timedelta(seconds=1), order="short")
        naive_refresh()
        commit()
    naive_refresh()

    assert seen == {"ben"}
    assert Redemption.objects.count() == 2
