"""A shopper whose reservations expire unpaid waits longer each time, in orders and with coupons alone."""

from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.test import Client
from django.utils import timezone

from accounts.models import Brand, User
from checkout.models import Redemption
from checkout.services import release_expired
from coupons.models import CouponRedemption
from discounts.models import Usage
from tests.checkout.builders import (
    QUOTE,
    REDEMPTIONS,
    ClientOf,
    cart,
    order,
    post,
    post_action,
    reserve_order,
    status_and_code,
)
from tests.factories import BrandFactory, CouponFactory, DiscountCodeFactory, ShopperFactory

pytestmark = pytest.mark.django_db
WAIT = (429, "throttled")
TTL = 900


@pytest.fixture(autouse=True)
def long_lived_tokens(settings: Any) -> None:
    """Access tokens that don't expire while a test waits."""
    settings.ACCESS_TOKEN_MINUTES = 7 * 24 * 60


@pytest.fixture(autouse=True)
def code(billo: Brand) -> str:
    """A code of Billo."""
    return str(DiscountCodeFactory(brand=billo, text="ONE").code)


@pytest.fixture
def clock() -> Any:
    with time_machine.travel(timezone.now().replace(microsecond=0), tick=False) as traveller:
        yield traveller


def reserve(client: Client, **changes: Any) -> Any:
    return post(client, REDEMPTIONS, order(**({"order": "1", "codes": ["ONE"]} | changes)))


def expire(client: Client, clock: Any, times: int) -> None:
    """Reserve orders one after another, each after the wait, and let each expire."""
    for number in range(times):
        while (response := reserve(client, order=f"expired-{timezone.now():%H%M%S}-{number}")).status_code == 429:
            clock.shift(timedelta(seconds=int(response.headers["Retry-After"])))
        assert response.status_code == 201, response.content
        clock.shift(timedelta(seconds=TTL))


@pytest.mark.parametrize(("expired", "wait"), [(2, 60), (3, 120), (4, 240), (7, 1920), (8, 3600), (9, 3600)])
@pytest.mark.parametrize("is_swept", [False, True])
def test_each_reservation_that_expires_unpaid_doubles_the_wait(
    shopper: Client, clock: Any, expired: int, wait: int, is_swept: bool
) -> None:
    expire(shopper, clock, expired)
    if is_swept:
        assert release_expired(at=timezone.now()) >= 1
    clock.shift(timedelta(seconds=wait - 1))

    early = reserve(shopper)
    clock.shift(timedelta(seconds=1))
    later = reserve(shopper)

    assert (status_and_code(early), early.headers["Retry-After"]) == (WAIT, "1")
    assert later.status_code == 201


def test_the_first_one_costs_no_wait(shopper: Client, clock: Any) -> None:
    expire(shopper, clock, 1)

    assert reserve(shopper).status_code == 201


def test_a_reservation_that_has_to_wait_takes_nothing_and_a_quote_is_possible(shopper: Client, clock: Any) -> None:
    expire(shopper, clock, 2)

    response = reserve(shopper)

    assert (status_and_code(response), response.json()["retry_after"]) == (WAIT, 60)
    assert not Redemption.objects.filter(order="1").exists()
    assert not Usage.objects.filter(redemption_id__in=Redemption.objects.filter(order="1").values("id")).exists()
    assert post(shopper, QUOTE, cart(codes=["ONE"])).json()["applied"]
    assert reserve(shopper, codes=[]).status_code == 201  # takes nothing of the brand


@pytest.mark.parametrize("end", ["cancel", "confirm"])
def test_reservations_that_are_paid_or_cancelled_cost_no_wait(
    shopper: Client, clock: Any, billo: Brand, end: str
) -> None:
    for number in range(4):
        DiscountCodeFactory(brand=billo, text=f"CODE{number}")
        redemption = reserve_order(shopper, order=str(number), codes=[f"CODE{number}"])
        assert post_action(shopper, redemption, end).status_code == 200
        clock.shift(timedelta(seconds=TTL))

    assert reserve(shopper, order="5").status_code == 201


def test_an_order_that_is_paid_late_costs_no_wait(shopper: Client, clock: Any, billo: Brand) -> None:
    for number in range(3):
        DiscountCodeFactory(brand=billo, text=f"CODE{number}")
        redemption = reserve_order(shopper, order=str(number), codes=[f"CODE{number}"])
        clock.shift(timedelta(seconds=TTL + 1))
        assert post_action(shopper, redemption, "confirm").status_code == 200

    assert reserve(shopper, order="4").status_code == 201


def test_reservations_count_for_a_day(shopper: Client, clock: Any) -> None:
    expire(shopper, clock, 4)
    assert status_and_code(reserve(shopper)) == WAIT

    clock.shift(timedelta(hours=24))

    expire(shopper, clock, 1)
    assert reserve(shopper).status_code == 201


def test_other_brands_other_shoppers_and_servers_do_not_wait(
    shopper: Client, server: Client, user: User, shopper_client: ClientOf, clock: Any
) -> None:
    DiscountCodeFactory(brand=BrandFactory(slug="cake"), text="CAKE")
    expire(shopper, clock, 3)

    assert status_and_code(reserve(shopper)) == WAIT
    assert reserve(shopper, order="2", codes=["CAKE"]).status_code == 201
    own = post_action(server, reserve(server, order="3", customer_id=user.customer.customer_id).json(), "cancel")
    assert own.status_code == 200
    assert reserve(shopper_client(ShopperFactory()), order="4").status_code == 201


def test_coupons_and_orders_of_a_brand_count_together(shopper: Client, billo: Brand, clock: Any) -> None:
    coupon = CouponFactory(brand=billo)
    path = f"/api/v1/coupons/{coupon.pk}/reservations/"
    body: dict[str, Any] = {"ttl_seconds": TTL}
    assert post(shopper, path, body).status_code == 201
    clock.shift(timedelta(seconds=TTL))
    expire(shopper, clock, 1)

    responses = [post(shopper, path, body), reserve(shopper)]
    clock.shift(timedelta(seconds=60))

    assert [status_and_code(response) for response in responses] == [WAIT, WAIT]
    assert all(response.headers["Retry-After"] == "60" for response in responses)
    assert post(shopper, path, body).status_code == 201
    assert CouponRedemption.objects.count() == 2


def test_a_wait_is_not_kept_for_an_idempotency_key(shopper: Client, clock: Any) -> None:
    expire(shopper, clock, 2)
    body, key = order(order="1", codes=["ONE"]), {"Idempotency-Key": "k"}

    early = post(shopper, REDEMPTIONS, body, **key)
    clock.shift(timedelta(seconds=60))

    assert status_and_code(early) == WAIT
    assert post(shopper, REDEMPTIONS, body, **key).status_code == 201


@pytest.mark.parametrize(("seconds", "wait"), [(0, None), (10, "10")])
def test_the_wait_is_a_setting(shopper: Client, settings: Any, clock: Any, seconds: int, wait: str | None) -> None:
    settings.RESERVATION_COOLDOWN_SECONDS = seconds
    expire(shopper, clock, 2)

    assert reserve(shopper).headers.get("Retry-After") == wait


def test_without_a_maximum_of_reservations_shoppers_wait_too(shopper: Client, settings: Any, clock: Any) -> None:
    settings.MAX_RESERVATIONS_PER_CUSTOMER = 0
    expire(shopper, clock, 2)

    assert status_and_code(reserve(shopper)) == WAIT
