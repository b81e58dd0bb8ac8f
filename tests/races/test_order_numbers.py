"""An offer for a certain order of a customer, such as the first, is in one order, however many are placed at once."""

import hashlib
import threading
from collections import Counter
from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest

from accounts.contracts import ALL_BRANDS, Shopper
from accounts.models import Brand
from checkout import selectors, services
from checkout.contracts import QuoteRequest, RedemptionOptions
from checkout.models import Redemption
from checkout.services import quotes
from core.errors import Busy
from pricing import Cart, Line
from redemptions.errors import FirstOrderOnly
from tests.factories import BrandFactory, CustomerFactory, PromotionFactory

pytestmark = pytest.mark.django_db(transaction=True)
RunConcurrently = Callable[..., list[Any]]
ORDERS = 6


def create_offer(brand: Brand, text: str) -> None:
    offer = {"conditions": [{"kind": "nth_order", "value": 1}], "benefits": [{"kind": "percent", "value": "15"}]}
    PromotionFactory(brand=brand, trigger="code", text=text, offer=offer, budget=100_000)


def reserve(shopper: Shopper, brand: Brand, order: str, code: str, at: datetime) -> Redemption:
    line = Line(id="a", sku="shoe", quantity=1, unit_price=10_000, brand=brand.slug)
    request = QuoteRequest(Cart(currency="EUR", exponent=2, lines=(line,)), (code,), shop=brand.slug, order=order)
    options = RedemptionOptions(order, brand.pk, hashlib.sha256(code.encode()).digest())
    return services.reserve(request=request, options=options, shopper=shopper, at=at, acceptance=ALL_BRANDS)


def reserve_at_once(run_concurrently: RunConcurrently, at: datetime) -> Counter[type]:
    """Reserve several orders of a new customer, with one of two first-order codes each. Return the results' types."""
    brand, customer = BrandFactory(slug="billo"), CustomerFactory()
    create_offer(brand, "FIRST")
    create_offer(brand, "WELCOME")
    shopper = Shopper(customer.pk, customer.customer_id)
    results = run_concurrently(
        lambda number: reserve(shopper, brand, str(number), ("FIRST", "WELCOME")[number % 2], at), range(ORDERS)
    )
    return Counter(type(result) for result in results)


def test_of_concurrent_orders_one_has_a_first_order_offer(run_concurrently: RunConcurrently, at: datetime) -> None:
    assert reserve_at_once(run_concurrently, at) == {Redemption: 1, FirstOrderOnly: ORDERS - 1}
    assert Redemption.objects.get().discount_total == 1_500


def test_without_the_lock_several_orders_have_a_first_order_offer(
    run_concurrently: RunConcurrently, monkeypatch: pytest.MonkeyPatch, at: datetime
) -> None:
    """Prove that the test above can fail: all orders count before the first one is written."""
    counted = threading.Barrier(ORDERS)
    count_orders = selectors.count_orders

    def count_together(**arguments: Any) -> Any:
        counts = count_orders(**arguments)
        counted.wait(30)
        return counts

    monkeypatch.setattr(quotes, "lock_customer", lambda key: None)
    monkeypatch.setattr(selectors, "count_orders", count_together)

    assert reserve_at_once(run_concurrently, at) == {Redemption: ORDERS}


def test_replaced_and_new_orders_of_a_customer_never_deadlock(run_concurrently: RunConcurrently, at: datetime) -> None:
    brand, customer = BrandFactory(slug="billo"), CustomerFactory()
    create_offer(brand, "FIRST")
    create_offer(brand, "WELCOME")
    shopper = Shopper(customer.pk, customer.customer_id)
    reserve(shopper, brand, "0", "FIRST", at)

    for attempt in range(5):
        codes = ("WELCOME", "FIRST") if attempt % 2 == 0 else ("FIRST", "WELCOME")
        results = run_concurrently(
            lambda number, codes=codes: reserve(shopper, brand, str(number // 2), codes[number % 2], at), range(8)
        )

        assert {type(result) for result in results} <= {Redemption, FirstOrderOnly, Busy}
        assert Redemption.objects.filter(status="reserved").count() == 1
