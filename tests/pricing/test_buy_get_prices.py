"""Buy X, get Y at an amount off or for a price; all units or none; gifts per unit."""

import pytest

from backoffice.base.descriptions import describe_offer
from pricing import Gift, OfferInvalid, dump_offer, parse_offer
from tests.pricing.builders import cart, line, off, offer, quote

A, B = {"skus": ["A"]}, {"skus": ["B"]}


def buy_get(buy=2, get=1, *, of=A, to=B, **more):
    price = {name: more.pop(name) for name in ("percent", "amount", "unit_price") if name in more}
    buy, get = {"quantity": buy, "select": of}, {"quantity": get, "select": to, **price}
    return {"kind": "buy_get", "buy": buy, "get": get, **more}


def dong(a, b):
    return cart(line("A", "200000", a, currency="VND"), line("B", "120000", b, currency="VND"), currency="VND")


PRICES = {
    "an amount off each, as often as the cart allows": (4, 3, buy_get(amount="50000"), 100_000),
    "an amount off one": (2, 3, buy_get(amount="50000"), 50_000),
    "more off than a unit costs": (2, 3, buy_get(amount="150000"), 120_000),
    "two units for each purchase": (4, 3, buy_get(get=2, amount="50000"), 150_000),
    "a price of each": (4, 3, buy_get(unit_price="100000"), 40_000),
    "a price above the present one": (4, 3, buy_get(unit_price="130000"), 0),
    "free": (4, 3, buy_get(unit_price="0"), 240_000),
    "free by default": (4, 3, buy_get(), 240_000),
    "once": (4, 3, buy_get(amount="50000", repeat=False), 50_000),
    "at most one unit": (4, 3, buy_get(amount="50000", max_units=1), 50_000),
    "at most an amount": (4, 3, buy_get(amount="50000", max_discount="60000"), 60_000),
    "too few bought": (1, 3, buy_get(amount="50000"), 0),
    "an amount for each currency": (4, 3, buy_get(amount={"EUR": "2.00", "VND": "50000"}), 100_000),
}


@pytest.mark.parametrize(("a", "b", "benefit", "discount"), PRICES.values(), ids=PRICES.keys())
def test_bought_units_make_others_cheaper_by_an_amount_or_for_a_price(a, b, benefit, discount):
    assert quote(dong(a, b), offer(benefit)).discount_total == discount


def test_an_amount_off_respects_the_lowest_price_of_a_unit():
    bag = cart(line("A", "20.00", 2), line("B", "12.00", 1, floor="9.00"))

    assert off(quote(bag, offer(buy_get(amount="5.00")))) == {"B": "3.00"}


def test_units_that_cost_no_more_than_the_price_are_passed_over():
    bag = cart(line("A", "10.00", 4), line("B", "8.00", 1), line("C", "30.00", 1), line("D", "12.00", 1))
    benefit = buy_get(unit_price="10.00", to={"skus": ["B", "C", "D"]})

    assert off(quote(bag, offer(benefit))) == {"D": "2.00", "C": "20.00"}
    assert off(quote(bag, offer(benefit | {"repeat": False}))) == {"D": "2.00"}
    assert off(quote(bag, offer(benefit | {"repeat": False, "pick": "dearest"}))) == {"C": "20.00"}
    assert off(quote(bag, offer(buy_get(unit_price="10.00", partial=False)))) == {}


PARTIAL = {
    "all of them": (4, 2, {}, 240_000),
    "one is missing": (4, 1, {}, 0),
    "one would be enough, once": (4, 1, {"repeat": False}, 120_000),
    "more than enough": (4, 3, {}, 240_000),
    "nothing bought": (1, 2, {}, 0),
    "two for each purchase, one missing": (2, 1, {"get": 2}, 0),
    "two for each purchase": (2, 2, {"get": 2}, 240_000),
    "a limit of the units": (4, 3, {"max_units": 1}, 0),
}


@pytest.mark.parametrize(("a", "b", "keys", "discount"), PARTIAL.values(), ids=PARTIAL.keys())
def test_without_partial_all_units_or_none_are_cheaper(a, b, keys, discount):
    assert quote(dong(a, b), offer(buy_get(**keys, partial=False))).discount_total == discount


