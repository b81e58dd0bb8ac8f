# ruff: noqa: E501  (a row of a table is one line)
"""Strict parsing of offers and profiles: all errors are returned at once, each with its path."""

from __future__ import annotations

from decimal import Decimal

import pytest

from pricing import OfferInvalid, Profile, ProfileInvalid, dump_offer, dump_profile, parse_offer, parse_profile
from pricing.offer import Amount, Percent, Tiers

TEN = {"kind": "percent", "value": 10, "on": "order"}


def field_errors(document):
    with pytest.raises(OfferInvalid) as caught:
        parse_offer(document)
    return [(path, code) for path, code, _ in caught.value.errors]


def errors_of_benefit(**benefit):
    return field_errors({"benefits": [benefit]})


def errors_of_condition(**condition):
    return field_errors({"conditions": [condition], "benefits": [TEN]})


def test_missing_keys_get_their_default():
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


def test_null_counts_as_missing():
    document = {
        "conditions": None,
        "benefits": [TEN | {"max_units": None, "select": None}],
        "group": None,
        "max_applications": None,
    }

    assert parse_offer(document) == parse_offer({"benefits": [TEN]})


def test_all_errors_are_returned_at_once():
    document = {
        "conditions": [{"kind": "min_subtotal"}, {"kind": "moon"}],
        "benefits": [{"kind": "percent", "value": 0}, {"kind": "amount", "value": 5}, 7],
        "lane": 10,
        "color": "red",
    }

    assert field_errors(document) == [
        ("color", "unknown_field"),
        ("conditions.0.value", "required"),
        ("conditions.1.kind", "invalid_choice"),
        ("benefits.0.value", "min_value"),
        ("benefits.1.value", "invalid"),
        ("benefits.2", "invalid"),
        ("lane", "max_value"),
    ]


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        (None, [("", "invalid")]),
        ([], [("", "invalid")]),
        ({}, [("benefits", "required")]),
        ({"benefits": []}, [("benefits", "min_length")]),
        ({"benefits": [TEN] * 6}, [("benefits", "max_length")]),
        ({"benefits": TEN}, [("benefits", "invalid")]),
        ({"benefits": [TEN], "combinable": 1}, [("combinable", "invalid")]),
        ({"benefits": [TEN], "lane": True}, [("lane", "invalid")]),
        ({"benefits": [TEN], "lane": -1}, [("lane", "min_value")]),
        ({"benefits": [TEN], "priority": "high"}, [("priority", "invalid")]),
        ({"benefits": [TEN], "group": ""}, [("group", "blank")]),
        ({"benefits": [TEN], "group": "g" * 65}, [("group", "max_length")]),
        ({"benefits": [TEN], "max_applications": 0}, [("max_applications", "min_value")]),
        ({"benefits": [TEN], "max_applications": 1_000_001}, [("max_applications", "max_value")]),
        ({"benefits": [{}]}, [("benefits.0.kind", "required")]),
        ({"benefits": [{"kind": ["percent"]}]}, [("benefits.0.kind", "invalid_choice")]),
        ({"benefits": [TEN], "conditions": [{"kind": {}}]}, [("conditions.0.kind", "invalid_choice")]),
    ],
)
def test_invalid_offer(document, expected):
    assert field_errors(document) == expected


@pytest.mark.parametrize("value", [10, "10", "12.5", "99.99", "100", 0.01, 12.5, "100.00", "5.000", Decimal("7.25")])
def test_valid_percentage(value):
    (benefit,) = parse_offer({"benefits": [TEN | {"value": value}]}).benefits

    assert isinstance(benefit, Percent)
    assert benefit.value == Decimal(str(value))


@pytest.mark.parametrize(
    ("value", "code"),
    [(0, "min_value"), (100.01, "max_value"), (101, "max_value"), (-5, "min_value"), ("-5", "min_value"), ("0.00", "min_value"),
     ("12.345", "max_decimal_places"), (True, "invalid"), (None, "required"), ("ten", "invalid"), ("1e1", "invalid"), ([], "invalid"), (1e-7, "invalid"),
     (float("nan"), "invalid"), (float("inf"), "invalid"), ("\u0661\u0660", "invalid"), (" 10", "invalid")],
)  # fmt: skip
def test_invalid_percentage(value, code):
    assert errors_of_benefit(kind="percent", value=value) == [("benefits.0.value", code)]


@pytest.mark.parametrize(
    ("value", "currency", "code"),
    [("5.001", "EUR", "max_decimal_places"), ("5.5", "JPY", "max_decimal_places"), ("5.0001", "KWD", "max_decimal_places"), ("0.00", "EUR", "min_value"),
     ("-5.00", "EUR", "invalid"), ("5,00", "EUR", "invalid"), ("NaN", "EUR", "invalid"), ("1E3", "EUR", "invalid"), ("", "EUR", "invalid"), (5, "EUR", "invalid"),
     (5.0, "EUR", "invalid"), (None, "EUR", "required"), ("9" * 13, "EUR", "invalid")],
)  # fmt: skip
def test_invalid_amount(value, currency, code):
    assert errors_of_benefit(kind="amount", value=value, currency=currency) == [("benefits.0.value", code)]


