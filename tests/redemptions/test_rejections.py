"""Refused attempts: what is recorded, outside the failed transaction, and how much of it."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import Brand
from redemptions.events.contracts import EventType, NewEvent
from redemptions.events.models import Event
from redemptions.events.services import rejections
from redemptions.events.services.rejections import LOST, PER_MINUTE, RejectionBuffer
from tests.checkout.builders import QUOTE, REDEMPTIONS, cart, order, post
from tests.factories import BrandFactory, CampaignFactory, CouponFactory, DiscountCodeFactory, ShopperFactory
from tests.redemptions.events import wait_until
from vouchers.services import claim

ClientOf = Callable[[Any], Client]


@pytest.fixture
def billo() -> Brand:
    brand: Brand = BrandFactory(slug="billo")
    return brand


@pytest.fixture
def server(billo: Brand, brand_client: ClientOf) -> Client:
    return brand_client(billo)


def recorded() -> list[Event]:
    """Write the buffer and return the events of refused attempts."""
    rejections.flush()
    return list(Event.objects.filter(type="redemption.rejected").order_by("id"))


# --- what is recorded -------------------------------------------------------------------------------------------------
@pytest.mark.django_db
def test_a_discount_code_that_was_used_before(billo: Brand, shopper_client: ClientOf) -> None:
    code = DiscountCodeFactory(text="TEN", brand=billo)
    user = ShopperFactory()
    client = shopper_client(user)
    body = {"discount_code": "ten", "amount": "20.00"}
    post(client, "/api/v1/discountcodeusage/", body)

    refused = post(client, "/api/v1/discountcodeusage/", body).json()

    (event,) = recorded()
    assert (event.kind, event.offer_id, event.brand_id, event.code) == (
        "discount_code", code.offer_id, billo.pk, "TEN",
    )  # fmt: skip
    assert (event.customer_id, event.subtotal, event.currency) == (user.customer.pk, 2000, "EUR")
    assert event.reason == {"code": "code_already_used", "detail": refused["detail"]}


@pytest.mark.django_db
def test_a_coupon_whose_limit_is_reached(billo: Brand, shopper_client: ClientOf) -> None:
    coupon = CouponFactory(brand=billo, maximum_number_of_coupons=1)
    path = f"/api/v1/coupons/{coupon.pk}/redemptions/"
    assert post(shopper_client(ShopperFactory()), path, {}).status_code == 201
    user = ShopperFactory()

    assert post(shopper_client(user), path, {}).status_code == 409

    (event,) = recorded()
    assert (event.kind, event.offer_id, event.brand_id) == ("coupon", coupon.pk, billo.pk)
    assert event.customer_id == user.customer.pk
    assert event.reason is not None
    assert event.reason["code"] == "usage_limit_reached"


@pytest.mark.django_db
@pytest.mark.parametrize("path", [QUOTE, REDEMPTIONS])
@pytest.mark.parametrize("on_reject", [None, "skip"])
def test_a_code_that_a_cart_cannot_use(path: str, on_reject: str | None, billo: Brand, server: Client) -> None:
    code = DiscountCodeFactory(
        text="TEN", brand=billo, terms={"conditions": [{"kind": "min_subtotal", "value": "200.00"}]}
    )
    body = (
        order(on_reject=on_reject, customer_id="c1") if path == REDEMPTIONS else cart(codes=["TEN"], customer_id="c1")
    )

    post(server, path, body)

    (event,) = recorded()
    assert (event.kind, event.offer_id, event.brand_id, event.code) == (
        "discount_code", code.offer_id, billo.pk, "TEN",
    )  # fmt: skip
    assert event.reason is not None
    assert (event.reason["code"], event.reason["missing"]) == ("minimum_not_met", "80.00")
    assert (event.subtotal, event.currency) == (12000, "EUR")
    assert event.order == ("1001" if path == REDEMPTIONS else "")


@pytest.mark.django_db
@pytest.mark.parametrize("path", [QUOTE, REDEMPTIONS])
def test_codes_that_are_not_valid_at_checkout(path: str, billo: Brand, server: Client) -> None:
    DiscountCodeFactory(text="TEN", brand=billo, decision="paused")
    CouponFactory(text="OLD", brand=billo, end_date=timezone.now() - timedelta(days=1))

    codes = {"codes": ["TEN", "OLD", "NOBODYS"], "customer_id": "c1"}
    post(server, path, order(**codes) if path == REDEMPTIONS else cart(**codes))

    assert {(event.code, event.reason["code"] if event.reason else "") for event in recorded()} == {
        ("TEN", "code_inactive"), ("OLD", "code_expired"),
    }  # fmt: skip


@pytest.mark.django_db
def test_unknown_codes_and_full_campaigns_are_no_rejections(
    billo: Brand, shopper_client: ClientOf, at: datetime
) -> None:
    CampaignFactory(brand=billo, slug="first", quota=1)
    for _ in range(3):
        claim(campaign="first", customer_key=ShopperFactory().customer.pk, at=at)
    assert (
        post(shopper_client(ShopperFactory()), "/api/v1/discountcodeusage/", {"discount_code": "NOPE"}).status_code
        == 404
    )

    assert recorded() == []


# --- how much is recorded ---------------------------------------------------------------------------------------------
def attempt(brand: Brand, at: datetime, *, customer: int | None = 1, code: str = "usage_limit_reached") -> NewEvent:
    return NewEvent(
        EventType.REDEMPTION_REJECTED, at, brand.pk, "coupon", customer=customer, code="TEN", order="1",
        reason={"code": code, "detail": "No."},
    )  # fmt: skip


@pytest.mark.django_db
def test_attempts_beyond_the_bound_of_a_customer_are_counted(billo: Brand, at: datetime) -> None:
    buffer, minute = RejectionBuffer(), timedelta(minutes=1)
    for number in range(PER_MINUTE + 5):
        buffer.add(attempt(billo, at + timedelta(seconds=number)))
    for _ in range(2):
        buffer.add(attempt(billo, at + timedelta(seconds=50), code="coupon_ended"))
    buffer.add(attempt(billo, at + timedelta(seconds=50), customer=2))

    assert buffer.flush(at=at + timedelta(seconds=59)) == PER_MINUTE + 1
    assert buffer.flush(at=at + minute) == 2
    assert buffer.flush() == 0
    buffer.add(attempt(billo, at + minute))  # a new minute
    assert buffer.flush(at=at + minute) == 1

    counted = Event.objects.exclude(data={})
    assert {(event.reason["code"], event.data["count"]) for event in counted if event.reason} == {
        ("usage_limit_reached", 5), ("coupon_ended", 2),
    }  # fmt: skip
    assert {(event.code, event.order, event.customer_id) for event in counted} == {("", "", 1)}


@pytest.mark.django_db
def test_customers_without_a_row_share_the_bound_of_the_brand(billo: Brand, at: datetime) -> None:
    buffer, other = RejectionBuffer(), BrandFactory()
    for brand in [billo] * (PER_MINUTE + 1) + [other]:
        buffer.add(attempt(brand, at, customer=None))

    assert buffer.flush(at=at) == PER_MINUTE + 1
    assert buffer.flush() == 1
    assert Event.objects.filter(brand=other).count() == 1


@pytest.mark.django_db
def test_a_full_buffer_counts(billo: Brand, at: datetime, monkeypatch: Any) -> None:
    monkeypatch.setattr("redemptions.events.services.rejections.MAX_PENDING", 3)
    buffer, lost = RejectionBuffer(), LOST._value.get()
    for customer in range(1, 11):
        buffer.add(attempt(billo, at, customer=customer))

    assert buffer.flush() == 6  # three as they are, and the numbers of three other customers
    assert LOST._value.get() - lost == 4


# --- when it is written -----------------------------------------------------------------------------------------------
@pytest.mark.django_db(transaction=True)
def test_a_thread_writes_while_the_transaction_of_the_attempt_fails(billo: Brand, settings: Any) -> None:
    settings.REJECTION_FLUSH_SECONDS = 0.05
    buffer = RejectionBuffer()
    buffer.add(attempt(billo, timezone.now()))

    wait_until(Event.objects.exists)
    buffer.add(attempt(billo, timezone.now()))
    wait_until(lambda: Event.objects.count() == 2)


@pytest.mark.django_db(transaction=True)
def test_what_waits_at_exit_is_written(billo: Brand, at: datetime, settings: Any) -> None:
    buffer = RejectionBuffer()
    for _ in range(PER_MINUTE + 1):
        buffer.add(attempt(billo, at))

    settings.REJECTION_FLUSH_SECONDS = 1.0
    buffer.flush_at_exit()

    assert Event.objects.count() == PER_MINUTE + 1


@pytest.mark.django_db(transaction=True)
def test_a_failing_database_loses_the_attempts_and_nothing_else(billo: Brand, at: datetime) -> None:
    buffer, lost = RejectionBuffer(), LOST._value.get()
    buffer.add(NewEvent(EventType.REDEMPTION_REJECTED, at, None))  # type: ignore[arg-type]  # what no table takes

    assert buffer.try_flush(at=None) == 0
    assert LOST._value.get() - lost == 1
    buffer.add(attempt(billo, at))
    assert buffer.try_flush(at=None) == 1


@pytest.mark.django_db
def test_a_coupon_of_an_order_is_recorded_by_checkout_alone(billo: Brand, server: Client) -> None:
    coupon = CouponFactory(brand=billo, text="TEN", maximum_number_of_coupons=1)
    assert post(server, REDEMPTIONS, order(customer_id="c1")).status_code == 201

    assert post(server, REDEMPTIONS, order(customer_id="c2", order="1002")).status_code == 409

    (event,) = recorded()
    assert (event.order, event.offer_id) == ("1002", coupon.pk)
