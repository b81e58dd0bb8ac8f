"""Buy so many, get the next ones cheaper by an amount or for a price, as often as the cart allows."""

from typing import Any

import pytest

from tests.rules.api import KINDS, Shop, line

pytestmark = pytest.mark.django_db
A, B = {"select": {"skus": ["A"]}}, {"select": {"skus": ["B"]}}


def buy_get(bought: int, given: int = 1, **benefit: Any) -> dict[str, Any]:
    """Return an offer: for so many of A, so many of B are cheaper."""
    get = {name: benefit.pop(name) for name in ("amount", "unit_price", "percent") if name in benefit}
    return {
        "benefits": [
            {"kind": "buy_get", "buy": {"quantity": bought} | A, "get": {"quantity": given} | B | get} | benefit
        ]
    }


def goods(of_a: int, of_b: int, price_a: str, price_b: str) -> list[dict[str, Any]]:
    return [line("a", price_a, of_a, sku="A"), line("b", price_b, of_b, sku="B")]


def simulate(shop: Shop, offer: dict[str, Any], currency: str, lines: list[dict[str, Any]]) -> str:
    draft = {"id": "a", "trigger": "automatic", "offer": offer}
    body = {"cart": {"currency": currency, "lines": lines}, "promotions": [draft]}
    return str(shop.send("post", "promotions/simulate/", body)["discount_total"])


@pytest.mark.parametrize(
    ("of_a", "of_b", "discount"),
    [(4, 3, "100000"), (2, 3, "50000"), (1, 3, "0"), (4, 1, "50000"), (5, 3, "100000"), (6, 3, "150000"), (6, 0, "0")],
)
def test_a_draft_repeats_as_often_as_the_cart_allows(of_a: int, of_b: int, discount: str, shop: Shop) -> None:
    lines = [each for each in goods(of_a, max(of_b, 1), "200000", "120000") if of_b or each["sku"] == "A"]

    assert simulate(shop, buy_get(2, amount="50000"), "VND", lines) == discount


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_offer_gives_it_at_checkout(kind: str, shop: Shop) -> None:
    offer = shop.create(kind, buy_get(2, amount="5.00"))

    order = shop.buy(offer, lines=goods(4, 3, "20.00", "12.00"))

    assert order["quote"]["discount_total"] == "10.00"
    assert [each["discount"] for each in order["quote"]["lines"]] == ["0.00", "10.00"]


@pytest.mark.parametrize(
    ("currency", "prices", "value", "discount"),
    [
        ("JPY", ("2000", "1200"), {"unit_price": "1000"}, "400"),
        ("KWD", ("2.000", "1.205"), {"unit_price": "1.000"}, "0.410"),
        ("EUR", ("20.00", "12.00"), {"unit_price": "0.00"}, "24.00"),
        ("EUR", ("20.00", "12.00"), {"unit_price": "15.00"}, "0.00"),
        ("EUR", ("20.00", "12.00"), {"amount": "15.00"}, "24.00"),  # never below zero
        ("EUR", ("20.00", "12.00"), {"amount": {"EUR": "5.00", "GBP": "4.00"}}, "10.00"),
        ("GBP", ("20.00", "12.00"), {"amount": {"EUR": "5.00", "GBP": "4.00"}}, "8.00"),
        ("EUR", ("20.00", "12.00"), {"percent": "50"}, "12.00"),
        ("EUR", ("20.00", "12.00"), {"amount": "5.00", "repeat": False}, "5.00"),
        ("EUR", ("20.00", "12.00"), {"amount": "5.00", "given": 2}, "15.00"),
        ("EUR", ("20.00", "12.00"), {"amount": "5.00", "given": 1, "partial": False}, "10.00"),
        ("EUR", ("20.00", "12.00"), {"amount": "5.00", "given": 2, "partial": False}, "0.00"),
    ],
)
def test_the_next_units_are_cheaper_by_an_amount_or_for_a_price(
    currency: str, prices: tuple[str, str], value: dict[str, Any], discount: str, shop: Shop
) -> None:
    assert simulate(shop, buy_get(2, **value), currency, goods(4, 3, *prices)) == discount


@pytest.mark.parametrize(
    ("get", "path"),
    [
        ({"amount": "5.00", "percent": "50"}, "offer.benefits.0.get"),
        ({"amount": "5.00", "unit_price": "1.00"}, "offer.benefits.0.get"),
        ({"amount": "-5.00"}, "offer.benefits.0.get.amount"),
        ({"amount": "5.001"}, "offer.benefits.0.get.amount"),
        ({"price": "5.00"}, "offer.benefits.0.get.price"),
    ],
)
def test_units_have_one_price_that_the_currency_knows(get: dict[str, Any], path: str, shop: Shop) -> None:
    benefit = {"kind": "buy_get", "buy": {"quantity": 2} | A, "get": {"quantity": 1} | B | get}

    problem = shop.create_answer("promotion", {"benefits": [benefit]}, expect=400)

    assert all(error["field"].startswith(path) for error in problem["errors"]), problem
