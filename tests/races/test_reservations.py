"""A shopper never has more reservations with a brand at a time than allowed, however many are made at once."""

import hashlib
import random
import threading
from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest

from accounts.contracts import Acceptance, CheckoutBy, Shopper
from accounts.models import Brand
from checkout import selectors
from checkout.contracts import QuoteRequest, RedemptionOptions
from checkout.models import Redemption
from checkout.services import reserve as reserve_order
from core.errors import Busy
from core.ids import uuid7
from coupons import services as coupon_services
from coupons.contracts import RedemptionRequest
from coupons.models import CouponDefinition, CouponRedemption
from pricing import Cart, Line
from redemptions import reservations
from redemptions.errors import TooManyReservations
from tests.factories import BrandFactory, CouponFactory, CustomerFactory, PromotionFactory

pytestmark = pytest.mark.django_db(transaction=True)
RunConcurrently = Callable[..., list[Any]]
MAXIMUM, ATTEMPTS = 3, 12


def create_brand() -> tuple[Brand, CouponDefinition]:
    brand: Brand = BrandFactory(checkout_by=CheckoutBy.SHOPPER)
    PromotionFactory(brand=brand, trigger="automatic", limit_total=1_000)
    return brand, CouponFactory(brand=brand, maximum_number_of_coupons=1_000)


def create_shopper() -> Shopper:
    customer = CustomerFactory()
    return Shopper(customer.pk, customer.customer_id)


def reserve(shopper: Shopper, brand: Brand, order: str, at: datetime) -> Redemption:
    line = Line(id="a", sku="shoe", quantity=1, unit_price=10_000, brand=brand.slug)
    request = QuoteRequest(Cart(currency="EUR", exponent=2, lines=(line,)), (), order=order)
    options = RedemptionOptions(order, None, hashlib.sha256(uuid7().bytes).digest())
    acceptance = Acceptance(None, is_shopper=True)
    return reserve_order(request=request, options=options, shopper=shopper, acceptance=acceptance, at=at)


def reserve_coupon(shopper: Shopper, coupon: CouponDefinition, at: datetime) -> CouponRedemption:
    until = at + timedelta(minutes=5)
    request = RedemptionRequest(uuid7(), shopper.key, reserved_until=until, by_shopper=True)
    while True:
        try:
            return coupon_services.redeem(coupon=coupon.pk, request=request, at=at)
        except Busy:
            continue


def test_concurrent_reservations_of_a_shopper_keep_to_the_maximum(
    run_concurrently: RunConcurrently, at: datetime
) -> None:
    for _ in range(3):
        (brand, coupon), shopper = create_brand(), create_shopper()

        results = run_concurrently(
            lambda number, brand=brand, coupon=coupon, shopper=shopper: (
                reserve_coupon(shopper, coupon, at) if number % 2 else reserve(shopper, brand, str(number), at)
            ),
            range(ATTEMPTS),
        )

        outcomes = Counter(isinstance(result, TooManyReservations) for result in results)
        assert outcomes == {False: MAXIMUM, True: ATTEMPTS - MAXIMUM}, results
        orders = Redemption.objects.filter(customer=shopper.key, status="reserved").count()
        coupons = CouponRedemption.objects.filter(customer=shopper.key, redemption_id=None, status="reserved").count()
        assert orders + coupons == MAXIMUM


def test_concurrent_shoppers_reserve_coupons_of_several_brands(run_concurrently: RunConcurrently, at: datetime) -> None:
    """Check that neither batches of several shoppers nor replaced orders deadlock."""
    offers, shoppers = [create_brand() for _ in range(2)], [create_shopper() for _ in range(3)]
    attempts = [(shopper, *offer, number) for shopper in shoppers for offer in offers for number in range(6)]

    def attempt(values: tuple[Shopper, Brand, CouponDefinition, int]) -> Any:
        shopper, brand, coupon, number = values
        try:
            return reserve_coupon(shopper, coupon, at) if number % 2 else reserve(shopper, brand, str(number % 4), at)
        except Busy as busy:
            return busy

    results = run_concurrently(attempt, random.Random(7).sample(attempts, len(attempts)))

    assert {type(result) for result in results} <= {Redemption, CouponRedemption, TooManyReservations, Busy}
    for shopper in shoppers:
        counts = selectors.count_reservations(customers=[shopper.key], since=at, at=at)
        for brand, coupon in offers:
            coupons = CouponRedemption.objects.filter(customer=shopper.key, coupon=coupon, status="reserved").count()
            count = counts.get((shopper.key, brand.pk))
            assert (count.live if count else 0) + coupons == MAXIMUM


def test_without_the_lock_a_shopper_gets_more_reservations(
    run_concurrently: RunConcurrently, monkeypatch: pytest.MonkeyPatch, at: datetime
) -> None:
    """Prove that the tests above can fail: all requests count before the first reservation is written."""
    brand, _coupon = create_brand()
    shopper, counted = create_shopper(), threading.Barrier(ATTEMPTS)
    count_reservations = selectors.count_reservations

    def count_together(**arguments: Any) -> Any:
        counts = count_reservations(**arguments)
        counted.wait(30)
        return counts

    monkeypatch.setattr(reservations, "lock_customers", lambda keys: None)
    monkeypatch.setattr(selectors, "count_reservations", count_together)

    results = run_concurrently(lambda number: reserve(shopper, brand, str(number), at), range(ATTEMPTS))

    assert Counter(type(result) for result in results) == {Redemption: ATTEMPTS}
