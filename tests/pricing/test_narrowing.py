# ruff: noqa: E501  (a row of a table is one line)
"""Narrowing: which lines and units a benefit affects. Amounts are calculated by hand."""

from __future__ import annotations

import pytest

from tests.pricing.builders import amount, cart, line, off, offer, percent, quote

SHELF = [
    line("mug", "8.00", 4, categories=["kitchen"], brand="billo"),
    line("tea", "3.00", 3, categories=["food", "kitchen"], brand="cake"),
    line("pan", "30.00", 1, categories=["kitchen", "steel"], already_discounted=True),
]

SELECTS = {
    "skus": ({"skus": ["mug", "none"]}, {"mug": "3.20"}),
    "categories: any of them": ({"categories": ["food", "steel"]}, {"tea": "0.90", "pan": "3.00"}),
    "brands": ({"brands": ["cake"]}, {"tea": "0.90"}),
    "exclude_skus": ({"exclude_skus": ["mug"]}, {"tea": "0.90", "pan": "3.00"}),
    "exclude_categories": ({"exclude_categories": ["food"]}, {"mug": "3.20", "pan": "3.00"}),
    "an exclusion is stronger than an inclusion": ({"categories": ["kitchen"], "exclude_skus": ["pan"]}, {"mug": "3.20", "tea": "0.90"}),
    "unit_price_from, included": ({"unit_price_from": "8.00"}, {"mug": "3.20", "pan": "3.00"}),
    "unit_price_to, included": ({"unit_price_to": "8.00"}, {"mug": "3.20", "tea": "0.90"}),
    "both": ({"unit_price_from": "3.01", "unit_price_to": "29.99"}, {"mug": "3.20"}),
    "skip_already_discounted": ({"skip_already_discounted": True}, {"mug": "3.20", "tea": "0.90"}),
    "all keys must agree": ({"skus": ["mug"], "categories": ["food"]}, {}),
    "an empty select is everything": ({}, {"mug": "3.20", "tea": "0.90", "pan": "3.00"}),
}  # fmt: skip


@pytest.mark.parametrize(("select", "expected"), SELECTS.values(), ids=SELECTS.keys())
def test_select_matches_lines(select, expected):
    assert off(quote(cart(*SHELF), offer(percent(10, "line", select=select)))) == expected


def test_price_range_uses_undiscounted_prices():
    # lane 0 halves the pan to 15.00; lane 1 still sees a pan of 30.00
    half = offer(percent(50, select={"skus": ["pan"]}))
    expensive = offer(percent(10, select={"unit_price_from": "30.00"}), lane=1)

    assert off(quote(cart(*SHELF), half, expensive)) == {"pan": "16.50"}


UNITS = {
    "max_units: the cheapest first": (percent(50, max_units=4), {"tea": "4.50", "mug": "4.00"}),
    "max_units, dearest first": (percent(50, max_units=2, pick="dearest"), {"pan": "15.00", "mug": "4.00"}),
    "max_units of each line": (percent(50, max_units=2, per="line"), {"mug": "8.00", "tea": "3.00", "pan": "15.00"}),
    "max_units above what is there": (percent(50, max_units=99), {"mug": "16.00", "tea": "4.50", "pan": "15.00"}),
    # 8 units -> 6: three teas and three mugs
    "only complete groups of 3": (percent(50, only_complete_groups_of=3), {"tea": "4.50", "mug": "12.00"}),
    # lines of 4, 3, 1 -> 4, 2, 0
    "only complete groups of 2 of each line": (percent(50, only_complete_groups_of=2, per="line"), {"mug": "16.00", "tea": "3.00"}),
    # at most 5, of which 4 make complete pairs
    "max_units comes before complete groups": (percent(50, max_units=5, only_complete_groups_of=2), {"tea": "4.50", "mug": "4.00"}),
    "no complete group at all": (percent(50, only_complete_groups_of=9), {}),
    # three units: 3 x 3.00 = 9.00 shared 2.00: all teas
    "an amount on the order is shared by the units reached only": (amount("2.00", max_units=3), {"tea": "2.00"}),
    # 9.00 of teas and 8.00 of one mug: 1.70 by 9:8
    "by what the reached units are worth": (amount("1.70", max_units=4), {"tea": "0.90", "mug": "0.80"}),
    "an amount above what the reached units cost": (amount("50.00", max_units=4), {"tea": "9.00", "mug": "8.00"}),
    "1.00 off each of five units": (amount("1.00", "unit", max_units=5), {"tea": "3.00", "mug": "2.00"}),
    "a line counts once, with the units reached": (amount("1.00", "line", max_units=5), {"tea": "1.00", "mug": "1.00"}),
    # 1.00 each on 8 units = 8.00, capped at 4.00 by 4:3:1
    "a cap on amounts per unit": (amount("1.00", "unit", max_discount="4.00"), {"mug": "2.00", "tea": "1.50", "pan": "0.50"}),
}  # fmt: skip


@pytest.mark.parametrize(("benefit", "expected"), UNITS.values(), ids=UNITS.keys())
def test_narrowing_limits_the_affected_units(benefit, expected):
    assert off(quote(cart(*SHELF), offer(benefit))) == expected


def test_units_of_equal_price_are_picked_by_line_id():
    one = offer(percent(100, max_units=1))
    a, b = line("a", "5.00"), line("b", "5.00")

    assert off(quote(cart(a, b), one)) == off(quote(cart(b, a), one)) == {"a": "5.00"}


def test_units_at_their_floor_are_skipped():
    full = line("a", "5.00", floor="5.00")

    assert off(quote(cart(full, line("b", "9.00")), offer(percent(100, max_units=1)))) == {"b": "9.00"}


def test_later_lane_picks_units_by_the_discounted_prices():
    # b goes from 10.00 to 5.00 and is the cheapest then
    first = offer(amount("5.00", select={"skus": ["b"]}))
    second = offer(percent(100, max_units=1), lane=1)

    assert off(quote(cart(line("a", "8.00"), line("b", "10.00")), first, second)) == {"b": "10.00"}


def test_units_of_one_line_may_have_different_prices():
    # 10.00 off 3 x 10.00 is 3.34, 3.33, 3.33; the dearest unit left is 6.67
    first = offer(amount("10.00"))
    second = offer(percent(100, max_units=1, pick="dearest"), lane=1)

    decision = quote(cart(line("a", "10.00", 3)), first, second)

    assert [discount.amount for discount in decision.applied] == [1000, 667]
