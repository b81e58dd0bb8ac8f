"""A voucher is reserved by one order at a time."""

import hashlib
from collections import Counter
from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest
from django.db import connection

from accounts.contracts import ALL_BRANDS, Shopper
from accounts.models import Brand
from checkout import services
from checkout.contracts import QuoteRequest, RedemptionOptions
from checkout.models import Redemption
from pricing import Cart, Line
from tests.factories import BrandFactory, CampaignFactory, CustomerFactory
from vouchers.errors import VoucherUsed
from vouchers.models import Voucher
from vouchers.services import claim

pytestmark = pytest.mark.django_db(transaction=True)
RunConcurrently = Callable[..., list[Any]]


def create_shopper() -> Shopper:
    customer = CustomerFactory()
    return Shopper(customer.pk, customer.customer_id)


def issue_voucher(brand: Brand, shopper: Shopper, at: datetime) -> str:
    campaign = CampaignFactory(brand=brand)
    voucher = claim(campaign=campaign.slug, customer_key=shopper.key, at=at).voucher
    assert voucher
    return str(voucher.id)


def reserve(brand: Brand, shopper: Shopper, at: datetime, *vouchers: str, order: str) -> Redemption:
    line = Line(id="a", sku="mobile", quantity=1, unit_price=2_000)
    cart = Cart(currency="EUR", exponent=2, lines=(line,), transaction_type="topup")
    request = QuoteRequest(cart, (), vouchers)
    fingerprint = hashlib.sha256(repr(request).encode()).digest()
    return services.reserve(
        request=request,
        options=RedemptionOptions(order, brand.pk, fingerprint),
        shopper=shopper,
        at=at,
        acceptance=ALL_BRANDS,
    )


def test_voucher_in_many_orders_is_reserved_once(run_concurrently: RunConcurrently, at: datetime) -> None:
    brand, shopper = BrandFactory(), create_shopper()
    voucher = issue_voucher(brand, shopper, at)

    results = run_concurrently(lambda number: reserve(brand, shopper, at, voucher, order=str(number)), range(40))

    assert Counter(type(result) for result in results) == {Redemption: 1, VoucherUsed: 39}
    (redemption,) = Redemption.objects.all()
    assert Voucher.objects.get().redemption_id == redemption.pk


def test_orders_with_the_same_vouchers_in_shuffled_order_never_deadlock(
    run_concurrently: RunConcurrently, at: datetime
) -> None:
    brand, shopper = BrandFactory(), create_shopper()
    vouchers = [issue_voucher(brand, shopper, at) for _ in range(6)]

    def cart(number: int) -> Any:
        shuffled = sorted(vouchers, key=lambda voucher: hashlib.sha256(f"{number}{voucher}".encode()).digest())
        redemption = reserve(brand, shopper, at, *shuffled, order=str(number))
        return services.cancel(redemption=redemption, at=at)

    results = run_concurrently(cart, range(24))

    assert {type(result) for result in results} <= {Redemption, VoucherUsed}
    assert Counter(Voucher.objects.values_list("status", flat=True)) == {"available": 6}


def test_without_the_condition_a_voucher_is_reserved_by_several_orders(
    run_concurrently: RunConcurrently, at: datetime
) -> None:
    """Prove that the first test can fail: check the status of the voucher, then reserve it, without the condition."""
    brand, shopper = BrandFactory(), create_shopper()
    voucher = issue_voucher(brand, shopper, at)

    def check_then_reserve(number: int) -> bool:
        with connection.cursor() as cursor:
            cursor.execute("SELECT state FROM vouchers_voucher WHERE id = %s", [voucher])
            if cursor.fetchone()[0] != "available":
                return False
            cursor.execute(
                "UPDATE vouchers_voucher SET state = 'reserved', redemption_id = gen_random_uuid(), reserved_until = %s"
                " WHERE id = %s",
                [at, voucher],
            )
            return True

    reserved = 0
    for _ in range(10):
        reserved = sum(run_concurrently(check_then_reserve, range(40)))
        if reserved > 1:
            break
        Voucher.objects.update(status="available", redemption_id=None, reserved_until=None)

    assert reserved > 1
