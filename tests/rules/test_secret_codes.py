"""A list of offers names a code only if it was announced or is assigned to the customer."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from accounts.models import User
from redemptions.codes.models import Code
from tests.factories import ShopperFactory
from tests.rules.api import CODED, Offer, Shop, line

pytestmark = pytest.mark.django_db
CART = {"currency": "EUR", "lines": [line(brand="billo")]}


@pytest.fixture
def shopper(shopper_client: Callable[[User], Client]) -> Client:
    """A signed-in shopper, the customer ``mine``."""
    return shopper_client(ShopperFactory(customer__customer_id="mine"))


def list_texts(client: Client, **query: str) -> str:
    """Return all that the lists of offers tell, with and without a cart."""
    lists = [client.get("/api/v1/checkout/offers/", query)]
    lists.append(client.post("/api/v1/checkout/offers/", CART | query, content_type="application/json"))
    assert [response.status_code for response in lists] == [200, 200], [response.content for response in lists]
    return json.dumps([response.json() for response in lists]).upper()


def create_secret(shop: Shop, kind: str) -> Offer:
    """Create an offer with a generic code that is not announced."""
    fields: dict[str, Any] = {"notify": False} if kind == "discount_code" else {}
    return shop.create(kind, text="SECRET-123", **fields)


def assign(shop: Shop, offer: Offer, *customers: str) -> None:
    batch = shop.send("post", f"{offer.path}batches/", {"count": 5}, expect=201)
    body = {"customer_ids": list(customers)}
    shop.send("post", f"{offer.path}batches/{batch['id']}/assign/", body)


@pytest.mark.parametrize("kind", CODED)
def test_a_generic_code_that_was_not_announced_is_not_listed(kind: str, shop: Shop, shopper: Client) -> None:
    create_secret(shop, kind)

    assert "SECRET" not in list_texts(shopper)
    assert "SECRET" not in list_texts(shop.client, customer_id="mine")
    assert shop.discount(codes=["SECRET-123"]) == "5.00"


@pytest.mark.parametrize("kind", CODED)
def test_a_single_use_code_is_listed_to_its_customer_alone(kind: str, shop: Shop, shopper: Client) -> None:
    offer = create_secret(shop, kind)
    assign(shop, offer, "mine", "other")
    codes = {
        code.customer.customer_id if code.customer else "": code.text for code in Code.objects.filter(single_use=True)
    }

    listed = list_texts(shopper)

    assert codes["mine"] in listed
    assert "SECRET" not in listed
    assert codes["other"] not in listed
    assert codes[""] not in listed
    assert codes["mine"] in list_texts(shop.client, customer_id="mine")
    assert codes["mine"] not in list_texts(shop.client, customer_id="other")
    assert codes["other"] in list_texts(shop.client, customer_id="other")


@pytest.mark.parametrize("kind", CODED)
@pytest.mark.parametrize("end", ["use", "revoke", "pause", "archive"])
def test_a_code_that_its_customer_can_not_use_is_not_listed(kind: str, end: str, shop: Shop, shopper: Client) -> None:
    offer = create_secret(shop, kind)
    assign(shop, offer, "mine")
    code = Code.objects.get(customer__customer_id="mine").text
    assert code in list_texts(shopper)

    if end == "use":
        shop.buy(None, "mine", codes=[code])
    elif end == "revoke":
        shop.send("post", f"codes/{code}/revoke/")
    else:
        shop.act(offer, end)

    assert code not in list_texts(shopper)


def test_an_announced_discount_code_is_listed_to_everyone(shop: Shop, shopper: Client) -> None:
    shop.create("discount_code", text="OPEN-123", notify=True)

    assert "OPEN-123" in list_texts(shopper)


def test_the_server_of_another_brand_sees_none(shop: Shop, create_shop: Callable[..., Shop]) -> None:
    offer = create_secret(shop, "promotion")
    assign(shop, offer, "mine")
    code = Code.objects.get(customer__customer_id="mine").text

    assert code not in list_texts(create_shop().client, customer_id="mine")
