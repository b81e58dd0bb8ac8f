"""Offers over HTTP: prices of given units, gifts, negations and alternatives, and shipping."""

from typing import Any

import pytest
from django.test import Client

from accounts.models import Brand
from checkout.admin.explanations import format_gifts, format_required
from tests.checkout.builders import QUOTE, cart, line, post
from tests.factories import PromotionFactory

pytestmark = pytest.mark.django_db
SIMULATE = "/api/v1/promotions/simulate/"


def simulate(client: Client, offer: dict[str, Any], /, customer: object = None, **changes: Any) -> dict[str, Any]:
    """Return the answer to a simulation of one automatic promotion."""
    body = {"cart": cart(**changes), "promotions": [{"id": "a", "trigger": "automatic", "offer": offer}]}
    response = post(client, SIMULATE, body | ({} if customer is None else {"customer": customer}))
    assert response.status_code == 200, response.content
    answer: dict[str, Any] = response.json()
    return answer


@pytest.mark.parametrize(("bought", "discount"), [(4, "100000"), (2, "50000"), (1, "0")])
def test_bought_units_make_the_next_ones_cheaper(server: Client, bought: int, discount: str) -> None:
    get = {"quantity": 1, "select": {"skus": ["B"]}, "amount": "50000"}
    offer = {"benefits": [{"kind": "buy_get", "buy": {"quantity": 2, "select": {"skus": ["A"]}}, "get": get}]}
    lines = [
        line(id="a", sku="A", quantity=bought, unit_price="200000"),
        line(id="b", sku="B", quantity=3, unit_price="120000"),
    ]

    assert simulate(server, offer, currency="VND", lines=lines)["discount_total"] == discount


def test_a_gift_for_each_unit_is_in_the_quote_with_its_price(server: Client, billo: Brand) -> None:
    gift = {"kind": "gift", "sku": "tea", "price": "1.50", "per": "unit", "max_units": 3, "select": {"skus": ["hat"]}}
    PromotionFactory(brand=billo, offer={"benefits": [gift]})

    answer = post(server, QUOTE, cart(customer_id="c1")).json()

    assert answer["gifts"] == [{"sku": "tea", "quantity": 2, "price": "1.50"}]
    assert (answer["discount_total"], answer["total"]) == ("0.00", "120.00")
    assert format_gifts(answer["gifts"], "EUR") == ["2 \N{MULTIPLICATION SIGN} tea for €1.50 each"]
    assert format_gifts([{"sku": "tea", "quantity": 2, "price": "0.00"}, {"sku": "mug", "quantity": 1}], "EUR") == [
        "2 \N{MULTIPLICATION SIGN} tea", "1 \N{MULTIPLICATION SIGN} mug",
    ]  # fmt: skip


NEITHER = [
    {"kind": "not", "condition": {"kind": "audience", "any": ["wholesale"]}},
    {"kind": "none_of", "select": {"categories": ["food"]}},
]


@pytest.mark.parametrize(
    ("segments", "categories", "discount"),
    [(["wholesale"], [], "0.00"), (["vip"], [], "5.00"), ([], [], "5.00"), (["vip"], ["food"], "0.00")],
)
def test_an_offer_for_customers_and_carts_without_something(
    server: Client, segments: list[str], categories: list[str], discount: str
) -> None:
    offer = {"benefits": [{"kind": "percent", "value": "10"}], "conditions": NEITHER}
    lines = [line(unit_price="50.00", categories=categories)]

    assert simulate(server, offer, customer={"segments": segments}, lines=lines)["discount_total"] == discount


def test_alternatives_are_explained(server: Client) -> None:
    any_of = {
        "kind": "any_of",
        "conditions": [{"kind": "country", "any": ["ES"]}, {"kind": "min_subtotal", "value": "500.00"}],
    }
    answer = simulate(server, {"benefits": [{"kind": "percent", "value": "10"}], "conditions": [any_of]})

    (row,) = answer["explain"]
    assert (row["outcome"], row["reason"]["any_of"]) == ("condition_not_met", ["country", "min_subtotal"])
    (condition,) = row["conditions"]
    assert condition["required"] == [
        {"kind": "country", "required": ["ES"]}, {"kind": "min_subtotal", "required": "500.00"},
    ]  # fmt: skip
    assert format_required(condition["required"]) == "Country: ES; Minimum purchase amount: 500.00"


@pytest.mark.parametrize(
    ("methods", "discounts"),
    [("cheapest", ["5.00", "0.00"]), ("credit_cheapest", ["5.00", "5.00"]), ("all", ["5.00", "9.00"])],
)
def test_the_cheapest_shipping_is_free_and_credited_to_others(
    server: Client, methods: str, discounts: list[str]
) -> None:
    offer = {"benefits": [{"kind": "percent", "value": "100", "on": "shipping", "methods": methods}]}
    shipping = [{"id": "a", "price": "5.00"}, {"id": "b", "price": "9.00"}]

    answer = simulate(server, offer, shipping=shipping)

    assert [method["discount"] for method in answer["shipping_lines"]] == discounts
    for method, discount in zip(shipping, discounts, strict=True):
        chosen = simulate(server, offer, shipping=shipping, shipping_method=method["id"])
        assert [line["discount"] for line in chosen["shipping_lines"]] == [discount]
        assert chosen["discount_total"] == discount
