"""Amounts per currency, and the currency of amounts that name none."""

import pytest
from hypothesis import HealthCheck, assume, given, settings

from backoffice.base.descriptions import describe_offer
from pricing import EligibleOffer, OfferInvalid, dump_offer, parse_offer
from pricing.amounts import get_default_currency, list_currencies
from tests.pricing.builders import amount, cart, line, offer, percent, quote
from tests.pricing.strategies import FACTS, OFFERS, PROFILES, carts, eligible_offer

TEN = {"EUR": "10.00", "GBP": "9.00", "JPY": "1500"}


def bag(currency, each="100"):
    return cart(line("mug", each, 4, currency=currency), shipping="50", currency=currency)


def price_in(currency, document, brand_currency="EUR"):
    """Return the discount in minor units, or the rejection, of an offer of a brand in a cart of the currency."""
    origin = EligibleOffer("o1", "promotion", "", offer(document), currency=brand_currency)
    decision = quote(bag(currency, "10000" if currency == "JPY" else "100"), origin)
    return decision.rejected[0].code if decision.rejected else decision.discount_total


BENEFITS = {  # discounts in minor units of euros, pounds and yen
    "amount": ({"kind": "amount", "value": TEN}, 1000, 900, 1500),
    "amount per unit": ({"kind": "amount", "value": TEN, "on": "unit"}, 4000, 3600, 6000),
    "amount off shipping": ({"kind": "amount", "value": TEN, "on": "shipping"}, 1000, 900, 50),
    "set_price": ({"kind": "set_price", "value": TEN}, 39000, 39100, 38500),
    "bundle": ({"kind": "set_price", "value": TEN, "on": "bundle", "bundle_size": 4}, 39000, 39100, 38500),
    "first unit": ({"kind": "unit_ladder", "first": TEN, "next": "0"}, 1000, 900, 1500),
    "next units": ({"kind": "unit_ladder", "first": "0", "next": TEN}, 3000, 2700, 4500),
    "tier value": (
        {"kind": "tiers", "basis": "eligible_quantity", "unit": "amount", "tiers": [{"from": 2, "value": TEN}]},
        1000, 900, 1500,
    ),
    "tier base": (
        {
            "kind": "tiers", "basis": "eligible_quantity", "unit": "amount", "base": TEN,
            "tiers": [{"from": 9, "value": "0"}],
        },
        1000, 900, 1500,
    ),
    "group amount": ({"kind": "groups", "size": 2, "amount": TEN}, 2000, 1800, 3000),
    "group price": ({"kind": "groups", "size": 4, "group_price": TEN}, 39000, 39100, 38500),
    "unit price of a group": ({"kind": "groups", "size": 4, "unit_price": TEN}, 36000, 36400, 34000),
    "picked unit": ({"kind": "groups", "size": 4, "then": {"amount": TEN}}, 1000, 900, 1500),
    "max_discount": ({"kind": "percent", "value": 50, "max_discount": TEN}, 1000, 900, 1500),
}  # fmt: skip


@pytest.mark.parametrize(("benefit", "euros", "pounds", "yen"), BENEFITS.values(), ids=BENEFITS.keys())
def test_the_cart_uses_the_amount_of_its_currency(benefit, euros, pounds, yen):
    assert [price_in(currency, benefit) for currency in ("EUR", "GBP", "USD")] == [euros, pounds, "currency_mismatch"]
    if "next" in benefit or "base" in benefit or benefit["kind"] in ("amount", "percent"):
        assert price_in("JPY", benefit) == (yen if benefit.get("on") != "shipping" else 50)


CONDITIONS = {
    "min_subtotal": ({"value": {"EUR": "400.00", "GBP": "400.01"}}, [4000, "minimum_not_met", "currency_mismatch"]),
    "max_subtotal": ({"value": {"EUR": "399.99", "GBP": "400.00"}}, ["condition_not_met", 4000, "currency_mismatch"]),
    "subtotal_equals": ({"value": {"EUR": "400.00", "GBP": "9.00"}}, [4000, "condition_not_met", "currency_mismatch"]),
}


@pytest.mark.parametrize("basis", ["before", "running"])
@pytest.mark.parametrize("kind", CONDITIONS)
def test_a_condition_uses_the_amount_of_the_carts_currency(kind, basis):
    keys, expected = CONDITIONS[kind]
    document = offer(percent(10), conditions=[{"kind": kind, "basis": basis, **keys}])

    for currency, outcome in zip(("EUR", "GBP", "USD"), expected, strict=True):
        decision = quote(bag(currency), EligibleOffer("o1", "promotion", "", document, currency="EUR"))
        assert (decision.rejected[0].code if decision.rejected else decision.discount_total) == outcome


@pytest.mark.parametrize("key", ["unit_price_from", "unit_price_to"])
def test_a_selection_by_price_uses_the_amount_of_the_carts_currency(key):
    document = percent(10, select={key: {"EUR": "100.00", "GBP": "100.00"}})

    assert [price_in(currency, document) for currency in ("EUR", "GBP", "USD")] == [4000, 4000, "currency_mismatch"]


