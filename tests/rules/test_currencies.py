"""One offer can hold an amount for each currency, and the cart's currency picks its own."""

from typing import Any

import pytest

from tests.rules.api import KINDS, Shop, amount, line, percent

pytestmark = pytest.mark.django_db
PRICES = {"EUR": "50.00", "GBP": "50.00", "USD": "50.00", "JPY": "5000", "KWD": "50.000"}
AMOUNTS = {"EUR": "10.00", "GBP": "9.00", "JPY": "1500", "KWD": "3.125"}


def cart_in(currency: str) -> dict[str, Any]:
    return {"currency": currency, "lines": [line(1, PRICES[currency])]}


@pytest.mark.parametrize(("currency", "discount"), [*AMOUNTS.items(), ("USD", "0.00")])
def test_a_draft_gives_the_amount_of_the_cart(currency: str, discount: str, shop: Shop) -> None:
    draft = {"id": "a", "trigger": "automatic", "offer": amount(AMOUNTS)}

    answer = shop.send("post", "promotions/simulate/", {"cart": cart_in(currency), "promotions": [draft]})

    assert answer["discount_total"] == discount
    assert answer["explain"][0]["outcome"] == ("applied" if currency in AMOUNTS else "currency_mismatch")


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_offer_gives_the_amount_of_the_cart(kind: str, shop: Shop) -> None:
    offer = shop.create(kind, amount(AMOUNTS))

    for number, (currency, discount) in enumerate(AMOUNTS.items()):
        order = shop.buy(offer, f"u{number}", **cart_in(currency))
        assert (order["quote"]["currency"], order["quote"]["discount_total"]) == (currency, discount)
    refused = shop.reserve(offer, "u9", expect=409, **cart_in("USD"))
    assert (refused["code"], refused["currency"]) == ("currency_mismatch", "USD")
    assert refused["offer_currencies"] == sorted(AMOUNTS)


@pytest.mark.parametrize(
    "offer",
    [
        percent("50", max_discount=AMOUNTS),
        {"benefits": [{"kind": "set_price", "value": dict.fromkeys(AMOUNTS, "0"), "on": "order"}]},
        {"benefits": [{"kind": "percent", "value": "50"}], "conditions": [{"kind": "min_subtotal", "value": AMOUNTS}]},
        {"benefits": [{"kind": "tiers", "basis": "order_amount", "unit": "amount",
                       "tiers": [{"from": AMOUNTS, "value": AMOUNTS}]}]},
        percent("50", select={"unit_price_from": AMOUNTS}),
        {"benefits": [{"kind": "buy_get", "buy": {"quantity": 1}, "get": {"quantity": 1, "amount": AMOUNTS}}]},
        {"benefits": [{"kind": "groups", "size": 2, "amount": AMOUNTS}]},
    ],
    ids=["maximum", "price", "condition", "tiers", "selection", "buy_get", "groups"],
)  # fmt: skip
def test_every_amount_of_an_offer_has_a_value_per_currency(offer: dict[str, Any], shop: Shop) -> None:
    created = shop.create("promotion", offer)

    for currency, price in PRICES.items():
        quote = shop.quote(created, currency=currency, lines=[line(1, price, 2)])
        if currency == "USD":
            assert [entry["reason"]["code"] for entry in quote["rejected"]] == ["currency_mismatch"]
        else:
            assert [entry["code"] for entry in quote["applied"]] == ["CODE"], (currency, quote)


@pytest.mark.parametrize(
    ("value", "field"),
    [
        ({"EUR": "10.001", "GBP": "9.00"}, "value.EUR"),
        ({"EUR": "10.00", "JPY": "9.5"}, "value.JPY"),
        ({"EUR": "10.00", "ABC": "9.00"}, "value.ABC"),
        ({}, "value"),
        ({"EUR": {"EUR": "1.00"}}, "value.EUR"),
    ],
)
def test_an_amount_that_its_currency_does_not_have_is_refused_with_its_path(value: Any, field: str, shop: Shop) -> None:
    problem = shop.create_answer("promotion", amount(value), expect=400)

    assert [error["field"] for error in problem["errors"]] == [f"offer.benefits.0.{field}"]
    assert shop.get("promotions/")["results"] == []


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("benefit", "currencies", "is_possible"),
    [
        ({"value": "5.00", "currency": "GBP"}, ["EUR"], False),
        ({"value": {"EUR": "5.00", "GBP": "4.00"}}, ["USD", "JPY"], False),
        ({"value": "5.00"}, ["USD", "JPY"], False),  # in the currency of the brand
        ({"value": {"EUR": "5.00", "GBP": "4.00"}}, ["GBP", "USD"], True),
        ({"value": "5.00"}, ["USD"], True),  # the only currency of the condition is that of the amount
    ],
)
def test_an_offer_that_no_currency_can_have_is_refused(
    kind: str, benefit: dict[str, Any], currencies: list[str], is_possible: bool, shop: Shop
) -> None:
    terms = {"benefits": [{"kind": "amount", "on": "order"} | benefit]}
    terms["conditions"] = [{"kind": "currency", "any": currencies}]

    answer = shop.create_answer(kind, terms, expect=201 if is_possible else 400)

    if not is_possible:
        (error,) = answer["errors"]
        assert error["field"].removeprefix("rule.") == "offer.conditions.0.any"


@pytest.mark.parametrize(("currency", "value"), [("EUR", "1.001"), ("JPY", "1.5"), ("KWD", "1.0001")])
def test_a_draft_is_refused_for_more_decimals_than_its_cart_has(currency: str, value: str, shop: Shop) -> None:
    drafts = [
        {"id": "a", "trigger": "automatic", "offer": percent("50", max_discount=value)},
        {"id": "b", "trigger": "automatic", "offer": amount({"GBP": "1.50"}, max_discount="2")},
    ]

    problem = shop.send("post", "promotions/simulate/", {"cart": cart_in(currency), "promotions": drafts}, expect=400)

    assert [(error["field"], error["code"]) for error in problem["errors"]] == [
        ("promotions.0.offer.benefits.0.max_discount", "max_decimal_places")
    ]
    drafts[0]["offer"] = percent("50", max_discount="1", select={"unit_price_from": "0.0000"})
    answer = shop.send("post", "promotions/simulate/", {"cart": cart_in(currency), "promotions": drafts})
    assert [explained["outcome"] for explained in answer["explain"]] == ["applied", "currency_mismatch"]


@pytest.mark.parametrize(
    ("terms", "field"),
    [
        ({"max_discount": "1.001"}, "rule.max_discount"),
        ({"select": {"unit_price_from": "1.001"}}, "rule.select.unit_price_from"),
        ({"conditions": [{"kind": "min_subtotal", "value": "1.001"}]}, "rule.conditions.0.value"),
    ],
)
def test_a_term_of_a_discount_code_is_refused_for_more_decimals_than_its_currency_has(
    terms: dict[str, Any], field: str, shop: Shop
) -> None:
    body = {"id": "CODE", "rule": {"discount": 10} | terms, "validity": "2099-01-01"}

    problem = shop.send("post", "discountcode/", body, expect=400)

    assert [(error["field"], error["code"]) for error in problem["errors"]] == [(field, "max_decimal_places")]