@pytest.mark.parametrize(("units", "free"), [(2, 0), (3, 1), (4, 1), (5, 0), (6, 2)])
def test_without_partial_units_of_the_same_product_are_bought_or_free(units, free):
    benefit = buy_get(of=A, to=A, partial=False)

    assert quote(cart(line("A", "10.00", units)), offer(benefit)).discount_total == free * 1000


@pytest.mark.parametrize(
    ("get", "path", "code"),
    [
        ({"percent": 50, "amount": "1.00"}, "get.amount", "invalid"),
        ({"amount": "1.00", "unit_price": "2.00"}, "get.unit_price", "invalid"),
        ({"amount": "0.00"}, "get.amount", "min_value"),
        ({"group_price": "1.00"}, "get.group_price", "unknown_field"),
    ],
)
def test_a_unit_has_one_price(get, path, code):
    with pytest.raises(OfferInvalid) as caught:
        parse_offer({"benefits": [{"kind": "buy_get", "buy": {"quantity": 1}, "get": {"quantity": 1, **get}}]})

    assert [(name, error) for name, error, _ in caught.value.errors] == [(f"benefits.0.{path}", code)]


def test_a_document_keeps_the_price_of_the_units():
    documents = [buy_get(amount="5.00"), buy_get(unit_price="1.00", partial=False), buy_get()]
    dumped = [dump_offer(offer(document))["benefits"][0] for document in documents]

    assert [benefit["get"] for benefit in dumped] == [
        {"quantity": 1, "select": B, "amount": "5.00"},
        {"quantity": 1, "select": B, "unit_price": "1.00"},
        {"quantity": 1, "select": B, "percent": "100"},
    ]
    assert [benefit.get("partial") for benefit in dumped] == [None, False, None]


SENTENCES = {
    "Buy 2 units of A, get 1 unit of B at €5.00 off each.": buy_get(amount="5.00"),
    "Buy 2 units of A, get 1 unit of B for €5.00 each.": buy_get(unit_price="5.00"),
    "Buy 2 units of A, get 1 unit of B free, only if the cart has all of them.": buy_get(partial=False),
    "1 unit of tea as a free gift for each unit of A, on up to 2 units.": {
        "kind": "gift", "sku": "tea", "per": "unit", "max_units": 2, "select": A,
    },
}  # fmt: skip


@pytest.mark.parametrize(("sentence", "benefit"), SENTENCES.items())
def test_the_description_names_the_price(sentence, benefit):
    assert describe_offer(offer(benefit), "EUR") == sentence


GIFTS = {
    "once per order": ({}, 1),
    "once per order, said so": ({"per": "order"}, 1),
    "for each unit": ({"per": "unit"}, 5),
    "for each unit of a product": ({"per": "unit", "select": A}, 3),
    "for at most two units": ({"per": "unit", "max_units": 2}, 2),
    "two for each unit": ({"per": "unit", "select": A, "quantity": 2}, 6),
    "for no unit": ({"per": "unit", "select": {"skus": ["C"]}}, 0),
}


@pytest.mark.parametrize(("keys", "quantity"), GIFTS.values(), ids=GIFTS.keys())
def test_a_gift_is_added_once_or_for_each_unit(keys, quantity):
    bag = cart(line("A", "10.00", 3), line("B", "5.00", 2))
    gifts = quote(bag, offer({"kind": "gift", "sku": "tea", "price": "1.00", **keys})).gifts

    assert gifts == ((Gift("o1", "tea", quantity, 100),) if quantity else ())


@pytest.mark.parametrize(
    ("benefit", "path"),
    [
        ({"kind": "gift", "sku": "tea", "per": "line"}, "per"),
        ({"kind": "gift", "sku": "tea", "max_units": 2}, "max_units"),
        ({"kind": "percent", "value": 5, "max_units": 2, "per": "unit"}, "per"),
        ({"kind": "unit_ladder", "first": "1", "next": "1", "per": "unit"}, "per"),
    ],
)
def test_units_are_counted_per_unit_for_gifts_only(benefit, path):
    with pytest.raises(OfferInvalid) as caught:
        parse_offer({"benefits": [benefit]})

    assert [name for name, _, _ in caught.value.errors] == [f"benefits.0.{path}"]