@pytest.mark.parametrize(
    "benefit",
    [
        amount("10.00"),
        {"kind": "set_price", "value": "10.00", "on": "unit"},
        percent(10, max_discount="10.00"),
        percent(10, select={"unit_price_to": "500.00"}),
        {"kind": "gift", "sku": "tea", "price": "1.00"},
    ],
)
def test_an_amount_without_a_currency_is_in_the_currency_of_the_brand(benefit):
    assert price_in("EUR", benefit) != "currency_mismatch"
    assert [price_in(currency, benefit) for currency in ("GBP", "USD")] == ["currency_mismatch"] * 2


def test_the_only_currency_of_a_condition_is_the_currency_of_the_amounts():
    document = offer(amount("9.00"), conditions=[{"kind": "currency", "any": ["GBP"]}])

    assert quote(bag("GBP"), EligibleOffer("o1", "", "", document, currency="EUR")).discount_total == 900


def test_zero_and_percentages_apply_in_every_currency():
    free_shipping = {"kind": "set_price", "value": "0.00", "on": "shipping"}

    assert [price_in(currency, free_shipping) for currency in ("EUR", "USD", "JPY")] == [5000, 5000, 50]
    assert price_in("USD", percent(10)) == 4000


def test_a_mismatch_names_the_currencies_of_the_cart_and_of_the_offer():
    document = offer(amount(TEN), percent(5, max_discount={"EUR": "1.00", "JPY": "100", "USD": "1.00"}))
    (rejected,) = quote(bag("USD"), EligibleOffer("o1", "", "", document, currency="EUR")).rejected

    assert rejected.code == "currency_mismatch"
    assert rejected.members == {"currency": "USD", "offer_currencies": ["EUR", "JPY"]}


INVALID = {
    "no currency": ({"value": {}}, [("benefits.0.value", "min_length")]),
    "an unknown currency": ({"value": {"EUR": "1.00", "Eur": "1.00"}}, [("benefits.0.value.Eur", "unknown_currency")]),
    "decimals of yen": ({"value": {"JPY": "1.5"}}, [("benefits.0.value.JPY", "max_decimal_places")]),
    "a number": ({"value": {"EUR": 1}}, [("benefits.0.value.EUR", "invalid")]),
    "zero": ({"value": {"EUR": "0.00"}}, [("benefits.0.value.EUR", "min_value")]),
    "a currency besides": ({"value": {"EUR": "1.00"}, "currency": "EUR"}, [("benefits.0.currency", "invalid")]),
    "no common currency": (
        {"value": {"GBP": "1.00"}, "max_discount": {"USD": "1.00"}}, [("benefits.0.max_discount", "invalid")],
    ),
    "only other currencies than a plain amount": (
        {"value": {"GBP": "1.00"}, "max_discount": "1.00"}, [("benefits.0.max_discount", "invalid")],
    ),
}  # fmt: skip


@pytest.mark.parametrize(("keys", "errors"), INVALID.values(), ids=INVALID.keys())
def test_an_invalid_amount_per_currency_is_refused_with_its_path(keys, errors):
    with pytest.raises(OfferInvalid) as caught:
        parse_offer({"benefits": [{"kind": "amount", **keys}]}, currency="EUR")

    assert [(path, code) for path, code, _ in caught.value.errors] == errors


@pytest.mark.parametrize(
    ("starts", "code"),
    [
        ([{"EUR": "10", "GBP": "9"}, {"EUR": "20", "GBP": "9"}], "invalid"),
        ([{"EUR": "10", "GBP": "9"}, {"EUR": "20"}], "invalid"),
        ([{"EUR": "10", "GBP": "9"}, "20"], "invalid"),
        ([{"EUR": "10", "GBP": "9"}, {"EUR": "20", "GBP": "18"}], None),
    ],
)
def test_tiers_rise_in_every_currency(starts, code):
    tiers = [{"from": start, "value": 5} for start in starts]
    document = {"benefits": [{"kind": "tiers", "basis": "order_amount", "unit": "percent", "tiers": tiers}]}
    if code is None:
        assert dump_offer(parse_offer(document))["benefits"][0]["tiers"][1]["from"] == {"EUR": "20", "GBP": "18"}
        return
    with pytest.raises(OfferInvalid) as caught:
        parse_offer(document)
    assert [(path, error) for path, error, _ in caught.value.errors] == [("benefits.0.tiers.1.from", code)]


def test_the_description_names_every_currency():
    minimum = {"kind": "min_subtotal", "value": {"GBP": "50", "EUR": "60"}}
    document = offer(amount({"EUR": "10.00", "GBP": "9.00"}), conditions=[minimum])

    sentence = "€10.00 or £9.00 off the order when the order is at least €60.00 or £50.00."
    assert describe_offer(document, "EUR") == sentence


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])
@given(carts(), OFFERS, FACTS, PROFILES)
def test_an_offer_applies_only_in_the_currencies_of_its_amounts(cart, document, facts, profile):
    currencies = list_currencies(document, get_default_currency(document, "EUR"))
    decision = quote(cart, eligible_offer(1, document, currency="EUR"))
    assume(currencies is not None and cart.currency not in currencies)

    assert [rejection.code for rejection in decision.rejected] == ["currency_mismatch"]
