"""Services that reserve, confirm, cancel, expire and refund redemptions."""

import hashlib
from datetime import datetime, timedelta
from typing import Any

import pytest

from accounts.contracts import ALL_BRANDS, Shopper
from accounts.models import Brand
from checkout import services
from checkout.contracts import Actor, QuoteRequest, RedemptionOptions
from checkout.models import Redemption, RefundedLine
from checkout.refunds import LineRefund, RefundRequest
from core.errors import InvalidRequest
from discounts.models import DiscountCode, Usage, UsageReturn
from pricing import Cart, Line
from redemptions.errors import CodeAlreadyUsed, CodeExpired, InvalidStatus, PriceChanged, ReservationExpired
from redemptions.statuses import RedemptionStatus
from tests.factories import BrandFactory, CustomerFactory, DiscountCodeFactory
from tests.redemptions.events import count_confirmed

pytestmark = pytest.mark.django_db


@pytest.fixture
def brand() -> Brand:
    brand: Brand = BrandFactory(slug="billo")
    return brand


@pytest.fixture
def shopper() -> Shopper:
    customer = CustomerFactory()
    return Shopper(customer.pk, customer.customer_id)


@pytest.fixture(autouse=True)
def ten(brand: Brand) -> None:
    DiscountCodeFactory(text="TEN", brand=brand)


def build_request(*codes: str, price: int = 10_000) -> QuoteRequest:
    lines = (
        Line(id="a", sku="shoe", quantity=1, unit_price=price),
        Line(id="b", sku="hat", quantity=2, unit_price=1_000),
    )
    return QuoteRequest(Cart(currency="EUR", exponent=2, lines=lines), codes)


def reserve(
    brand: Brand, shopper: Shopper, at: datetime, *codes: str, price: int = 10_000, order: str = "1001", **options: Any
) -> Redemption:
    quote_request = build_request(*codes, price=price)
    fingerprint = hashlib.sha256(repr(quote_request).encode()).digest()
    return services.reserve(
        request=quote_request,
        options=RedemptionOptions(order, brand.pk, fingerprint, **options),
        shopper=shopper,
        at=at,
        acceptance=ALL_BRANDS,
    )


def test_a_reservation_reserves_the_code_and_notifies_nobody(brand: Brand, shopper: Shopper, at: datetime) -> None:
    redemption = reserve(brand, shopper, at, "TEN")

    assert redemption.status == RedemptionStatus.RESERVED
    assert (redemption.subtotal, redemption.discount_total, redemption.total) == (12_000, 1_200, 10_800)
    assert redemption.expires_at == at + timedelta(seconds=900)
    usage = Usage.objects.get()
    assert (usage.reserved_until, usage.redemption_id, usage.discount_amount) == (
        redemption.expires_at,
        redemption.pk,
        1_200,
    )
    assert count_confirmed() == 0


def test_confirming_confirms_the_code_and_notifies_the_brand_once(brand: Brand, shopper: Shopper, at: datetime) -> None:
    redemption = reserve(brand, shopper, at, "TEN")

    confirmed = services.confirm(redemption=redemption, at=at + timedelta(minutes=1), by=Actor.SERVER)
    again = services.confirm(redemption=redemption, at=at + timedelta(hours=5), by=Actor.SERVER)

    assert confirmed.status == again.status == RedemptionStatus.CONFIRMED
    assert Usage.objects.get().reserved_until is None
    assert count_confirmed() == 1


def test_a_reserved_code_is_rejected_for_other_orders_of_the_shopper(
    brand: Brand, shopper: Shopper, at: datetime
) -> None:
    reserve(brand, shopper, at, "TEN")

    with pytest.raises(CodeAlreadyUsed):
        reserve(brand, shopper, at, "TEN", order="1002")

    assert Redemption.objects.count() == 1


def test_one_rejected_code_fails_the_whole_redemption(brand: Brand, shopper: Shopper, at: datetime) -> None:
    DiscountCodeFactory(text="OLD", brand=brand, end_date=at)

    with pytest.raises(CodeExpired) as raised:
        reserve(brand, shopper, at, "TEN", "OLD")

    assert raised.value.status == 409
    assert raised.value.extensions["code_text"] == "OLD"
    assert not Usage.objects.exists()
    assert not Redemption.objects.exists()


