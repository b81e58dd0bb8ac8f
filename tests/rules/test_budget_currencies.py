"""A maximum amount is money of one currency: what is given in another one is never counted in it."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.rules.api import KINDS, Shop, line, percent

pytestmark = pytest.mark.django_db
HALF = percent("50")
YEN: dict[str, Any] = {"currency": "JPY", "lines": [line(1, "3000")]}
DINARS: dict[str, Any] = {"currency": "KWD", "lines": [line(1, "3.000")]}
EUROS: dict[str, Any] = {"currency": "EUR", "lines": [line(1, "40.00")]}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", ["budget", "max_per_customer", "max_per_order"])
def test_an_order_in_another_currency_takes_nothing_of_a_maximum(kind: str, name: str, shop: Shop) -> None:
    offer = shop.create(kind, HALF, **{name: "20.00"})

    refused = shop.reserve(offer, "u1", expect=409, **YEN)

    assert (refused["code"], refused["currency"], refused["offer_currencies"]) == ("currency_mismatch", "JPY", ["EUR"])
    customer = "u1" if name == "max_per_customer" else "u2"
    assert shop.discount(offer, customer, **EUROS) == "20.00"


@pytest.mark.parametrize("kind", KINDS)
def test_each_currency_is_counted_alone(kind: str, shop: Shop) -> None:
    offer = shop.create(kind, HALF, budget={"EUR": "20.00", "JPY": "3000", "KWD": "1.500"})
    for customer, cart in (("a", YEN), ("b", DINARS), ("c", YEN)):
        shop.buy(offer, customer, **cart)

    assert shop.get(offer.path)["budget_left"] == {"EUR": "20.00", "JPY": "0", "KWD": "0.000"}
    for cart in (YEN, DINARS):
        assert shop.reserve(offer, "d", expect=409, **cart)["code"] == "budget_exhausted"
    assert shop.discount(offer, "d", **EUROS) == "20.00"
    assert shop.reserve(offer, "d", expect=409, currency="GBP")["code"] == "currency_mismatch"


def test_a_budget_that_is_set_late_counts_the_orders_in_its_currency_only(shop: Shop) -> None:
    offer = shop.create("promotion", HALF)
    shop.buy(offer, "a", **YEN)
    shop.buy(offer, "b", **EUROS)

    assert shop.change(offer, budget="30.00")["budget_left"] == "10.00"
    assert shop.reserve(offer, "c", expect=409, **EUROS)["code"] == "budget_exhausted"
    answer = shop.change(offer, budget={"EUR": "40.00", "JPY": "2000"})
    assert answer["budget_left"] == {"EUR": "20.00", "JPY": "500"}


def test_the_results_of_an_offer_keep_currencies_apart(shop: Shop) -> None:
    offer = shop.create("promotion", HALF)
    shop.buy(offer, "a", **YEN)
    shop.buy(offer, "b", **DINARS)

    amounts = shop.get(offer.path)["results"]["amounts"]

    assert {currency: each["discount"] for currency, each in amounts.items()} == {"JPY": "1500", "KWD": "1.500"}


def test_a_budget_without_a_currency_is_in_that_of_the_brand(create_shop: Callable[..., Shop]) -> None:
    shop = create_shop(currency="JPY")
    offer = shop.create("promotion", HALF, budget="1500")

    assert shop.reserve(offer, "a", expect=409, **EUROS)["code"] == "currency_mismatch"
    shop.buy(offer, "b", **YEN)
    assert shop.reserve(offer, "c", expect=409, **YEN)["code"] == "budget_exhausted"


@pytest.mark.parametrize(
    "budget", ["20.001", {"JPY": "20.5"}, {"KWD": "1.0001"}, {"EURO": "1.00"}, {"eur": "1.00"}, 20, "-1.00"]
)
def test_a_budget_that_is_no_money_is_refused(budget: Any, shop: Shop) -> None:
    problem = shop.create_answer("promotion", HALF, budget=budget, expect=400)

    assert [error["field"].split(".")[0] for error in problem["errors"]] == ["budget"]
    assert shop.get("promotions/")["results"] == []
