# ruff: noqa: E501  (a row of a table is one line)
"""The document of an offer is read strictly, and every fault is told at once with its path."""

from __future__ import annotations

from decimal import Decimal

import pytest

from pricing import OfferInvalid, Profile, ProfileInvalid, dump_offer, dump_profile, parse_offer, parse_profile
from pricing.offer import Amount, Percent, Tiers

TEN = {"kind": "percent", "value": 10, "on": "order"}


def faults(document):
    with pytest.raises(OfferInvalid) as caught:
        parse_offer(document)
    return [(path, code) for path, code, _ in caught.value.errors]


def of_benefit(**benefit):
    return faults({"benefits": [benefit]})


def of_condition(**condition):
    return faults({"conditions": [condition], "benefits": [TEN]})


def test_what_is_absent_is_as_the_default_says():
    offer = parse_offer({"benefits": [{"kind": "percent", "value": "10"}]})

    assert dump_offer(offer) == {
        "conditions": [],
        "benefits": [{"kind": "percent", "value": "10", "on": "order"}],
        "combinable": True,
        "lane": 0,
        "priority": 0,
        "group": None,
        "exclusive": False,
        "max_applications": None,
    }


def test_null_is_as_absent():
    document = {
        "conditions": None,
        "benefits": [TEN | {"max_units": None, "select": None}],
        "group": None,
        "max_applications": None,
    }

    assert parse_offer(document) == parse_offer({"benefits": [TEN]})


def test_every_fault_is_told_at_once():
    document = {
        "conditions": [{"kind": "min_subtotal"}, {"kind": "moon"}],
        "benefits": [{"kind": "percent", "value": 0}, {"kind": "amount", "value": 5}, 7],
        "lane": 10,
        "color": "red",
    }

    assert faults(document) == [
        ("color", "unknown_field"),
        ("conditions.0.value", "required"),
        ("conditions.1.kind", "not_a_choice"),
        ("benefits.0.value", "out_of_range"),
        ("benefits.1.value", "wrong_type"),
        ("benefits.2", "wrong_type"),
        ("lane", "out_of_range"),
    ]


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        (None, [("", "wrong_type")]),
        ([], [("", "wrong_type")]),
        ({}, [("benefits", "required")]),
        ({"benefits": []}, [("benefits", "out_of_range")]),
        ({"benefits": [TEN] * 6}, [("benefits", "out_of_range")]),
        ({"benefits": TEN}, [("benefits", "wrong_type")]),
        ({"benefits": [TEN], "combinable": 1}, [("combinable", "wrong_type")]),
        ({"benefits": [TEN], "lane": True}, [("lane", "wrong_type")]),
        ({"benefits": [TEN], "lane": -1}, [("lane", "out_of_range")]),
        ({"benefits": [TEN], "priority": "high"}, [("priority", "wrong_type")]),
        ({"benefits": [TEN], "group": ""}, [("group", "out_of_range")]),
        ({"benefits": [TEN], "max_applications": 0}, [("max_applications", "out_of_range")]),
        ({"benefits": [{}]}, [("benefits.0.kind", "required")]),
        ({"benefits": [{"kind": ["percent"]}]}, [("benefits.0.kind", "not_a_choice")]),
        ({"benefits": [TEN], "conditions": [{"kind": {}}]}, [("conditions.0.kind", "not_a_choice")]),
    ],
)
def test_an_offer_that_is_none(document, expected):
    assert faults(document) == expected


@pytest.mark.parametrize("value", [10, "10", "12.5", "99.99", "100", 0.01, 12.5, "100.00", "5.000", Decimal("7.25")])
def test_percentages_that_are_some(value):
    (benefit,) = parse_offer({"benefits": [TEN | {"value": value}]}).benefits

    assert isinstance(benefit, Percent)
    assert benefit.value == Decimal(str(value))