def test_amount_may_use_the_decimals_of_its_currency():
    for value, currency in [("5.00", "EUR"), ("5", "EUR"), ("500", "JPY"), ("5.125", "KWD")]:
        (benefit,) = parse_offer({"benefits": [{"kind": "amount", "value": value, "currency": currency}]}).benefits
        assert isinstance(benefit, Amount)
        assert (benefit.value, benefit.narrowing.currency) == (Decimal(value), currency)


def test_percentages_of_tiers_ignore_the_decimals_of_the_currency():
    tiers = {
        "kind": "tiers",
        "basis": "order_amount",
        "unit": "percent",
        "currency": "JPY",
        "tiers": [{"from": "500", "value": "12.5"}],
    }

    (benefit,) = parse_offer({"benefits": [tiers]}).benefits

    assert isinstance(benefit, Tiers)
    assert [tier.value for tier in benefit.tiers] == [Decimal("12.5")]


@pytest.mark.parametrize("text", ["\ud800", "a\x00b", ""])
def test_text_that_cannot_be_stored_is_an_error(text):
    assert len(errors_of_benefit(kind="gift", sku=text)) == 1


def test_caller_decides_which_currencies_exist():
    def only_euro(currency):
        return {"EUR": 2}[currency]

    with pytest.raises(OfferInvalid) as caught:
        parse_offer({"benefits": [{"kind": "amount", "value": "5.00", "currency": "XXX"}]}, currency_exponent=only_euro)

    assert [(path, code) for path, code, _ in caught.value.errors] == [("benefits.0.currency", "unknown_currency")]


@pytest.mark.parametrize(
    ("benefit", "expected"),
    [
        ({"kind": "percent", "value": 5, "on": "bundle"}, [("on", "invalid_choice")]),
        ({"kind": "percent", "value": 5, "each": True}, [("each", "invalid")]),
        ({"kind": "set_price", "value": "5.00", "on": "bundle"}, [("bundle_size", "invalid")]),
        ({"kind": "set_price", "value": "5.00", "bundle_size": 3}, [("bundle_size", "invalid")]),
        ({"kind": "set_price", "value": "5.00", "on": "bundle", "bundle_size": 0}, [("bundle_size", "min_value")]),
        ({"kind": "buy_get"}, [("buy", "required"), ("get", "required")]),
        ({"kind": "buy_get", "buy": {}, "get": {"quantity": 0}}, [("buy.quantity", "required"), ("get.quantity", "min_value")]),
        ({"kind": "buy_get", "buy": {"quantity": 1, "percent": 5}, "get": {"quantity": 1}}, [("buy.percent", "unknown_field")]),
        ({"kind": "groups", "size": 3, "then": {"nth": 1}}, [("then", "required")]),
        ({"kind": "groups", "size": 3, "percent": 5, "amount": "1.00"}, [("amount", "invalid")]),
        ({"kind": "groups", "size": 2, "then": {"nth": 3, "percent": 5}}, [("then.nth", "max_value")]),
        ({"kind": "groups", "size": 2, "then": {"percent": 5, "amount": "1.00"}}, [("then.amount", "invalid")]),
        ({"kind": "groups", "size": 2, "then": {"percent": 5, "scope": "everywhere"}}, [("then.scope", "invalid_choice")]),
        ({"kind": "tiers", "basis": "order_amount", "unit": "percent", "tiers": []}, [("tiers", "min_length")]),
        ({"kind": "tiers", "basis": "order_amount", "unit": "percent", "tiers": [{"from": "5.00", "value": 5}, {"from": "5.00", "value": 6}]}, [("tiers.1.from", "invalid")]),
        ({"kind": "tiers", "basis": "order_amount", "unit": "percent", "tiers": [{"from": 5, "value": 5}]}, [("tiers.0.from", "invalid")]),
        ({"kind": "tiers", "basis": "eligible_quantity", "unit": "percent", "tiers": [{"from": "5.00", "value": 5}]}, [("tiers.0.from", "invalid")]),
        ({"kind": "tiers", "basis": "order_amount", "unit": "percent", "tiers": [{"from": "5.00", "value": "101"}]}, [("tiers.0.value", "max_value")]),
        ({"kind": "tiers", "basis": "line_amount", "unit": "percent", "on": "order", "tiers": [{"from": "5.00", "value": 5}]}, [("on", "invalid")]),
        ({"kind": "tiers", "basis": "order_amount", "unit": "amount", "tiers": [{"from": "5.00", "value": 5}]}, [("tiers.0.value", "invalid")]),
        ({"kind": "tiers", "basis": "order_amount", "unit": "amount", "base": 1, "tiers": [{"from": "5.00", "value": "5.00"}]}, [("base", "invalid")]),
        ({"kind": "tiers", "basis": "order_amount", "unit": "percent", "base": "12.345", "tiers": [{"from": "5.00", "value": "5"}]}, [("base", "max_decimal_places")]),
        ({"kind": "unit_ladder", "first": "1.00"}, [("next", "required")]),
        ({"kind": "gift"}, [("sku", "required")]),
        ({"kind": "gift", "sku": "a", "quantity": 0}, [("quantity", "min_value")]),
        ({"kind": "percent", "value": 5, "select": {"sku": ["a"]}}, [("select.sku", "unknown_field")]),
        ({"kind": "percent", "value": 5, "select": {"skus": "a"}}, [("select.skus", "invalid")]),
        ({"kind": "percent", "value": 5, "select": {"skus": [1]}}, [("select.skus.0", "invalid")]),
        ({"kind": "percent", "value": 5, "select": {"unit_price_from": "5.00", "unit_price_to": "4.99"}}, [("select.unit_price_to", "invalid")]),
        ({"kind": "percent", "value": 5, "max_units": 0}, [("max_units", "min_value")]),
        ({"kind": "percent", "value": 5, "per": "unit"}, [("per", "invalid_choice")]),
        ({"kind": "percent", "value": 5, "pick": "random"}, [("pick", "invalid_choice")]),
        ({"kind": "percent", "value": 5, "max_discount": "0.00"}, [("max_discount", "min_value")]),
        ({"kind": "percent", "value": 5, "split": "evenly"}, [("split", "invalid_choice")]),
        ({"kind": "percent", "value": 5, "max_discount": "5.001", "currency": "EUR"}, [("max_discount", "max_decimal_places")]),
    ],
)  # fmt: skip
def test_invalid_benefit(benefit, expected):
    assert errors_of_benefit(**benefit) == [(f"benefits.0.{path}", code) for path, code in expected]


