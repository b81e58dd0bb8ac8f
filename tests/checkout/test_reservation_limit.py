"""The number of reservations that a shopper has with a brand at a time."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import Brand, User
from checkout.models import Redemption
from coupons.models import CouponDefinition, CouponRedemption
from discounts.models import Usage
from tests.checkout.builders import (
    REDEMPTIONS,
    ClientOf,
    expire_reservation,
    line,
    order,
    post,
    post_action,
    reserve_order,
    status_and_code,
)
from tests.factories import BrandFactory, CouponFactory, DiscountCodeFactory, ShopperFactory

pytestmark = pytest.mark.django_db
FULL = (409, "too_many_reservations")


@pytest.fixture(autouse=True)
def codes(billo: Brand) -> list[str]:
    """Four codes of Billo."""
    return [DiscountCodeFactory(brand=billo, text=text).code for text in ("ONE", "TWO", "THREE", "FOUR")]


def reserve_three(client: Client, **changes: Any) -> list[dict[str, Any]]:
    return [reserve_order(client, order=text, codes=[text], **changes) for text in ("ONE", "TWO", "THREE")]


def reserve_fourth(client: Client, **changes: Any) -> Any:
    return post(client, REDEMPTIONS, order(**({"order": "4", "codes": ["FOUR"]} | changes)))


def reserve_coupon(client: Client, coupon: CouponDefinition, **members: Any) -> Any:
    return post(client, f"/api/v1/coupons/{coupon.pk}/reservations/", members)


def test_a_fourth_reservation_is_rejected_and_takes_nothing(shopper: Client) -> None:
    reserve_three(shopper)

    response = reserve_fourth(shopper)

    assert status_and_code(response) == FULL
    assert Redemption.objects.count() == Usage.objects.count() == 3
    assert not Usage.objects.filter(code__code="FOUR").exists()


@pytest.mark.parametrize("end", ["cancel", "confirm", "expire"])
def test_a_reservation_that_ends_makes_room(shopper: Client, end: str) -> None:
    first, *_ = reserve_three(shopper)

    if end == "expire":
        expire_reservation(first)
    else:
        assert post_action(shopper, first, end).status_code == 200

    assert reserve_fourth(shopper).status_code == 201
    assert status_and_code(reserve_fourth(shopper, order="5", codes=["ONE"]))[0] == 409


def test_a_replaced_reservation_counts_once(shopper: Client) -> None:
    reserve_three(shopper)

    assert reserve_fourth(shopper, order="THREE").status_code == 201
    assert status_and_code(reserve_fourth(shopper, codes=["THREE"])) == FULL
    assert reserve_fourth(shopper, order="THREE").status_code == 201  # the same request again
    assert Redemption.objects.filter(status="reserved").count() == 3


def test_a_rejected_replacement_leaves_the_reservation(shopper: Client, settings: Any) -> None:
    reserve_three(shopper)
    settings.MAX_RESERVATIONS_PER_CUSTOMER = 2

    assert status_and_code(reserve_fourth(shopper, order="THREE")) == FULL

    assert Redemption.objects.filter(status="reserved").count() == Usage.objects.count() == 3


def test_orders_without_offers_count_for_nothing(shopper: Client) -> None:
    for number in range(4):
        reserve_order(shopper, order=str(number), codes=[])
    reserve_three(shopper)

    assert reserve_order(shopper, order="plain", codes=[])["status"] == "reserved"


def test_orders_count_for_each_brand_whose_offers_they_have(shopper: Client, billo: Brand) -> None:
    cake = BrandFactory(slug="cake")
    for text in ("CAKE1", "CAKE2"):
        DiscountCodeFactory(brand=cake, text=text)
    lines = [line(brand="billo"), line(id="b", sku="hat", brand="cake")]
    reserve_three(shopper, lines=lines)

    assert status_and_code(reserve_fourth(shopper, lines=lines, codes=["FOUR", "CAKE1"])) == FULL
    assert reserve_fourth(shopper, lines=lines, codes=["CAKE2"]).status_code == 201


def test_servers_are_exempt(shopper: Client, server: Client, user: User) -> None:
    customer = user.customer.customer_id
    reserve_three(server, customer_id=customer)
    assert reserve_fourth(server, customer_id=customer).status_code == 201
    for number in range(4):
        DiscountCodeFactory(text=f"OWN{number}", brand=Brand.objects.get(slug="billo"))

    statuses = [reserve_fourth(shopper, order=f"own{number}", codes=[f"OWN{number}"]) for number in range(4)]

    assert [response.status_code for response in statuses] == [201, 201, 201, 409]


def test_another_shopper_has_their_own_maximum(shopper: Client, shopper_client: ClientOf, billo: Brand) -> None:
    reserve_three(shopper)

    for number in range(3):
        DiscountCodeFactory(text=f"OTHER{number}", brand=billo)
    other = shopper_client(ShopperFactory())

    for number in range(3):
        assert reserve_order(other, order=str(number), codes=[f"OTHER{number}"])["status"] == "reserved"


@pytest.mark.parametrize(("maximum", "count"), [(0, 4), (1, 1), (4, 4)])
def test_the_maximum_is_a_setting(shopper: Client, settings: Any, maximum: int, count: int) -> None:
    settings.MAX_RESERVATIONS_PER_CUSTOMER = maximum

    statuses = [
        post(shopper, REDEMPTIONS, order(order=text, codes=[text])).status_code
        for text in ("ONE", "TWO", "THREE", "FOUR")
    ]

    assert statuses.count(201) == count


# --- coupons without a cart ------------------------------------------------------------------------------------------
def test_coupons_reserved_alone_count_with_the_orders_of_the_brand(shopper: Client, billo: Brand) -> None:
    coupon = CouponFactory(brand=billo, maximum_number_of_coupons=10)
    reserve_order(shopper, order="1", codes=["ONE"])
    reserved = [reserve_coupon(shopper, coupon) for _ in range(2)]
    assert [response.status_code for response in reserved] == [201, 201]

    assert status_and_code(reserve_coupon(shopper, coupon)) == FULL
    assert status_and_code(reserve_fourth(shopper)) == FULL

    assert CouponRedemption.objects.count() == 2
    assert reserve_coupon(shopper, CouponFactory(maximum_number_of_coupons=10)).status_code == 201  # of another brand
    assert post(shopper, f"/api/v1/coupons/{coupon.pk}/redemptions/").status_code == 201
    release = f"/api/v1/coupons/redemptions/{reserved[0].json()['coupon_redemption_id']}/release/"
    assert post(shopper, release).status_code == 200
    assert reserve_fourth(shopper).status_code == 201


def test_a_coupon_in_an_order_counts_once(shopper: Client, billo: Brand) -> None:
    CouponFactory(brand=billo, text="COUPON", maximum_number_of_coupons=10)
    for number in range(2):
        reserve_order(shopper, order=str(number), codes=["COUPON"])

    assert reserve_order(shopper, order="3", codes=["ONE"])["status"] == "reserved"
    assert status_and_code(reserve_fourth(shopper)) == FULL


def test_expired_coupon_reservations_make_room(shopper: Client, billo: Brand, settings: Any) -> None:
    settings.RESERVATION_COOLDOWN_SECONDS = 0
    coupon = CouponFactory(brand=billo, maximum_number_of_coupons=3)
    for _ in range(3):
        assert reserve_coupon(shopper, coupon).status_code == 201
    CouponRedemption.objects.update(reserved_until=timezone.now() - timedelta(seconds=1))

    assert reserve_coupon(shopper, coupon).status_code == 201


def test_servers_reserve_any_number_of_coupons_for_a_customer(server: Client, billo: Brand) -> None:
    coupon = CouponFactory(brand=billo, maximum_number_of_coupons=10)

    assert {reserve_coupon(server, coupon, customer_id="c1").status_code for _ in range(5)} == {201}


def test_other_reasons_come_first(shopper: Client, billo: Brand) -> None:
    reserve_three(shopper)

    ended = reserve_coupon(shopper, CouponFactory(brand=billo, decision="ended"))

    assert status_and_code(ended) == (409, "coupon_ended")
