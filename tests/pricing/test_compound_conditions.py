"""Conditions about what must not be, and alternatives."""

import pytest

from backoffice.base.descriptions import describe_offer
from pricing import Facts, OfferInvalid, dump_offer, parse_offer
from tests.pricing.builders import cart, line, offer, percent, quote

WHOLESALE = {"kind": "audience", "any": ["wholesale"]}
SPAIN = {"kind": "country", "any": ["ES"]}
MINIMUM = {"kind": "min_subtotal", "value": "40.00"}
BAG = cart(line("tea", "20.00", 2, categories=["food"]), line("mug", "10.00"), country="ES")


def negate(condition):
    return {"kind": "not", "condition": condition}


def any_of(*conditions):
    return {"kind": "any_of", "conditions": list(conditions)}


def outcome(condition, *, segments=(), bag=BAG):
    decision = quote(bag, offer(percent(10), conditions=[condition]), facts=Facts(frozenset(segments)))
    return decision.rejected[0].code if decision.rejected else decision.discount_total


@pytest.mark.parametrize(("segments", "expected"), [(["wholesale"], "condition_not_met"), (["vip"], 500), ([], 500)])
def test_a_customer_in_none_of_some_audiences_gets_the_offer(segments, expected):
    assert outcome(negate(WHOLESALE), segments=segments) == expected


CASES = {
    "none_of a category": ({"kind": "none_of", "select": {"categories": ["food"]}}, "condition_not_met"),
    "none_of a SKU": ({"kind": "none_of", "select": {"skus": ["pan", "mug"]}}, "condition_not_met"),
    "none_of an absent SKU": ({"kind": "none_of", "select": {"skus": ["pan"]}}, 500),
    "none_of by price": ({"kind": "none_of", "select": {"unit_price_from": "20.01"}}, 500),
    "at most three units": ({"kind": "max_quantity", "value": 3}, 500),
    "at most two units": ({"kind": "max_quantity", "value": 2}, "condition_not_met"),
    "at most one of the mugs": ({"kind": "max_quantity", "value": 1, "select": {"skus": ["mug"]}}, 500),
    "not in a country": (negate(SPAIN), "condition_not_met"),
    "not from an amount": (negate(MINIMUM), "condition_not_met"),
    "not from a higher amount": (negate(MINIMUM | {"value": "50.01"}), 500),
    "not on Wednesdays": (negate({"kind": "weekdays", "any": ["wed"]}), "outside_schedule"),
    "not in the morning": (negate({"kind": "hours", "from": "06:00", "to": "11:00"}), 500),
    "not none_of": (negate({"kind": "none_of", "select": {"skus": ["mug"]}}), 500),
    "not not": (negate(negate(SPAIN)), 500),
    "not a running amount": (negate(MINIMUM | {"basis": "running"}), "condition_not_met"),
    "the first of two": (any_of(SPAIN, WHOLESALE), 500),
    "the second of two": (any_of(WHOLESALE, SPAIN), 500),
    "neither of two": (any_of(WHOLESALE, negate(SPAIN)), "condition_not_met"),
    "none of them holds": (negate(any_of(WHOLESALE, negate(SPAIN))), 500),
    "nested": (any_of(WHOLESALE, any_of(WHOLESALE, any_of(WHOLESALE, SPAIN))), 500),
    "an amount in another currency": (negate(MINIMUM | {"currency": "USD"}), "currency_mismatch"),
    "an alternative in another currency": (any_of(SPAIN, MINIMUM | {"currency": "USD"}), "currency_mismatch"),
    "a value for other currencies": (negate(MINIMUM | {"value": {"GBP": "1.00"}}), "currency_mismatch"),
}


@pytest.mark.parametrize(("condition", "expected"), CASES.values(), ids=CASES.keys())
def test_a_condition_holds_or_rejects_the_offer(condition, expected):
    assert outcome(condition) == expected
    assert dump_offer(parse_offer({"benefits": [percent(10)], "conditions": [condition]}))["conditions"][0].keys()


DEEP = any_of(SPAIN, any_of(SPAIN, any_of(SPAIN, any_of(SPAIN, SPAIN))))
INVALID = {
    "one alternative": (any_of(SPAIN), "conditions", "min_length"),
    "eleven alternatives": (any_of(*[SPAIN] * 11), "conditions", "max_length"),
    "too deep": (DEEP, "conditions.1.conditions.1.conditions.1", "invalid"),
    "too many negations": (negate(negate(negate(negate(SPAIN)))), "condition.condition.condition", "invalid"),
    "no condition": ({"kind": "not"}, "condition", "required"),
    "an unknown kind": (negate({"kind": "moon"}), "condition.kind", "invalid_choice"),
    "an unknown key": (any_of(SPAIN, SPAIN | {"all": True}), "conditions.1.all", "unknown_field"),
    "a wrong value": (negate({"kind": "max_quantity", "value": 0}), "condition.value", "min_value"),
    "no products": ({"kind": "none_of", "select": {}}, "select", "required"),
    "shipping methods": (
        negate({"kind": "contains", "select": {"shipping_ids": ["s"]}}), "condition.select.shipping_ids",
        "unknown_field",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("condition", "path", "code"), INVALID.values(), ids=INVALID.keys())
def test_an_invalid_condition_is_refused_with_its_path(condition, path, code):
    with pytest.raises(OfferInvalid) as caught:
        parse_offer({"benefits": [percent(10)], "conditions": [SPAIN, condition]})

    assert [(name, error) for name, error, _ in caught.value.errors] == [(f"conditions.1.{path}", code)]


def test_a_very_deep_document_is_refused():
    condition = SPAIN
    for _ in range(400):
        condition = negate(condition)
    with pytest.raises(OfferInvalid):
        parse_offer({"benefits": [percent(10)], "conditions": [condition]})


def test_the_explanation_names_what_is_required_and_what_is_there():
    document = offer(percent(10), conditions=[any_of(WHOLESALE, negate(SPAIN)), {"kind": "max_quantity", "value": 2}])
    (explanation,) = quote(BAG, document, explain=True).explanations

    alternatives, units = explanation.conditions
    assert alternatives.required == [
        {"kind": "audience", "required": ["wholesale"]},
        {"kind": "not", "required": {"kind": "country", "required": ["ES"]}},
    ]
    assert (alternatives.actual, alternatives.passed) == ([[], ["ES"]], False)
    assert (units.required, units.actual, units.passed) == (2, 3, False)


SENTENCES = {
    "the customer is not in wholesale": negate(WHOLESALE),
    "the cart contains no food": {"kind": "none_of", "select": {"categories": ["food"]}},
    "the cart has at most 3 units of mug": {"kind": "max_quantity", "value": 3, "select": {"skus": ["mug"]}},
    "either the country is ES or the order is at least €40.00": any_of(SPAIN, MINIMUM),
    "it is not true that the order is at least €40.00": negate(MINIMUM),
}


@pytest.mark.parametrize(("text", "condition"), SENTENCES.items())
def test_the_description_names_the_condition(text, condition):
    assert describe_offer(offer(percent(10), conditions=[condition]), "EUR") == f"10% off the order when {text}."