def test_skipping_reserves_the_rest(brand: Brand, shopper: Shopper, at: datetime) -> None:
    DiscountCodeFactory(text="OLD", brand=brand, end_date=at)

    redemption = reserve(brand, shopper, at, "TEN", "OLD", "NOSUCH", skip=True)

    assert redemption.discount_total == 1_200
    assert {rejected["reason"]["code"] for rejected in redemption.quote["rejected"]} == {
        "code_expired",
        "code_not_found",
    }


def test_a_repeated_request_returns_the_same_redemption(brand: Brand, shopper: Shopper, at: datetime) -> None:
    first = reserve(brand, shopper, at, "TEN")

    assert reserve(brand, shopper, at + timedelta(minutes=1), "TEN").pk == first.pk
    assert Redemption.objects.count() == 1


def test_another_request_for_the_order_replaces_the_reservation(brand: Brand, shopper: Shopper, at: datetime) -> None:
    first = reserve(brand, shopper, at, "TEN")

    second = reserve(brand, shopper, at, "TEN", price=20_000)

    first.refresh_from_db()
    assert first.status == RedemptionStatus.RELEASED
    assert Usage.objects.get().redemption_id == second.pk


def test_a_confirmed_order_is_not_replaced(brand: Brand, shopper: Shopper, at: datetime) -> None:
    services.confirm(redemption=reserve(brand, shopper, at, "TEN"), at=at, by=Actor.SERVER)

    with pytest.raises(InvalidStatus):
        reserve(brand, shopper, at, price=20_000)

    assert Usage.objects.get().reserved_until is None


def test_two_brands_may_use_the_same_order_reference(brand: Brand, shopper: Shopper, at: datetime) -> None:
    reserve(brand, shopper, at)
    reserve(BrandFactory(), shopper, at)

    assert Redemption.objects.filter(status=RedemptionStatus.RESERVED).count() == 2


def test_an_unexpected_total_is_rejected_with_the_new_total(brand: Brand, shopper: Shopper, at: datetime) -> None:
    with pytest.raises(PriceChanged) as raised:
        reserve(brand, shopper, at, "TEN", expect_total=12_000)

    assert raised.value.extensions == {"expected": "120.00", "total": "108.00"}
    assert not Usage.objects.exists()


def test_canceling_releases_everything_once(brand: Brand, shopper: Shopper, at: datetime) -> None:
    redemption = reserve(brand, shopper, at, "TEN")

    assert services.cancel(redemption=redemption, at=at).status == RedemptionStatus.RELEASED
    assert not Usage.objects.exists()

    reserve(brand, shopper, at, "TEN", order="1002")
    services.cancel(redemption=redemption, at=at)
    assert Usage.objects.count() == 1


def test_a_canceled_reservation_cannot_be_confirmed(brand: Brand, shopper: Shopper, at: datetime) -> None:
    redemption = reserve(brand, shopper, at, "TEN")
    services.cancel(redemption=redemption, at=at)

    with pytest.raises(InvalidStatus):
        services.confirm(redemption=redemption, at=at, by=Actor.SERVER)


def test_a_confirmed_order_cannot_be_canceled(brand: Brand, shopper: Shopper, at: datetime) -> None:
    redemption = services.confirm(redemption=reserve(brand, shopper, at, "TEN"), at=at, by=Actor.SERVER)

    with pytest.raises(InvalidStatus):
        services.cancel(redemption=redemption, at=at)

    assert Usage.objects.count() == 1


def test_a_reservation_expires_exactly_at_its_expiry_time(brand: Brand, shopper: Shopper, at: datetime) -> None:
    redemption = reserve(brand, shopper, at, "TEN", ttl_seconds=60)
    DiscountCode.objects.update(end_date=at + timedelta(seconds=30))

    with pytest.raises(ReservationExpired):
        services.confirm(redemption=redemption, at=at + timedelta(seconds=60), by=Actor.SERVER)

    assert (
        services.confirm(redemption=redemption, at=at + timedelta(seconds=60, microseconds=-1), by=Actor.SERVER).status
        == RedemptionStatus.CONFIRMED
    )


