# ruff: noqa: E501  (a row of a table is one line)
"""Descriptions of offers for people."""

from __future__ import annotations

import pytest
from babel.messages.pofile import read_po
from django.utils import translation
from hypothesis import HealthCheck, given, settings

from backoffice.base.descriptions import describe_offer
from pricing import parse_offer
from promoplatform.devserver.messages import catalog_of
from tests.platform import ROOT
from tests.pricing.builders import amount, percent, set_price
from tests.pricing.strategies import documents

SHOES = {"categories": ["shoes"]}
BUY_SHOES = {
    "kind": "buy_get", "buy": {"quantity": 2, "select": SHOES},
    "get": {"quantity": 1, "percent": 50, "select": {"categories": ["socks"]}},
}  # fmt: skip
BENEFITS = {
    "20% off the order.": percent(20),
    "12.5% off shoes, up to €50.00.": percent("12.50", select=SHOES, max_discount="50"),
    "€5.00 off each line.": amount("5", "line"),
    "€5.00 off each unit of shoes, on up to 1 unit per line, most expensive first.": amount("5", "unit", select=SHOES, max_units=1, per="line", pick="dearest"),
    "10% off the cheapest line of boots (excluding sale items).": percent(10, "cheapest_line", select={"categories": ["boots"], "skip_already_discounted": True}),
    "10% off items by billo (excluding a-1, from €5.00, up to €9.99).": percent(10, select={"brands": ["billo"], "exclude_skus": ["a-1"], "unit_price_from": "5", "unit_price_to": "9.99"}),
    "10% off a, b, c, d or 2 more, split by quantity.": percent(10, select={"skus": list("abcdef")}, split="quantity"),
    "Free shipping.": set_price("0", "shipping"),
    "Free shipping by post or courier.": set_price("0", "shipping", select={"shipping_ids": ["post", "courier"]}),
    "The order for €10.00.": set_price("10.00"),
    "Any 3 units of shoes for €100.00.": set_price("100", "bundle", bundle_size=3, select=SHOES),
    "Buy 2, get 1 more free.": {"kind": "buy_get", "buy": {"quantity": 2}, "get": {"quantity": 1}},
    "Buy 2 units of shoes, get 1 unit of socks 50% off, once per order.": {"kind": "buy_get", "buy": {"quantity": 2, "select": SHOES}, "get": {"quantity": 1, "percent": 50, "select": {"categories": ["socks"]}}, "repeat": False},
    "Every 3 units of shoes for €100.00 together, up to 2 times.": {"kind": "groups", "size": 3, "group_price": "100", "count": 2, "select": SHOES},
    "The most expensive of every 3 at 50% off, once.": {"kind": "groups", "size": 3, "then": {"pick": "dearest", "percent": 50, "max_uses": 1}},
    "The 2nd cheapest of every 3 (across all groups) free.": {"kind": "groups", "size": 3, "then": {"nth": 2, "percent": 100, "scope": "across_groups"}},
    "5% off from €50.00, 10% off from €1,000.00.": {"kind": "tiers", "basis": "order_amount", "unit": "percent", "tiers": [{"from": "50", "value": 5}, {"from": "1000", "value": 10}]},
    "€1.00 off below 3 units, €2.00 off from 3 units, on shoes.": {"kind": "tiers", "basis": "eligible_quantity", "unit": "amount", "base": "1.00", "tiers": [{"from": 3, "value": "2.00"}], "select": SHOES},
    "€3.00 off the first unit and €1.00 off each additional unit of shoes, per line.": {"kind": "unit_ladder", "first": "3", "next": "1", "select": SHOES},
    "1 unit of mug as a free gift.": {"kind": "gift", "sku": "mug"},
    "2 units of mug for €1.50 each.": {"kind": "gift", "sku": "mug", "quantity": 2, "price": "1.50"},
    "$5.00 off the order.": amount("5", currency="USD"),
    "€15.00 off the order, the rest stays on the code.": amount("15", keep_balance=True),
}  # fmt: skip
CONDITIONS = {
    "the order is at least €100.00": {"kind": "min_subtotal", "value": "100"},
    "the total of shoes is at most €1,000.00 after discounts": {"kind": "max_subtotal", "value": "1000", "basis": "running", "select": SHOES},
    "the order is exactly ¥500": {"kind": "subtotal_equals", "value": "500", "currency": "JPY"},
    "the cart has at least 1 unit": {"kind": "min_quantity", "value": 1},
    "a line has at least 2 units of shoes": {"kind": "min_line_quantity", "value": 2, "select": SHOES},
    "the cart contains 2 units of shoes": {"kind": "contains", "quantity": 2, "select": SHOES},
    "the customer is in new customers or vip": {"kind": "audience", "any": ["new_customers", "vip"]},
    "it is the customer's first order": {"kind": "nth_order", "value": 1},
    "it is the customer's 22nd order": {"kind": "nth_order", "value": 22},
    "the day is Monday or Tuesday": {"kind": "weekdays", "any": ["mon", "tue"]},
    "the country is ES": {"kind": "country", "any": ["ES"]},
    "the time is between 17:00 and 19:30": {"kind": "hours", "from": "17:00", "to": "19:30"},
    "the date is from 1 Dec 2026 to 24 Dec 2026": {"kind": "date_range", "from": "2026-12-01", "to": "2026-12-24"},
    "the date is 1 Dec 2026 or later": {"kind": "date_range", "from": "2026-12-01"},
    "the date is 1 Dec 2026, 07:00 UTC or earlier": {"kind": "date_range", "to": "2026-12-01T08:00:00+01:00"},
}  # fmt: skip
COMBINATIONS = {
    "": {},
    " Can't be combined with other offers.": {"exclusive": True},
    " Replaces other offers when it saves more.": {"combinable": False},
    " Only the best offer of group summer applies. Lane 2.": {"group": "summer", "lane": 2},
    " Applies once per order.": {"max_applications": 1},
    " Applies up to 3 times per order.": {"max_applications": 3},
}