@pytest.mark.parametrize(
    ("value", "code"),
    [(0, "out_of_range"), (100.01, "out_of_range"), (101, "out_of_range"), (-5, "out_of_range"), ("-5", "out_of_range"), ("0.00", "out_of_range"),
     ("12.345", "too_many_decimals"), (True, "wrong_type"), (None, "required"), ("ten", "invalid"), ("1e1", "invalid"), ([], "wrong_type"), (1e-7, "out_of_range"),
     (float("nan"), "out_of_range"), (float("inf"), "out_of_range"), ("\u0661\u0660", "invalid"), (" 10", "invalid")],
)  # fmt: skip
def test_percentages_that_are_none(value, code):
    assert of_benefit(kind="percent", value=value) == [("benefits.0.value", code)]


@pytest.mark.parametrize(
    ("value", "currency", "code"),
    [("5.001", "EUR", "too_many_decimals"), ("5.5", "JPY", "too_many_decimals"), ("5.0001", "KWD", "too_many_decimals"), ("0.00", "EUR", "out_of_range"),
     ("-5.00", "EUR", "invalid"), ("5,00", "EUR", "invalid"), ("NaN", "EUR", "invalid"), ("1E3", "EUR", "invalid"), ("", "EUR", "invalid"), (5, "EUR", "wrong_type"),
     (5.0, "EUR", "wrong_type"), (None, "EUR", "required"), ("9" * 13, "EUR", "invalid")],
)  # fmt: skip
def test_amounts_that_are_none(value, currency, code):
    assert of_benefit(kind="amount", value=value, currency=currency) == [("benefits.0.value", code)]


def test_an_amount_fits_its_currency():
    for value, currency in [("5.00", "EUR"), ("5", "EUR"), ("500", "JPY"), ("5.125", "KWD")]:
        (benefit,) = parse_offer({"benefits": [{"kind": "amount", "value": value, "currency": currency}]}).benefits
        assert isinstance(benefit, Amount)
        assert (benefit.value, benefit.narrow.currency) == (Decimal(value), currency)


def test_a_percentage_of_tiers_is_no_amount_of_the_currency():
    tiers = {
        "kind": "tiers",
        "basis": "order_amount",
        "unit": "percent",
        "currency": "JPY",
        "tiers": [{"from": "500", "value": "12.5"}],
    }

    (benefit,) = parse_offer({"benefits": [tiers]}).benefits

    assert isinstance(benefit, Tiers)
    assert [step.value for step in benefit.tiers] == [Decimal("12.5")]


@pytest.mark.parametrize("text", ["\ud800", "a\x00b", ""])
def test_texts_that_no_store_takes_are_refused(text):
    assert len(of_benefit(kind="gift", sku=text)) == 1


def test_the_caller_says_which_currencies_there_are():
    def only_euro(currency):
        return {"EUR": 2}[currency]

    with pytest.raises(OfferInvalid) as caught:
        parse_offer({"benefits": [{"kind": "amount", "value": "5.00", "currency": "XXX"}]}, currency_exponent=only_euro)

    assert [(path, code) for path, code, _ in caught.value.errors] == [("benefits.0.currency", "unknown_currency")]


