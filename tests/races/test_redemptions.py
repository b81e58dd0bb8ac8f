"""An order has one live redemption, and each redemption one final status."""

import hashlib
import uuid
from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection

from accounts.contracts import ALL_BRANDS, Shopper
from accounts.models import Brand
from checkout import services
from checkout.contracts import Actor, QuoteRequest, RedemptionOptions
from checkout.models import Redemption
from core.errors import Busy
from discounts.models import Usage
from pricing import Cart, Line
from redemptions.errors import CodeAlreadyUsed, ReservationExpired, UsageLimitReached
from redemptions.statuses import LIVE, RedemptionStatus
from redemptions.uses.consistency import check
from tests.factories import BrandFactory, CustomerFactory, DiscountCodeFactory
from tests.redemptions.events import count_confirmed

pytestmark = pytest.mark.django_db(transaction=True)
RunConcurrently = Callable[..., list[Any]]


def reserve(
    brand: Brand | None,
    shopper: Shopper,
    at: datetime,
    *codes: str,
    order: str,
    price: int = 1_000,
    ttl: int = 900,
    platform_key: uuid.UUID | None = None,
) -> Redemption:
    cart = Cart(currency="EUR", exponent=2, lines=(Line(id="a", sku="shoe", quantity=1, unit_price=price),))
    request = QuoteRequest(cart, codes)
    fingerprint = hashlib.sha256(repr(request).encode()).digest()
    return services.reserve(
        request=request,
        options=RedemptionOptions(order, brand.pk if brand else None, fingerprint, ttl, platform_key=platform_key),
        shopper=shopper,
        at=at,
        acceptance=ALL_BRANDS,
    )


def create_shopper() -> Shopper:
    customer = CustomerFactory()
    return Shopper(customer.pk, customer.customer_id)


def reserve_as(sender: str, brand: Brand, shopper: Shopper, at: datetime, *codes: str) -> Redemption:
    """Reserve an order as the brand's server, the shopper, or the platform's checkout."""
    key = uuid.UUID(int=1) if sender == "platform" else None
    return reserve(brand if sender == "brand" else None, shopper, at, *codes, order="1", platform_key=key)


@pytest.mark.parametrize("sender", ["brand", "shopper", "platform"])
def test_concurrent_requests_for_an_order_create_one_live_redemption(
    sender: str, run_concurrently: RunConcurrently, at: datetime
) -> None:
    brand, shopper = BrandFactory(), create_shopper()
    DiscountCodeFactory(text="TEN", brand=brand)

    results = run_concurrently(lambda _: reserve_as(sender, brand, shopper, at, "TEN"), range(40))

    assert {type(result) for result in results} <= {Redemption, Busy, CodeAlreadyUsed}
    assert len({result.pk for result in results if isinstance(result, Redemption)}) == 1
    assert Redemption.objects.filter(status__in=LIVE).count() == Usage.objects.count() == 1


@pytest.mark.parametrize(
    ("sender", "constraint"),
    [
        ("brand", "checkout_one_live_per_brand_order"),
        ("shopper", "checkout_one_live_per_customer_order"),
        ("platform", "checkout_one_live_per_platform_order"),
    ],
)
def test_without_the_constraint_an_order_gets_several_redemptions(
    sender: str, constraint: str, run_concurrently: RunConcurrently, at: datetime
) -> None:
    brand, shopper = BrandFactory(), create_shopper()
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT pg_get_indexdef('{constraint}'::regclass)")
        definition = cursor.fetchone()[0]
        cursor.execute(f"DROP INDEX {constraint}")
        try:
            run_concurrently(lambda _: reserve_as(sender, brand, shopper, at), range(40))
            live = Redemption.objects.filter(status__in=LIVE).count()
        finally:
            Redemption.objects.all().delete()
            cursor.execute(definition)

    assert live > 1


def test_code_in_many_orders_of_a_shopper_is_reserved_once(run_concurrently: RunConcurrently, at: datetime) -> None:
    brand, shopper = BrandFactory(), create_shopper()
    DiscountCodeFactory(text="TEN", brand=brand)

    results = run_concurrently(lambda number: reserve(brand, shopper, at, "TEN", order=str(number)), range(40))

    assert Counter(type(result) for result in results) == {Redemption: 1, CodeAlreadyUsed: 39}
    assert Redemption.objects.count() == Usage.objects.count() == 1


def test_a_confirmation_beside_the_expiry_is_honored_once(run_concurrently: RunConcurrently, at: datetime) -> None:
    brand = BrandFactory()
    end = at + timedelta(seconds=60)
    for number in range(10):
        DiscountCodeFactory(text=f"TEN{number}", brand=brand)
        redemption = reserve(brand, create_shopper(), at, f"TEN{number}", order=str(number), ttl=60)

        calls: list[Callable[[], Any]] = [
            lambda: services.confirm(redemption=redemption, at=end - timedelta(microseconds=1), by=Actor.SERVER),  # noqa: B023
            lambda: services.release_expired(at=end),
            lambda: services.release_expired(at=end),
        ]
        results = run_concurrently(lambda call: call(), calls)

        assert results[0].status == RedemptionStatus.CONFIRMED
        redemption.refresh_from_db()
        assert redemption.status == RedemptionStatus.CONFIRMED
        assert Usage.objects.get(redemption_id=redemption.pk).reserved_until is None
    assert count_confirmed() == 10


def test_the_last_unit_goes_to_a_late_confirmation_or_to_another_order(
    run_concurrently: RunConcurrently, at: datetime
) -> None:
    brand = BrandFactory()
    for number in range(10):
        code = DiscountCodeFactory(text=f"TEN{number}", brand=brand, limit_total=1)
        redemption = reserve(brand, create_shopper(), at, code.code, order=f"late {number}", ttl=60)
        late = redemption.expires_at

        calls: list[Callable[[], Any]] = [
            lambda: services.confirm(redemption=redemption, at=late, by=Actor.SERVER),  # noqa: B023
            lambda: services.confirm(redemption=redemption, at=late, by=Actor.SERVER),  # noqa: B023
            lambda: reserve(brand, create_shopper(), late, code.code, order=f"other {number}"),  # noqa: B023
            lambda: services.release_expired(at=late),  # noqa: B023
        ]
        first, second, other, _ = run_concurrently(lambda call: call(), calls)

        assert {type(first), type(second), type(other)} <= {Redemption, ReservationExpired, UsageLimitReached}
        assert isinstance(first, Redemption) == isinstance(second, Redemption) != isinstance(other, Redemption)
        services.release_expired(at=late)  # which skips what a confirmation has locked
        assert Usage.objects.filter(code=code).count() == 1
    assert list(check(at=at, repair=False)) == []


def test_carts_with_the_same_codes_in_shuffled_order_never_deadlock(
    run_concurrently: RunConcurrently, at: datetime
) -> None:
    brand = BrandFactory()
    codes = [DiscountCodeFactory(brand=brand).code for _ in range(8)]
    shopper = create_shopper()

    def cart(number: int) -> Any:
        shuffled = sorted(codes, key=lambda code: hashlib.sha256(f"{number}{code}".encode()).digest())
        redemption = reserve(brand, shopper, at, *shuffled, order=str(number))
        return services.cancel(redemption=redemption, at=at)

    results = run_concurrently(cart, range(32))

    assert {type(result) for result in results} <= {Redemption, CodeAlreadyUsed}
    assert not Usage.objects.exists()
