"""Conditions on a customer's number of orders see orders that are under way."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.test import Client
from django.utils import timezone

from accounts.models import User
from tests.factories import ApiKeyFactory, ShopperFactory
from tests.rules.api import KINDS, ORDERS, Offer, Shop, line, percent

pytestmark = pytest.mark.django_db
FIRST = {"kind": "nth_order", "value": 1}
SECOND = {"kind": "nth_order", "value": 2}


def welcome(*conditions: dict[str, Any]) -> dict[str, Any]:
    return percent("15") | {"conditions": list(conditions)}


def discounts_of_two(shop: Shop, offer: Offer) -> list[str]:
    """Reserve two orders before either is confirmed, and confirm both. Return what each got."""
    orders = [shop.reserve(offer, on_reject="skip") for _ in range(2)]
    return [shop.confirm(order)["quote"]["discount_total"] for order in orders]


@pytest.mark.parametrize("kind", ["promotion", "coupon"])
def test_two_orders_at_once_are_not_both_the_first(kind: str, shop: Shop) -> None:
    offer = shop.create(kind, welcome(FIRST))
    first = shop.reserve(offer)

    refused = shop.reserve(offer, expect=409)

    assert (refused["code"], refused["reserved_orders"]) == ("first_order_only", 1)
    shop.confirm(first)
    assert shop.reserve(offer, expect=409)["code"] == "first_order_only"


@pytest.mark.parametrize("kind", KINDS)
def test_an_order_without_the_offer_counts_too(kind: str, shop: Shop) -> None:
    offer = shop.create(kind, welcome(FIRST))
    shop.reserve(None)

    assert shop.reserve(offer, expect=409)["code"] == "first_order_only"
    assert shop.discount(offer, "u2") == "7.50"


@pytest.mark.parametrize(
    "condition",
    [
        FIRST,
        {"kind": "any_of", "conditions": [FIRST, {"kind": "country", "any": ["ES"]}]},
        {"kind": "not", "condition": SECOND},
        {"kind": "not", "condition": {"kind": "not", "condition": FIRST}},
    ],
    ids=["plain", "any_of", "not the second", "not not"],
)
def test_a_condition_inside_others_sees_orders_under_way_too(condition: dict[str, Any], shop: Shop) -> None:
    offer = shop.create("promotion", welcome(condition))

    assert discounts_of_two(shop, offer) == ["7.50", "0.00"]


def test_automatic_offers_see_orders_under_way(shop: Shop) -> None:
    shop.send(
        "post", "promotions/",
        {"name": "x", "trigger": "automatic", "start_date": "2026-01-01", "end_date": "2099-01-01",
         "offer": welcome(FIRST)},
        expect=201,
    )  # fmt: skip

    orders = [shop.reserve(None) for _ in range(2)]

    assert [shop.confirm(order)["quote"]["discount_total"] for order in orders] == ["7.50", "0.00"]


def test_a_second_order_is_certain_only_after_the_first_was_paid(shop: Shop) -> None:
    offer = shop.create("promotion", welcome(SECOND))
    first = shop.reserve(None)
    assert shop.discount(offer) == "0.00"

    shop.confirm(first)

    assert discounts_of_two(shop, offer) == ["7.50", "0.00"]


def test_an_order_that_is_canceled_frees_its_number(shop: Shop) -> None:
    offer = shop.create("promotion", welcome(FIRST))
    shop.cancel(shop.reserve(offer))

    assert shop.discount(offer) == "7.50"
    order = shop.reserve(offer)
    assert shop.discount(offer) == "0.00"
    assert shop.discount(offer, order=order["order"]) == "7.50"  # its own reservation is no other order


def test_orders_of_another_brand_do_not_count(shop: Shop, create_shop: Any) -> None:
    other = create_shop()
    offer = shop.create("promotion", welcome(FIRST))

    other.reserve(None)

    assert shop.discount(offer, lines=[line()]) == "7.50"


def test_orders_of_every_sender_see_each_other(shop: Shop, shopper_client: Callable[[User], Client]) -> None:
    offer = shop.create("promotion", welcome(FIRST))
    shopper = shopper_client(ShopperFactory(customer__customer_id="u1"))
    marketplace = Client(headers={"Authorization": f"Api-Key {ApiKeyFactory(platform=True).text}"})
    senders = {"server": shop.client, "shopper": shopper, "marketplace": marketplace}

    def reserve(sender: str, order: str) -> Any:
        body = shop.cart(offer, "u1", lines=[line(brand="billo")], order=order)
        if sender == "shopper":
            del body["customer_id"]
        return senders[sender].post(f"/api/v1/{ORDERS}", body, content_type="application/json").json()

    for first, client in senders.items():
        order = reserve(first, f"first of {first}")
        assert order["status"] == "reserved", order
        for second in senders:
            assert reserve(second, f"{second} after {first}")["code"] == "first_order_only", (first, second)
        cancel = f"/api/v1/{ORDERS}{order['id']}/cancel/"
        assert client.post(cancel, content_type="application/json").status_code == 200


def test_a_late_confirmation_does_not_make_a_second_first_order(shop: Shop) -> None:
    now = timezone.now()
    with time_machine.travel(now, tick=False):
        offer = shop.create("promotion", welcome(FIRST))
        late = shop.reserve(offer)
    with time_machine.travel(now + timedelta(hours=2), tick=False):
        other = shop.reserve(offer)

        assert shop.confirm(late, expect=409)["code"] == "reservation_expired"
        assert shop.confirm(other)["quote"]["discount_total"] == "7.50"
        assert shop.confirm(late, expect=409)["code"] == "reservation_expired"