@pytest.mark.parametrize(
    ("benefit", "expected"),
    [
        ({"kind": "percent", "value": 5, "on": "bundle"}, [("on", "not_a_choice")]),
        ({"kind": "percent", "value": 5, "each": True}, [("each", "not_allowed")]),
        ({"kind": "set_price", "value": "5.00", "on": "bundle"}, [("bundle_size", "invalid")]),
        ({"kind": "set_price", "value": "5.00", "bundle_size": 3}, [("bundle_size", "invalid")]),
        ({"kind": "set_price", "value": "5.00", "on": "bundle", "bundle_size": 0}, [("bundle_size", "out_of_range")]),
        ({"kind": "buy_get"}, [("buy", "required"), ("get", "required")]),
        ({"kind": "buy_get", "buy": {}, "get": {"quantity": 0}}, [("buy.quantity", "required"), ("get.quantity", "out_of_range")]),
        ({"kind": "buy_get", "buy": {"quantity": 1, "percent": 5}, "get": {"quantity": 1}}, [("buy.percent", "unknown_field")]),
        ({"kind": "groups", "size": 3, "then": {"nth": 1}}, [("then", "required")]),
        ({"kind": "groups", "size": 3, "percent": 5, "amount": "1.00"}, [("amount", "invalid")]),
        ({"kind": "groups", "size": 2, "then": {"nth": 3, "percent": 5}}, [("then.nth", "out_of_range")]),
        ({"kind": "groups", "size": 2, "then": {"percent": 5, "amount": "1.00"}}, [("then.amount", "invalid")]),
        ({"kind": "groups", "size": 2, "then": {"percent": 5, "scope": "everywhere"}}, [("then.scope", "not_a_choice")]),
        ({"kind": "tiers", "basis": "order_amount", "unit": "percent", "tiers": []}, [("tiers", "out_of_range")]),
        ({"kind": "tiers", "basis": "order_amount", "unit": "percent", "tiers": [{"from": "5.00", "value": 5}, {"from": "5.00", "value": 6}]}, [("tiers.1.from", "out_of_range")]),
        ({"kind": "tiers", "basis": "order_amount", "unit": "percent", "tiers": [{"from": 5, "value": 5}]}, [("tiers.0.from", "wrong_type")]),
        ({"kind": "tiers", "basis": "eligible_quantity", "unit": "percent", "tiers": [{"from": "5.00", "value": 5}]}, [("tiers.0.from", "wrong_type")]),
        ({"kind": "tiers", "basis": "order_amount", "unit": "percent", "tiers": [{"from": "5.00", "value": "101"}]}, [("tiers.0.value", "out_of_range")]),
        ({"kind": "tiers", "basis": "line_amount", "unit": "percent", "on": "order", "tiers": [{"from": "5.00", "value": 5}]}, [("on", "not_allowed")]),
        ({"kind": "tiers", "basis": "order_amount", "unit": "amount", "tiers": [{"from": "5.00", "value": 5}]}, [("tiers.0.value", "wrong_type")]),
        ({"kind": "tiers", "basis": "order_amount", "unit": "amount", "base": 1, "tiers": [{"from": "5.00", "value": "5.00"}]}, [("base", "wrong_type")]),
        ({"kind": "tiers", "basis": "order_amount", "unit": "percent", "base": "12.345", "tiers": [{"from": "5.00", "value": "5"}]}, [("base", "too_many_decimals")]),
        ({"kind": "unit_ladder", "first": "1.00"}, [("next", "required")]),
        ({"kind": "gift"}, [("sku", "required")]),
        ({"kind": "gift", "sku": "a", "quantity": 0}, [("quantity", "out_of_range")]),
        ({"kind": "percent", "value": 5, "select": {"sku": ["a"]}}, [("select.sku", "unknown_field")]),
        ({"kind": "percent", "value": 5, "select": {"skus": "a"}}, [("select.skus", "wrong_type")]),
        ({"kind": "percent", "value": 5, "select": {"skus": [1]}}, [("select.skus.0", "wrong_type")]),
        ({"kind": "percent", "value": 5, "select": {"unit_price_from": "5.00", "unit_price_to": "4.99"}}, [("select.unit_price_to", "out_of_range")]),
        ({"kind": "percent", "value": 5, "max_units": 0}, [("max_units", "out_of_range")]),
        ({"kind": "percent", "value": 5, "per": "unit"}, [("per", "not_a_choice")]),
        ({"kind": "percent", "value": 5, "pick": "random"}, [("pick", "not_a_choice")]),
        ({"kind": "percent", "value": 5, "max_discount": "0.00"}, [("max_discount", "out_of_range")]),
        ({"kind": "percent", "value": 5, "split": "evenly"}, [("split", "not_a_choice")]),
        ({"kind": "percent", "value": 5, "max_discount": "5.001", "currency": "EUR"}, [("max_discount", "too_many_decimals")]),
    ],
)  # fmt: skip
def test_benefits_that_are_none(benefit, expected):
    assert of_benefit(**benefit) == [(f"benefits.0.{path}", code) for path, code in expected]


