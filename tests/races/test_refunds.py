"""No more of a line is returned than was bought, whatever is refunded at once."""

import hashlib
import threading
from collections import Counter
from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest
from django.db import connection, transaction

from accounts.contracts import ALL_BRANDS, Shopper
from accounts.models import Brand
from checkout import selectors, services
from checkout.contracts import Actor, QuoteRequest, RedemptionOptions
from checkout.models import Redemption, RedemptionItem, RefundedLine
from checkout.refunds import LineRefund, RefundRequest
from pricing import Cart, Line
from redemptions.limits.models import Limit
from redemptions.uses.models import OfferUse
from tests.factories import BrandFactory, CustomerFactory, PromotionFactory

pytestmark = pytest.mark.django_db(transaction=True)
RunConcurrently = Callable[..., list[Any]]
UNITS = 8


def place_order(brand: Brand, at: datetime) -> Redemption:
    """Confirm an order of 8 units at 10.00 with 10% off, from a budget of 100.00."""
    customer = CustomerFactory()
    PromotionFactory(brand=brand, trigger="code", text="SPRING", percent="10", budget=10_000)
    line = Line(id="a", sku="shoe", quantity=UNITS, unit_price=1_000, brand=brand.slug)
    request = QuoteRequest(Cart(currency="EUR", exponent=2, lines=(line,)), ("SPRING",), shop=brand.slug)
    options = RedemptionOptions("1", brand.pk, hashlib.sha256(b"order").digest())
    shopper = Shopper(customer.pk, customer.customer_id)
    return services.confirm(
        redemption=services.reserve(request=request, options=options, shopper=shopper, at=at, acceptance=ALL_BRANDS),
        at=at,
        by=Actor.SERVER,
    )


def taken_of_budget() -> int:
    return sum(Limit.objects.filter(scope__startswith="budget").values_list("taken", flat=True))


def refund_at_once(run_concurrently: RunConcurrently, redemption: Redemption, quantity: int, at: datetime) -> Any:
    """Refund the same units in several threads, and return how often each result came."""
    request = RefundRequest([LineRefund("a", quantity)], shipping=False)
    results = run_concurrently(
        lambda _: services.return_redemption(redemption=redemption, request=request, at=at), range(6)
    )
    return Counter(type(result).__name__ for result in results)


def test_concurrent_refunds_return_each_unit_once(run_concurrently: RunConcurrently, at: datetime) -> None:
    redemption = place_order(BrandFactory(slug="billo"), at)

    results = refund_at_once(run_concurrently, redemption, 3, at)  # two of three fit

    assert results["Refund"] == 2
    assert results["InvalidRequest"] + results["Busy"] == 4
    assert RefundedLine.objects.get().quantity == 6
    assert RedemptionItem.objects.get().returned_amount == OfferUse.objects.get().returned_amount == 600
    assert taken_of_budget() == 200


def test_the_last_unit_is_returned_once(run_concurrently: RunConcurrently, at: datetime) -> None:
    redemption = place_order(BrandFactory(slug="billo"), at)
    services.return_redemption(
        redemption=redemption, request=RefundRequest([LineRefund("a", UNITS - 1)], shipping=False), at=at
    )

    results = refund_at_once(run_concurrently, redemption, 1, at)

    assert results["Refund"] == 1
    assert Redemption.objects.get().status == "returned"
    assert taken_of_budget() == 0
    assert not OfferUse.objects.exists()


def test_without_the_lock_the_constraint_still_refuses(
    run_concurrently: RunConcurrently, monkeypatch: pytest.MonkeyPatch, at: datetime
) -> None:
    redemption = place_order(BrandFactory(slug="billo"), at)
    remove_the_lock(monkeypatch)

    results = refund_at_once(run_concurrently, redemption, UNITS, at)

    assert results["Refund"] == 1
    assert RefundedLine.objects.get().quantity == UNITS


def test_without_the_lock_and_the_constraint_units_are_returned_twice(
    run_concurrently: RunConcurrently, monkeypatch: pytest.MonkeyPatch, at: datetime
) -> None:
    redemption = place_order(BrandFactory(slug="billo"), at)
    remove_the_lock(monkeypatch)
    constraint = "checkout_refund_within_line"
    check = next(one for one in RefundedLine._meta.constraints if one.name == constraint)
    with connection.schema_editor() as editor:
        editor.remove_constraint(RefundedLine, check)
    try:
        refund_at_once(run_concurrently, redemption, UNITS, at)
        returned = RefundedLine.objects.get().quantity or 0
    finally:
        with transaction.atomic():
            RefundedLine.objects.all().delete()
        with connection.schema_editor() as editor:
            editor.add_constraint(RefundedLine, check)

    assert returned > UNITS


def remove_the_lock(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let each refund read the redemption without a lock, all before the first one writes."""
    read = threading.Barrier(6)

    def read_only(*, pk: Any) -> Redemption:
        return Redemption.objects.select_related("customer").get(pk=pk)

    state_of = selectors.get_order_state

    def read_state(redemption: Redemption, **items: Any) -> Any:
        state = state_of(redemption, **items)
        read.wait(30)
        return state

    monkeypatch.setattr(selectors, "lock_redemption", read_only)
    monkeypatch.setattr(selectors, "get_order_state", read_state)
