"""Only a brand's own server, and those that it allows, spend its money and use its codes."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import User
from accounts.services import create_grant
from checkout.models import Redemption
from redemptions.uses.models import OfferUse
from tests.factories import ShopperFactory
from tests.rules.api import CODED, KINDS, ORDERS, Shop, line, percent

pytestmark = pytest.mark.django_db
BUDGET = "1000.00"
NTH = {"kind": "nth_order", "value": 4}


@pytest.fixture
def cake(create_shop: Callable[..., Shop]) -> Shop:
    """The server of Cake, which has no grant of Billo."""
    return create_shop(slug="cake")


def send(client: Client, path: str, body: Any = None) -> Any:
    return client.post(f"/api/v1/{path}", body or {}, content_type="application/json")


# --- servers of other brands ------------------------------------------------------------------------------------------
@pytest.mark.parametrize("kind", CODED)
def test_a_server_takes_nothing_of_the_budget_of_another_brand(kind: str, shop: Shop, cake: Shop) -> None:
    offer = shop.create(kind, percent("50"), budget=BUDGET)
    body = {"lines": [line(brand="billo", price="1900.00")]}

    refused = cake.reserve(offer, "invented", expect=409, **body)

    assert refused["code"] == "code_not_found"
    assert cake.quote(offer, "invented", **body)["applied"] == []
    assert shop.get(offer.path)["budget_left"] == BUDGET
    assert not OfferUse.objects.exists()


@pytest.mark.parametrize("kind", CODED)
def test_a_server_does_not_use_up_the_code_of_another_brands_shopper(kind: str, shop: Shop, cake: Shop) -> None:
    limit = {"discount_code": {}, "coupon": {"maximum_number_of_coupons_per_user": 1}}
    offer = shop.create(kind, **limit.get(kind, {"limits": {"per_customer": 1}}))
    cake.reserve(offer, "u1", expect=409, lines=[line(brand="billo")])

    assert shop.buy(offer, "u1")["quote"]["discount_total"] == "5.00"


def test_an_automatic_offer_of_another_brand_is_not_applied(shop: Shop, cake: Shop) -> None:
    promotion = {"name": "x", "trigger": "automatic", "offer": percent(), "budget": BUDGET}
    created = shop.send(
        "post", "promotions/", promotion | {"start_date": "2026-01-01", "end_date": "2099-01-01"}, expect=201
    )

    order = cake.buy(None, "invented", lines=[line(brand="billo", price="9500.00")])

    assert order["quote"]["discount_total"] == "0.00"
    assert shop.get(f"promotions/{created['id']}/")["budget_left"] == BUDGET


@pytest.mark.parametrize("kind", CODED)
def test_what_a_grant_gave_is_seen_and_refunded_by_its_brand(kind: str, shop: Shop, cake: Shop) -> None:
    offer = shop.create(kind, percent("50"), budget=BUDGET)
    create_grant(issuer=shop.brand, acceptor=cake.brand, kinds=KINDS, at=timezone.now())
    order = cake.buy(offer, lines=[line(1, brand="billo", price="100.00"), line(2, brand="cake", price="30.00")])
    assert shop.get(offer.path)["budget_left"] == "950.00"

    assert [row["id"] for row in shop.get(ORDERS)["results"]] == [order["id"]]
    assert [part["id"] for part in shop.read(order)["quote"]["lines"]] == ["1"]
    shop.refund(order)

    assert shop.get(offer.path)["budget_left"] == BUDGET


# --- shoppers ---------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("checkout_by", "reserved", "confirmed"),
    [("server", 403, None), ("shopper_reserves", 201, 403), ("shopper", 201, 200)],
)
@pytest.mark.parametrize("kind", CODED)
def test_a_shopper_spends_a_budget_only_as_the_brand_allows(
    kind: str, checkout_by: str, reserved: int, confirmed: int | None,
    create_shop: Callable[..., Shop], shopper_client: Callable[[User], Client],
) -> None:  # fmt: skip
    shop = create_shop(slug="billo", checkout_by=checkout_by)
    offer = shop.create(kind, percent("10"), budget="500.00")
    shopper = shopper_client(ShopperFactory())
    cart = shop.cart(offer, lines=[line(brand="billo", price="2490.00")], order="invented")
    del cart["customer_id"]

    response = send(shopper, ORDERS, cart)

    assert response.status_code == reserved
    if reserved == 201:
        confirmation = send(shopper, f"{ORDERS}{response.json()['id']}/confirm/")
        assert confirmation.status_code == confirmed
        send(shopper, f"{ORDERS}{response.json()['id']}/cancel/")
    expected = "251.00" if confirmed == 200 else "500.00"
    assert shop.get(offer.path)["budget_left"] == expected


@pytest.mark.parametrize("by", ["shopper", "server"])
@pytest.mark.parametrize("kind", CODED)
def test_only_orders_that_a_server_confirmed_count_as_orders(
    kind: str, by: str, create_shop: Callable[..., Shop], shopper_client: Callable[[User], Client]
) -> None:
    shop = create_shop(slug="billo", checkout_by="shopper")
    offer = shop.create(kind, percent("90") | {"conditions": [NTH]})
    shop.create("promotion", percent("1"), text="SMALL")
    user = ShopperFactory(customer__customer_id="u1")
    shopper = shopper_client(user)
    for number in range(3):
        body = {
            "order": f"o{number}",
            "lines": [line(brand="billo", price="0.50")],
            "currency": "EUR",
            "codes": ["SMALL"],
        }
        if by == "server":
            shop.confirm(shop.send("post", ORDERS, body | {"customer_id": "u1"}, expect=201))
        else:
            order = send(shopper, ORDERS, body)
            assert order.status_code == 201, order.content
            assert send(shopper, f"{ORDERS}{order.json()['id']}/confirm/").status_code == 200

    reasons, discount = shop.reasons(offer, "u1"), shop.discount(offer, "u1")

    assert Redemption.objects.filter(status="confirmed").count() == 3
    assert (reasons, discount) == (([], "45.00") if by == "server" else (["condition_not_met"], "0.00"))
