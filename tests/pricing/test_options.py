"""Options that have no effect where they stand are refused, and the others have one."""

from typing import Any

import pytest

from backoffice.base.descriptions import describe_offer
from pricing import OfferInvalid, load_offer, parse_offer
from pricing.options import ALL_OPTIONS, OPTIONS
from tests.pricing.builders import cart, line, off, offer, percent, quote

BENEFITS: dict[str, dict[str, Any]] = {
    "percent": {"value": "10"},
    "amount": {"value": "5.00"},
    "set_price": {"value": "1.00"},
    "tiers": {"basis": "order_amount", "unit": "percent", "tiers": [{"from": "1.00", "value": 5}]},
    "buy_get": {"buy": {"quantity": 1}, "get": {"quantity": 1}},
    "groups": {"size": 2, "percent": 10},
    "unit_ladder": {"first": "1.00", "next": "0.50"},
    "gift": {"sku": "tea"},
}
VALUES = {
    "max_units": 2, "per": "line", "pick": "dearest", "only_complete_groups_of": 2, "max_discount": "1.00",
    "split": "quantity", "currency": "EUR", "each": True, "methods": "cheapest", "keep_balance": True,
    "select.skip_already_discounted": True, "select.unit_price_from": "1.00", "select.unit_price_to": "90.00",
}  # fmt: skip
KINDS_WITH_METHODS = ("percent", "amount", "set_price")


def document(kind, on, option):
    keys = {"kind": kind, **BENEFITS[kind]} | ({"on": on} if on else {})
    if on == "bundle":
        keys["bundle_size"] = 2
    if on == "line" and kind == "tiers":
        keys["basis"] = "line_amount"
    name, _, inner = option.partition(".")
    value = VALUES.get(option, ["a"])
    if kind == "gift" and option in ("per", "max_units"):
        keys |= {"per": "unit", "max_units": 2}
        return {"benefits": [keys]}
    return {"benefits": [keys | {name: {inner: value} if inner else value}]}


CASES = [
    (kind, on, option)
    for kind, on in OPTIONS
    for option in sorted(ALL_OPTIONS)
    if (option not in ("each", "methods") or kind in KINDS_WITH_METHODS)
    and (on != "bundle" or kind == "set_price")
    and (on != "cheapest_line" or kind != "tiers")
]


@pytest.mark.parametrize(("kind", "on", "option"), CASES)
def test_an_option_is_taken_where_it_has_an_effect_and_refused_elsewhere(kind, on, option):
    if option in OPTIONS[kind, on]:
        assert parse_offer(document(kind, on, option), currency="EUR").benefits
        return
    with pytest.raises(OfferInvalid) as caught:
        parse_offer(document(kind, on, option))
    code = "invalid" if option == "each" else "unknown_field"
    assert [(path, error) for path, error, _ in caught.value.errors] == [(f"benefits.0.{option}", code)]


ONE = {"quantity": 1}
OF_SHIPPING = {"quantity": 1, "select": {"shipping_ids": ["s"]}}


@pytest.mark.parametrize(
    ("part", "path"),
    [
        ({"conditions": [{"kind": "contains", **OF_SHIPPING}]}, "conditions.0.select.shipping_ids"),
        ({"conditions": [{"kind": "min_subtotal", "value": "1"} | OF_SHIPPING]}, "conditions.0.quantity"),
        (
            {"conditions": [{"kind": "min_subtotal", "value": "1", "select": {"shipping_ids": ["s"]}}]},
            "conditions.0.select.shipping_ids",
        ),
        ({"benefits": [{"kind": "buy_get", "buy": OF_SHIPPING, "get": ONE}]}, "benefits.0.buy.select.shipping_ids"),
        ({"benefits": [{"kind": "buy_get", "buy": ONE, "get": OF_SHIPPING}]}, "benefits.0.get.select.shipping_ids"),
        ({"benefits": [percent(100, on="shipping", each=True, methods="cheapest")]}, "benefits.0.each"),
    ],
)
def test_shipping_methods_restrict_only_benefits_on_shipping(part, path):
    with pytest.raises(OfferInvalid) as caught:
        parse_offer({"benefits": [percent(10)]} | part)

    assert [(name, code) for name, code, _ in caught.value.errors] == [(path, "unknown_field")]


def test_a_stored_offer_keeps_an_option_without_an_effect():
    stored = {"benefits": [percent(100, on="shipping", select={"skus": ["a"]})]}

    assert load_offer(stored).benefits[0].narrowing.select.skus == ("a",)


METHODS = {  # methods of 9.00 and 5.00, and what they save
    "all": (percent(100, on="shipping"), {"a": "9.00", "b": "5.00"}),
    "cheapest": (percent(100, on="shipping", methods="cheapest"), {"b": "5.00"}),
    "the difference": (percent(100, on="shipping", methods="credit_cheapest"), {"a": "5.00", "b": "5.00"}),
    "half of it": (percent(50, on="shipping", methods="credit_cheapest"), {"a": "2.50", "b": "2.50"}),
    "an amount": ({"kind": "amount", "value": "6.00", "on": "shipping", "methods": "cheapest"}, {"b": "5.00"}),
    "a price": (
        {"kind": "set_price", "value": "2.00", "on": "shipping", "methods": "credit_cheapest"},
        {"a": "3.00", "b": "3.00"},
    ),
    "a maximum": (percent(100, on="shipping", methods="cheapest", max_discount="1.00"), {"b": "1.00"}),
    "of the selected ones": (
        percent(100, on="shipping", methods="cheapest", select={"shipping_ids": ["a"]}),
        {"a": "9.00"},
    ),
    "none selected": (percent(100, on="shipping", methods="cheapest", select={"shipping_ids": ["x"]}), {}),
}


@pytest.mark.parametrize(("benefit", "discounts"), METHODS.values(), ids=METHODS.keys())
def test_the_cheapest_shipping_method_is_free_or_credited_to_the_others(benefit, discounts):
    assert off(quote(cart(line("mug", "50.00"), shipping={"a": "9.00", "b": "5.00"}), offer(benefit))) == discounts


def test_the_description_names_the_shipping_methods():
    texts = [
        describe_offer(offer(percent(100, on="shipping", methods=methods)), "EUR")
        for methods in ("cheapest", "credit_cheapest")
    ]

    assert texts == [
        "100% off the cheapest shipping method.",
        "100% off the cheapest shipping method, credited to every method.",
    ]