@pytest.mark.parametrize(("text", "benefit"), BENEFITS.items())
def test_benefit_is_described(text, benefit):
    assert describe_offer(parse_offer({"benefits": [benefit]}), "EUR") == text


@pytest.mark.parametrize(("text", "condition"), CONDITIONS.items())
def test_condition_is_described(text, condition):
    offer = parse_offer({"benefits": [percent(10)], "conditions": [condition]})

    assert describe_offer(offer, "EUR") == f"10% off the order when {text}."


@pytest.mark.parametrize(("text", "keys"), COMBINATIONS.items())
def test_combination_is_described(text, keys):
    assert describe_offer(parse_offer({"benefits": [percent(10)], **keys}), "EUR") == f"10% off the order.{text}"


TRANSLATED = {
    "de": (
        "Beim Kauf von 2 Stück (shoes) gibt es 1 Stück (socks) mit 50 % Rabatt, wenn die Bestellung mindestens"
        " 1.000,00 € beträgt und es die 22. Bestellung des Kunden ist und der Tag nicht Samstag ist. Gilt einmal pro"
        " Bestellung."
    ),
    "es": (
        "Por la compra de 2 unidades de shoes, 1 unidad de socks con 50 % de descuento, cuando el pedido es de al menos"
        " 1.000,00 € y es el 22.º pedido del cliente y el día no es sábado. Se aplica una vez por pedido."
    ),
}


@pytest.mark.parametrize(("language", "text"), TRANSLATED.items())
def test_an_offer_is_described_in_the_active_language(language, text):
    offer = parse_offer(
        {
            "benefits": [BUY_SHOES],
            "conditions": [
                {"kind": "min_subtotal", "value": "1000"},
                {"kind": "nth_order", "value": 22},
                {"kind": "not", "condition": {"kind": "weekdays", "any": ["sat"]}},
            ],
            "max_applications": 1,
        }
    )

    with translation.override(language):
        assert describe_offer(offer, "EUR").replace("\xa0", " ") == text


@pytest.mark.parametrize("language", sorted(TRANSLATED))
def test_every_part_of_a_description_is_translated(language):
    with (ROOT / catalog_of(language)).open("rb") as file:
        parts = [message for message in read_po(file) if any("descriptions" in path for path, _ in message.locations)]

    assert len(parts) > 100
    assert [part.id for part in parts if part.fuzzy or not part.string] == []


def test_benefits_and_conditions_are_joined():
    offer = parse_offer(
        {
            "benefits": [percent(10, max_discount="5"), {"kind": "gift", "sku": "mug"}],
            "conditions": [{"kind": "min_quantity", "value": 2}, {"kind": "weekdays", "any": ["sat"]}],
        }
    )

    assert describe_offer(offer, "EUR") == (
        "10% off the order, up to €5.00; and 1 unit of mug as a free gift, "
        "when the cart has at least 2 units and the day is Saturday."
    )


@settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
@given(documents())
def test_every_offer_has_a_description(document):
    text = describe_offer(parse_offer(document), "EUR")

    assert text.endswith(".")
    assert "None" not in text