def test_group_requires_a_price():
    assert errors_of_benefit(kind="groups", size=3) == [("benefits.0", "required")]


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ({"kind": "min_subtotal", "value": "5.00", "basis": "after"}, [("basis", "invalid_choice")]),
        ({"kind": "min_subtotal", "value": "5.001", "currency": "EUR"}, [("value", "max_decimal_places")]),
        ({"kind": "min_quantity", "value": 0}, [("value", "min_value")]),
        ({"kind": "min_quantity", "value": "3"}, [("value", "invalid")]),
        ({"kind": "contains"}, [("select", "required")]),
        ({"kind": "contains", "select": {}, "quantity": 0}, [("quantity", "min_value")]),
        ({"kind": "audience", "any": []}, [("any", "min_length")]),
        ({"kind": "audience"}, [("any", "required")]),
        ({"kind": "audience", "any": "vip"}, [("any", "invalid")]),
        ({"kind": "currency", "any": ["EURO"]}, [("any.0", "max_length")]),
        ({"kind": "country", "any": ["E1"]}, [("any.0", "invalid")]),
        ({"kind": "nth_order", "value": 0}, [("value", "min_value")]),
        ({"kind": "weekdays", "any": ["someday"]}, [("any.0", "invalid_choice")]),
        ({"kind": "weekdays", "any": [0]}, [("any.0", "invalid_choice")]),
        ({"kind": "hours", "from": "9:00", "to": "25:00"}, [("from", "invalid"), ("to", "invalid")]),
        ({"kind": "hours", "from": "09:00", "to": "09:00"}, [("to", "invalid")]),
        ({"kind": "hours", "from": "09:00"}, [("to", "required")]),
        ({"kind": "date_range"}, [("from", "required")]),
        ({"kind": "date_range", "from": "2026-02-30"}, [("from", "invalid")]),
        ({"kind": "date_range", "from": "2026-02-03", "to": "2026-02-02"}, [("to", "invalid")]),
        ({"kind": "date_range", "from": "2026-02-03T00:00:00"}, [("from", "invalid")]),
        ({"kind": "date_range", "from": "2026-02-03", "to": "2026-02-04T00:00:00Z"}, [("to", "invalid")]),
    ],
)
def test_invalid_condition(condition, expected):
    assert errors_of_condition(**condition) == [(f"conditions.0.{path}", code) for path, code in expected]


def test_min_quantity_accepts_the_key_quantity():
    aliased = parse_offer({"conditions": [{"kind": "min_quantity", "quantity": 3}], "benefits": [TEN]})

    assert aliased == parse_offer({"conditions": [{"kind": "min_quantity", "value": 3}], "benefits": [TEN]})


def test_empty_profile_has_the_defaults():
    assert parse_profile({}) == Profile()
    assert parse_profile(dump_profile(Profile())) == Profile()


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        ({"rounding": "up"}, [("rounding", "invalid_choice")]),
        ({"round_on": 1}, [("round_on", "invalid_choice")]),
        ({"return_cancelled_uses": 1}, [("return_cancelled_uses", "invalid_choice")]),
        ({"color": "red"}, [("color", "unknown_field")]),
        ("half_up", [("", "invalid")]),
    ],
)
def test_invalid_profile(document, expected):
    with pytest.raises(ProfileInvalid) as caught:
        parse_profile(document)

    assert [(path, code) for path, code, _ in caught.value.errors] == expected
