"""Audiences that are computed from purchases follow what was paid in the end: partial refunds and amendments, too."""

from collections.abc import Callable
from typing import Any

import pytest
from django.utils import timezone

from checkout.services.purchase_totals import refresh_audiences
from segments import services as segments
from tests.rules.api import Offer, Shop, line, percent

pytestmark = pytest.mark.django_db
LARGE, OFTEN, NEW = "purchase_above_100", "purchased_more_than_twice", "new_users"
TWO = [line(1, "60.00"), line(2, "50.00")]


def create_for_members(shop: Shop, segment_type: str) -> Offer:
    """Compute an audience of the brand, and create an offer for its members."""
    segments.enable(brand=shop.brand, segment_type=segment_type)
    return shop.create("promotion", percent() | {"conditions": [{"kind": "audience", "any": [segment_type]}]})


def is_member(shop: Shop, offer: Offer, customer: str = "u1") -> bool:
    """Return whether the customer gets the offer, after the audiences were computed."""
    refresh_audiences(at=timezone.now())
    return shop.discount(offer, customer) == "5.00"


@pytest.mark.parametrize(
    ("part", "stays"),
    [
        ({"id": "1", "quantity": 1}, False),  # 50.00 are left
        ({"id": "2", "amount": "9.99"}, True),  # 100.01
        ({"id": "2", "amount": "10.00"}, False),  # exactly 100.00 is not above 100
    ],
)
def test_a_partial_refund_counts_the_rest_of_the_purchase(part: dict[str, Any], stays: bool, shop: Shop) -> None:
    offer = create_for_members(shop, LARGE)
    order = shop.buy(None, lines=TWO)
    assert is_member(shop, offer)

    shop.refund(order, part)

    assert is_member(shop, offer) is stays
    assert not is_member(shop, offer, "u2")


def test_refunds_of_several_parts_add_up(shop: Shop) -> None:
    offer = create_for_members(shop, LARGE)
    order = shop.buy(None, lines=TWO)
    members = []
    for amount in ("5.00", "4.00", "2.00"):
        shop.refund(order, {"id": "1", "amount": amount})
        members.append(is_member(shop, offer))

    assert members == [True, True, False]


def test_an_amendment_counts_the_new_total(shop: Shop) -> None:
    offer = create_for_members(shop, LARGE)
    order = shop.buy(None, lines=TWO[:1])
    assert not is_member(shop, offer)

    shop.amend(order, *TWO)
    assert is_member(shop, offer)
    shop.amend(order, TWO[1])
    assert not is_member(shop, offer)


def test_a_purchase_stays_one_until_all_of_it_came_back(shop: Shop) -> None:
    offer = create_for_members(shop, OFTEN)
    orders = [shop.buy(None, lines=TWO) for _ in range(3)]
    assert is_member(shop, offer)

    shop.refund(orders[0], "1")
    assert is_member(shop, offer)
    shop.refund(orders[0], "2")
    assert not is_member(shop, offer)


def test_a_reservation_is_no_purchase(shop: Shop) -> None:
    offer = create_for_members(shop, NEW)
    order = shop.reserve(None, lines=TWO)
    assert not is_member(shop, offer)

    shop.confirm(order)
    assert is_member(shop, offer)
    shop.refund(order)
    assert not is_member(shop, offer)


@pytest.mark.parametrize(
    ("currency", "price", "part", "member"),
    [
        ("JPY", "101", "1", False),
        ("JPY", "102", "1", True),
        ("KWD", "100.002", "0.001", True),
        ("KWD", "100.001", "0.001", False),
    ],
)
def test_the_threshold_is_exact_in_the_currency_of_the_brand(
    currency: str, price: str, part: str, member: bool, create_shop: Callable[..., Shop]
) -> None:
    shop = create_shop(currency=currency)
    segments.enable(brand=shop.brand, segment_type=LARGE)
    offer = shop.create("promotion", percent("50") | {"conditions": [{"kind": "audience", "any": [LARGE]}]})
    order = shop.buy(None, lines=[line(1, price)])

    shop.refund(order, {"id": "1", "amount": part})
    refresh_audiences(at=timezone.now())

    assert (shop.reasons(offer, lines=[line(1, "2")]) == []) is member


def test_a_purchase_in_another_currency_is_never_large(shop: Shop) -> None:
    offer = create_for_members(shop, LARGE)

    shop.buy(None, currency="JPY", lines=[line(1, "20000")])

    assert not is_member(shop, offer)
