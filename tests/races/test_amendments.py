"""Amendments of orders and new orders at once never take more of a budget than it has."""

import hashlib
import threading
from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest

from accounts.contracts import ALL_BRANDS, Shopper
from accounts.models import Brand
from checkout import selectors, services
from checkout.contracts import Actor, AmendmentOptions, QuoteRequest, RedemptionOptions
from checkout.models import Redemption, RedemptionItem
from checkout.services.amendments import Amendment
from pricing import Cart, Line
from redemptions.errors import BudgetExhausted
from redemptions.limits.models import Limit
from redemptions.uses.models import OfferUse
from tests.factories import BrandFactory, CustomerFactory, PromotionFactory

pytestmark = pytest.mark.django_db(transaction=True)
RunConcurrently = Callable[..., list[Any]]
ORDERS = 8


def request(brand: Brand, quantity: int) -> QuoteRequest:
    line = Line(id="a", sku="shoe", quantity=quantity, unit_price=1_000, brand=brand.slug)
    return QuoteRequest(Cart(currency="EUR", exponent=2, lines=(line,)), ("SPRING",), shop=brand.slug)


def place_order(brand: Brand, number: int, at: datetime) -> Redemption:
    customer = CustomerFactory()
    options = RedemptionOptions(str(number), brand.pk, hashlib.sha256(b"order").digest())
    shopper = Shopper(customer.pk, customer.customer_id)
    reserved = services.reserve(
        request=request(brand, 1), options=options, shopper=shopper, at=at, acceptance=ALL_BRANDS
    )
    return services.confirm(redemption=reserved, at=at, by=Actor.SERVER)


def taken_of_budget() -> int:
    return sum(Limit.objects.filter(scope__startswith="budget").values_list("taken", flat=True))


def test_concurrent_amendments_and_orders_keep_to_the_budget(run_concurrently: RunConcurrently, at: datetime) -> None:
    brand = BrandFactory(slug="billo")
    offer = {"benefits": [{"kind": "percent", "value": "10"}]}
    PromotionFactory(brand=brand, trigger="code", text="SPRING", offer=offer, budget=2_000)
    placed = [place_order(brand, number, at) for number in range(ORDERS)]  # 8 times 1.00 of 20.00

    def act(number: int) -> object:
        if number >= ORDERS:
            return place_order(brand, number, at)
        return services.amend(
            redemption=placed[number],
            request=request(brand, 4),
            options=AmendmentOptions(),
            at=at,
            acceptance=ALL_BRANDS,
        )

    results = run_concurrently(act, range(2 * ORDERS))

    assert {type(result) for result in results} <= {Amendment, Redemption, BudgetExhausted}
    given = sum(RedemptionItem.objects.values_list("amount", flat=True))
    assert given == sum(OfferUse.objects.values_list("amount", flat=True)) == taken_of_budget() <= 2_000
    assert taken_of_budget() > 2_000 - 300  # less than one more amendment was left


def test_concurrent_amendments_of_an_order_are_one_after_another(
    run_concurrently: RunConcurrently, at: datetime
) -> None:
    brand = BrandFactory(slug="billo")
    offer = {"benefits": [{"kind": "percent", "value": "10"}]}
    PromotionFactory(brand=brand, trigger="code", text="SPRING", offer=offer, budget=100_000)
    order = place_order(brand, 1, at)

    results = run_concurrently(
        lambda units: services.amend(
            redemption=order, request=request(brand, units), options=AmendmentOptions(), at=at, acceptance=ALL_BRANDS
        ),
        range(1, 9),
    )

    assert {type(result) for result in results} == {Amendment}
    stored = Redemption.objects.get()
    assert stored.discount_total == RedemptionItem.objects.get().amount == taken_of_budget()
    assert sum(result.redemption.total - result.before.total for result in results) == stored.total - order.total


def test_without_the_lock_amendments_of_an_order_lose_what_they_took(
    run_concurrently: RunConcurrently, monkeypatch: pytest.MonkeyPatch, at: datetime
) -> None:
    """Prove that the test above can fail: all amendments read the order before the first one writes it."""
    brand = BrandFactory(slug="billo")
    offer = {"benefits": [{"kind": "percent", "value": "10"}]}
    PromotionFactory(brand=brand, trigger="code", text="SPRING", offer=offer, budget=100_000)
    order = place_order(brand, 1, at)
    read = threading.Barrier(4)
    get_record = selectors.get_record

    def read_together(redemption: Redemption) -> Any:
        record = get_record(redemption)
        read.wait(30)
        return record

    monkeypatch.setattr(
        selectors, "lock_redemption", lambda *, pk: Redemption.objects.select_related("customer").get(pk=pk)
    )
    monkeypatch.setattr(selectors, "get_record", read_together)

    run_concurrently(
        lambda units: services.amend(
            redemption=order, request=request(brand, units), options=AmendmentOptions(), at=at, acceptance=ALL_BRANDS
        ),
        range(2, 6),
    )

    assert taken_of_budget() != Redemption.objects.get().discount_total