def test_a_group_without_a_price_is_none():
    assert of_benefit(kind="groups", size=3) == [("benefits.0", "required")]


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ({"kind": "min_subtotal", "value": "5.00", "basis": "after"}, [("basis", "not_a_choice")]),
        ({"kind": "min_subtotal", "value": "5.001", "currency": "EUR"}, [("value", "too_many_decimals")]),
        ({"kind": "min_quantity", "value": 0}, [("value", "out_of_range")]),
        ({"kind": "min_quantity", "value": "3"}, [("value", "wrong_type")]),
        ({"kind": "contains"}, [("select", "required")]),
        ({"kind": "contains", "select": {}, "quantity": 0}, [("quantity", "out_of_range")]),
        ({"kind": "audience", "any": []}, [("any", "out_of_range")]),
        ({"kind": "audience"}, [("any", "required")]),
        ({"kind": "audience", "any": "vip"}, [("any", "wrong_type")]),
        ({"kind": "currency", "any": ["EURO"]}, [("any.0", "out_of_range")]),
        ({"kind": "country", "any": ["E1"]}, [("any.0", "invalid")]),
        ({"kind": "nth_order", "value": 0}, [("value", "out_of_range")]),
        ({"kind": "weekdays", "any": ["someday"]}, [("any.0", "not_a_choice")]),
        ({"kind": "weekdays", "any": [0]}, [("any.0", "not_a_choice")]),
        ({"kind": "hours", "from": "9:00", "to": "25:00"}, [("from", "invalid"), ("to", "invalid")]),
        ({"kind": "hours", "from": "09:00", "to": "09:00"}, [("to", "out_of_range")]),
        ({"kind": "hours", "from": "09:00"}, [("to", "required")]),
        ({"kind": "date_range"}, [("from", "required")]),
        ({"kind": "date_range", "from": "2026-02-30"}, [("from", "invalid")]),
        ({"kind": "date_range", "from": "2026-02-03", "to": "2026-02-02"}, [("to", "out_of_range")]),
        ({"kind": "date_range", "from": "2026-02-03T00:00:00"}, [("from", "invalid")]),
        ({"kind": "date_range", "from": "2026-02-03", "to": "2026-02-04T00:00:00Z"}, [("to", "invalid")]),
    ],
)
def test_conditions_that_are_none(condition, expected):
    assert of_condition(**condition) == [(f"conditions.0.{path}", code) for path, code in expected]


def test_a_minimum_quantity_may_be_spelt_quantity():
    spelt = parse_offer({"conditions": [{"kind": "min_quantity", "quantity": 3}], "benefits": [TEN]})

    assert spelt == parse_offer({"conditions": [{"kind": "min_quantity", "value": 3}], "benefits": [TEN]})


def test_a_profile_is_as_its_defaults_say():
    assert parse_profile({}) == Profile()
    assert parse_profile(dump_profile(Profile())) == Profile()


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        ({"rounding": "up"}, [("rounding", "not_a_choice")]),
        ({"round_on": 1}, [("round_on", "not_a_choice")]),
        ({"return_cancelled_uses": 1}, [("return_cancelled_uses", "not_a_choice")]),
        ({"mood": "good"}, [("mood", "unknown_field")]),
        ("half_up", [("", "wrong_type")]),
    ],
)
def test_a_profile_that_is_none(document, expected):
    with pytest.raises(ProfileInvalid) as caught:
        parse_profile(document)

    assert [(path, code) for path, code, _ in caught.value.errors] == expected