def test_expired_reservations_are_released(brand: Brand, shopper: Shopper, at: datetime) -> None:
    redemption = reserve(brand, shopper, at, "TEN", ttl_seconds=60)

    assert services.release_expired(at=at + timedelta(seconds=59)) == 0
    assert services.release_expired(at=at + timedelta(seconds=60)) == 1
    assert services.release_expired(at=at + timedelta(seconds=60)) == 0

    redemption.refresh_from_db()
    assert redemption.status == RedemptionStatus.EXPIRED
    assert not Usage.objects.exists()


def test_an_expired_reservation_frees_its_code_for_the_next_order(brand: Brand, shopper: Shopper, at: datetime) -> None:
    later = at + timedelta(seconds=61)
    expired = reserve(brand, shopper, at, "TEN", ttl_seconds=60)

    second = reserve(brand, shopper, later, "TEN", order="1002")
    services.release_expired(at=later)

    expired.refresh_from_db()
    assert expired.status == RedemptionStatus.EXPIRED
    assert Usage.objects.get().redemption_id == second.pk
    assert services.confirm(redemption=second, at=later, by=Actor.SERVER).status == RedemptionStatus.CONFIRMED


def test_an_expired_order_can_be_reserved_again(brand: Brand, shopper: Shopper, at: datetime) -> None:
    first = reserve(brand, shopper, at, "TEN", ttl_seconds=60)

    second = reserve(brand, shopper, at + timedelta(seconds=60), "TEN", ttl_seconds=60)

    assert second.pk != first.pk
    first.refresh_from_db()
    assert first.status == RedemptionStatus.EXPIRED


def lines(*ids: str) -> RefundRequest:
    return RefundRequest([LineRefund(line) for line in ids], shipping=False)


def test_a_full_refund_returns_the_code(brand: Brand, shopper: Shopper, at: datetime) -> None:
    redemption = services.confirm(redemption=reserve(brand, shopper, at, "TEN"), at=at, by=Actor.SERVER)

    refunded = services.return_redemption(redemption=redemption, request=RefundRequest(), at=at)
    services.return_redemption(redemption=redemption, request=RefundRequest(), at=at)

    assert refunded.redemption.status == RedemptionStatus.RETURNED
    assert not Usage.objects.exists()
    assert UsageReturn.objects.get().redemption_id == redemption.pk
    assert dict(RefundedLine.objects.values_list("line", "discount")) == {"a": 1_000, "b": 200}


def test_refunding_the_last_line_returns_the_code(brand: Brand, shopper: Shopper, at: datetime) -> None:
    redemption = services.confirm(redemption=reserve(brand, shopper, at, "TEN"), at=at, by=Actor.SERVER)

    assert (
        services.return_redemption(redemption=redemption, request=lines("b"), at=at).redemption.status
        == RedemptionStatus.PARTIALLY_RETURNED
    )
    assert (
        services.return_redemption(redemption=redemption, request=lines("b"), at=at).redemption.status
        == RedemptionStatus.PARTIALLY_RETURNED
    )
    assert Usage.objects.count() == 1
    assert RefundedLine.objects.count() == 1

    assert (
        services.return_redemption(redemption=redemption, request=lines("a"), at=at).redemption.status
        == RedemptionStatus.RETURNED
    )
    assert not Usage.objects.exists()


def test_an_unknown_line_cannot_be_refunded(brand: Brand, shopper: Shopper, at: datetime) -> None:
    redemption = services.confirm(redemption=reserve(brand, shopper, at, "TEN"), at=at, by=Actor.SERVER)

    with pytest.raises(InvalidRequest):
        services.return_redemption(redemption=redemption, request=lines("a", "zzz"), at=at)

    assert not RefundedLine.objects.exists()


def test_a_reservation_cannot_be_refunded(brand: Brand, shopper: Shopper, at: datetime) -> None:
    redemption = reserve(brand, shopper, at, "TEN")

    with pytest.raises(InvalidStatus):
        services.return_redemption(redemption=redemption, request=RefundRequest(), at=at)


def test_an_unknown_customer_is_created_with_the_redemption(brand: Brand, at: datetime) -> None:
    redemption = reserve(brand, Shopper(None, "brand-new"), at, "TEN")

    assert redemption.customer.customer_id == "brand-new"
