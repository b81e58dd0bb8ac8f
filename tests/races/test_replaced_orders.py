"""An order that is reserved anew changes its limits in one order with those of others, so they never deadlock."""

import hashlib
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import pytest
from django.db import OperationalError

from accounts.contracts import ALL_BRANDS
from accounts.models import Brand
from checkout import services
from checkout.contracts import QuoteRequest, RedemptionOptions
from checkout.models import Redemption
from checkout.services import reservations
from checkout.services.quotes import price
from checkout.services.transitions import release
from pricing import Cart, Line
from redemptions.limits.models import Limit
from redemptions.purchases import Purchases
from redemptions.uses.consistency import check
from tests.factories import BrandFactory, PromotionFactory
from tests.platform import wait_until
from tests.races.transactions import is_blocked
from tests.redemptions.limited_offers import create_shopper

pytestmark = pytest.mark.django_db(transaction=True)
RunConcurrently = Callable[..., list[Any]]
BENEFIT = {"kind": "amount", "value": "15.00", "on": "order", "keep_balance": True, "max_discount": "1.00"}
OFFER = {"benefits": [BENEFIT]}


def reserve(brand: Brand, order: str, customer: Any, codes: tuple[str, ...], at: datetime) -> Redemption:
    cart = Cart(currency="EUR", exponent=2, lines=(Line(id="a", sku="shoe", quantity=1, unit_price=10_000),))
    request = QuoteRequest(cart, codes, shop=brand.slug, order=order)
    options = RedemptionOptions(order, brand.pk, hashlib.sha256("".join(codes).encode()).digest())
    return services.reserve(request=request, options=options, shopper=customer, acceptance=ALL_BRANDS, at=at)


def replace_and_reserve(run_concurrently: RunConcurrently, monkeypatch: pytest.MonkeyPatch, at: datetime) -> list[Any]:
    """Add an offer to an order while another order takes both offers and waits for the one that the first order has."""
    brand = BrandFactory(slug="billo")
    texts = {PromotionFactory(brand=brand, trigger="code", text=text, offer=OFFER).pk: text for text in ("ONE", "TWO")}
    first, last = (text for _, text in sorted(texts.items()))
    who, other = create_shopper(), create_shopper()
    reserve(brand, "1", who, (last,), at)
    is_released, replacing = threading.Event(), threading.local()

    def price_slowly(**arguments: Any) -> Any:
        if getattr(replacing, "is_active", False):
            is_released.set()
            wait_until(is_blocked, "the other order waits for a lock", 20)
        return price(**arguments)

    def run(order: str) -> Redemption:
        if order == "1":
            replacing.is_active = True
            return reserve(brand, "1", who, (first, last), at)
        assert is_released.wait(20)
        return reserve(brand, "2", other, (first, last), at)

    monkeypatch.setattr(reservations, "price", price_slowly)
    return run_concurrently(run, ["1", "2"])


def test_a_replaced_and_a_new_order_of_two_customers_never_deadlock(
    run_concurrently: RunConcurrently, monkeypatch: pytest.MonkeyPatch, at: datetime
) -> None:
    results = replace_and_reserve(run_concurrently, monkeypatch, at)

    assert [result.discount_total for result in results] == [200, 200]
    assert set(Redemption.objects.values_list("order", "status", "discount_total")) == {
        ("1", "released", 100), ("1", "reserved", 200), ("2", "reserved", 200),
    }  # fmt: skip
    assert list(Limit.objects.filter(scope="balance:EUR").values_list("taken", flat=True)) == [200, 200]
    assert list(check(at=at, repair=False)) == []


def test_when_limits_stay_locked_while_an_order_is_priced_two_orders_deadlock(
    run_concurrently: RunConcurrently, monkeypatch: pytest.MonkeyPatch, at: datetime
) -> None:
    """Prove that the test above can fail: release the order first, then price and take."""

    @contextmanager
    def release_for_good(redemption: Redemption | None, at: datetime) -> Iterator[Purchases]:
        if redemption is not None:
            release(redemption=redemption, at=at)
        yield []

    monkeypatch.setattr(reservations, "as_released", release_for_good)
    monkeypatch.setattr(reservations, "close", lambda **arguments: None)

    results = replace_and_reserve(run_concurrently, monkeypatch, at)

    (error,) = [result for result in results if isinstance(result, OperationalError)]
    assert "deadlock detected" in str(error)
