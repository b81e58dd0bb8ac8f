"""Concurrent merges of a customer are one, and orders meanwhile are counted once."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest
from django.core.management import call_command

from accounts.models import CustomerMerge
from checkout import services
from checkout.models import Redemption
from core.errors import DomainError
from redemptions.events.models import Event
from redemptions.limits.models import Limit
from tests.factories import BrandFactory
from tests.redemptions.limited_offers import KINDS, create_offer, create_shopper, reserve
from tests.redemptions.test_identities import ONCE

pytestmark = pytest.mark.django_db(transaction=True)
RunConcurrently = Callable[..., list[Any]]


def test_concurrent_merges_of_a_customer_are_one(run_concurrently: RunConcurrently, at: datetime) -> None:
    brand, guest, account = BrandFactory(), create_shopper(), create_shopper()
    offer = create_offer("promotion", brand, limit_per_user=3)
    for _ in range(3):
        reserve(offer, at, guest)

    def merge(_: int) -> CustomerMerge:
        return services.merge_customers(brand=brand, source_id=guest.customer_id, target_id=account.customer_id, at=at)

    merges = run_concurrently(merge, range(12))

    assert len({one.pk for one in merges}) == CustomerMerge.objects.count() == 1
    assert Event.objects.filter(type="customer.merged").count() == 1
    assert dict(Limit.objects.values_list("slot", "taken")) == {str(guest.key): 0, str(account.key): 3}
    call_command("check_consistency")


@pytest.mark.parametrize("kind", KINDS)
def test_orders_beside_a_merge_are_counted_once(kind: str, run_concurrently: RunConcurrently, at: datetime) -> None:
    """Orders of both customers that are under way keep what they get, and a repeated merge moves it."""
    brand, guest, account = BrandFactory(), create_shopper(), create_shopper()
    offer = create_offer(kind, brand, **ONCE[kind][0])

    def merge() -> None:
        services.merge_customers(brand=brand, source_id=guest.customer_id, target_id=account.customer_id, at=at)

    calls = [lambda: reserve(offer, at, guest), lambda: reserve(offer, at, account), merge] * 4
    results = run_concurrently(lambda call: call(), calls)

    reserved = [result for result in results if isinstance(result, Redemption)]
    assert 1 <= len(reserved) == Redemption.objects.count() <= 2
    assert all(result.status in (409, 503) for result in results if isinstance(result, DomainError))
    merge()
    assert set(Redemption.objects.values_list("customer_id", flat=True)) == {account.key}
    with pytest.raises(DomainError):
        reserve(offer, at, account)
    call_command("check_consistency")
