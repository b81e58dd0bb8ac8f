# ruff: noqa: E501  (a row of a table is one line)
"""Options of a pricing profile. Amounts are calculated by hand."""

from __future__ import annotations

import pytest

from pricing import EligibleOffer
from tests.pricing.builders import amount, cart, line, off, offer, percent, quote, set_price

NICKEL = [line("a", "0.05")]  # 10% = 0.005; 30% = 0.015; 50% = 0.025
ROUNDING = {
    "half_up: 0.005 is 0.01": ("half_up", NICKEL, percent(10), {"a": "0.01"}),
    "half_down: 0.005 is 0.00": ("half_down", NICKEL, percent(10), {}),
    "half_even: 0.005 is 0.00": ("half_even", NICKEL, percent(10), {}),
    "half_even: 0.015 is 0.02": ("half_even", NICKEL, percent(30), {"a": "0.02"}),
    "half_even: 0.025 is 0.02": ("half_even", NICKEL, percent(50), {"a": "0.02"}),
    "half_up: 0.025 is 0.03": ("half_up", NICKEL, percent(50), {"a": "0.03"}),
    "half_down: 0.026 is 0.03": ("half_down", NICKEL, percent(52), {"a": "0.03"}),
    "down: 0.0495 is 0.04": ("down", NICKEL, percent(99), {"a": "0.04"}),
    "down: 9.999 is 9.99": ("down", [line("a", "99.99")], percent(10), {"a": "9.99"}),
}


@pytest.mark.parametrize(("rounding", "lines", "benefit", "expected"), ROUNDING.values(), ids=ROUNDING.keys())
def test_rounding(rounding, lines, benefit, expected):
    assert off(quote(cart(*lines), offer(benefit), profile={"rounding": rounding})) == expected


THIRDS = [line("a", "33.33"), line("b", "33.33"), line("c", "33.33")]
DOZEN = [line("a", "0.99", 12)]
ROUND_ON = {
    # 10% of 99.99 = 9.999
    "discount, on order: 10.00 once": ("discount", THIRDS, percent(10), {"a": "3.34", "b": "3.33", "c": "3.33"}),
    "discount, on line: 3.33 each": ("discount", THIRDS, percent(10, "line"), {"a": "3.33", "b": "3.33", "c": "3.33"}),
    # 90% of 0.05 = 0.045 is left, rounded up to 0.05: nothing comes off
    "price: the price left is rounded": ("price", NICKEL, percent(10), {}),
    # 66.67% of 9.99 = 6.660333 left 3.329667 -> 3.33; off 6.66
    "price: 66.67% of 9.99": ("price", [line("a", "9.99")], percent("66.67"), {"a": "6.66"}),
    "price, on each line": ("price", [line("a", "0.05"), line("b", "0.15")], percent(10, "line"), {"b": "0.01"}),
    # 10% of 0.99 = 0.099 -> 0.10 each
    "unit: twelve times 0.10": ("unit", DOZEN, percent(10), {"a": "1.20"}),
    # 10% of 11.88 = 1.188
    "discount: 1.19 once": ("discount", DOZEN, percent(10), {"a": "1.19"}),
    "line: 1.19 for the line": ("line", DOZEN, percent(10, "unit"), {"a": "1.19"}),
    "line: each line of the order": ("line", THIRDS, percent(10), {"a": "3.33", "b": "3.33", "c": "3.33"}),
    "order_discount: once although on line": ("order_discount", THIRDS, percent(10, "line"), {"a": "3.34", "b": "3.33", "c": "3.33"}),
    "order_discount: once although on unit": ("order_discount", DOZEN, percent(10, "unit"), {"a": "1.19"}),
    # groups of three at 2.97: 10% = 0.297 -> 0.30, four of them
    "discount, groups: once a group": ("discount", DOZEN, {"kind": "groups", "size": 3, "percent": 10}, {"a": "1.20"}),
    "order_discount, groups: once": ("order_discount", DOZEN, {"kind": "groups", "size": 3, "percent": 10}, {"a": "1.19"}),
    "line, groups: once a line": ("line", DOZEN, {"kind": "groups", "size": 3, "percent": 10}, {"a": "1.19"}),
    # 10% + 20% by line: 0.333 + 1.998 = 2.331
    "order_discount, tiers by line": ("order_discount", [line("a", "3.33"), line("b", "9.99")], {
        "kind": "tiers", "basis": "line_amount", "unit": "percent", "tiers": [{"from": "1.00", "value": 10}, {"from": "9.00", "value": 20}]},
        {"a": "0.33", "b": "2.00"}),
    # a: 5.00 wanted, 1.00 possible; 4.00 go to b
    "line: the amount above a floor goes to the next line": ("line", [line("a", "50.00", floor="49.00"), line("b", "50.00")], percent(10), {"a": "1.00", "b": "9.00"}),
    "amounts are never rounded": ("unit", THIRDS, amount("10.00"), {"a": "3.34", "b": "3.33", "c": "3.33"}),
}  # fmt: skip


@pytest.mark.parametrize(("round_on", "lines", "benefit", "expected"), ROUND_ON.values(), ids=ROUND_ON.keys())
def test_round_on(round_on, lines, benefit, expected):
    assert off(quote(cart(*lines), offer(benefit), profile={"round_on": round_on})) == expected


SEVEN = [line(name, "1.00") for name in "abcdefg"]
REMAINDER = {
    # 1.00 over seven: 0.14 each, two cents left
    "largest_fraction: a cent each to the first of equals": ("largest_fraction", SEVEN, amount("1.00"), {"a": "0.15", "b": "0.15", **dict.fromkeys("cdefg", "0.14")}),
    "first: both cents to the first": ("first", SEVEN, amount("1.00"), {"a": "0.16", **dict.fromkeys("bcdefg", "0.14")}),
    "last: both cents to the last": ("last", SEVEN, amount("1.00"), {"g": "0.16", **dict.fromkeys("abcdef", "0.14")}),
    # 1.00 by 10:20: 0.333 and 0.667
    "largest_fraction: .667 before .333": ("largest_fraction", [line("a", "10.00"), line("b", "20.00")], amount("1.00"), {"a": "0.33", "b": "0.67"}),
    "first: although its fraction is smaller": ("first", [line("a", "10.00"), line("b", "20.00")], amount("1.00"), {"a": "0.34", "b": "0.66"}),
    "last": ("last", [line("a", "10.00"), line("b", "20.00")], amount("1.00"), {"a": "0.33", "b": "0.67"}),
    # 0.02 by 1:1:1: 0 each, two cents left, a can be reduced by one cent only
    "first: on to the next when the first is full": ("first", [line("a", "1.00", floor="0.99"), line("b", "1.00"), line("c", "1.00")], amount("0.02"), {"a": "0.01", "b": "0.01"}),
}  # fmt: skip


@pytest.mark.parametrize(("remainder", "lines", "benefit", "expected"), REMAINDER.values(), ids=REMAINDER.keys())
def test_remainder(remainder, lines, benefit, expected):
    assert off(quote(cart(*lines), offer(benefit), profile={"remainder": remainder})) == expected


def test_running_percent_base_is_the_remaining_price():
    # 100.00 -> 90.00 -> 90% of 90.00 = 81.00
    assert quote(cart(line("a", "100.00")), offer(percent(10)), offer(percent(10))).total == 8100


def test_initial_percent_base_is_the_undiscounted_price():
    # 10.00 + 10.00
    initial = {"percent_base": "initial"}

    assert quote(cart(line("a", "100.00")), offer(percent(10)), offer(percent(10)), profile=initial).total == 8000
    assert (
        quote(cart(line("a", "100.00")), offer(percent(10)), offer(percent(10), lane=3), profile=initial).total == 8000
    )


def test_percentages_of_the_initial_price_stop_at_zero():
    initial = {"percent_base": "initial"}

    decision = quote(cart(line("a", "10.00")), offer(percent(60)), offer(percent(60)), profile=initial)

    assert decision.total == 0
    assert [discount.amount for discount in decision.applied] == [600, 400]


def test_initial_percent_base_applies_to_units_and_shipping():
    initial = {"percent_base": "initial"}
    bag = cart(line("a", "10.00", 2), shipping="5.00")
    twice = [offer(percent(20, "unit"), percent(20, "shipping")) for _ in range(2)]

    assert off(quote(bag, *twice, profile=initial)) == {"a": "8.00", "ship": "2.00"}
    assert off(quote(bag, *twice)) == {"a": "7.20", "ship": "1.80"}


def test_all_or_nothing_rejects_an_offer_over_budget():
    ten = EligibleOffer("p", "promotion", "", offer(percent(10)), budget_left=999)
    enough = EligibleOffer("p", "promotion", "", offer(percent(10)), budget_left=1000)
    bag = cart(line("a", "100.00"))

    assert [rejection.code for rejection in quote(bag, ten).rejected] == ["budget_exhausted"]
    assert quote(bag, ten).total == 10000
    assert quote(bag, enough).total == 9000


def test_partial_applies_the_remaining_budget():
    # 20.00 wanted of two lines 30:70, 5.00 left
    partial = {"budget_overrun": "partial"}
    twenty = EligibleOffer("p", "promotion", "", offer(percent(20)), budget_left=500)

    assert off(quote(cart(line("a", "30.00"), line("b", "70.00")), twenty, profile=partial)) == {
        "a": "1.50",
        "b": "3.50",
    }


def test_partial_budget_covers_all_benefits_of_an_offer():
    # 3.00 off the order, then 1.00 of the 4.00 off shipping
    partial = {"budget_overrun": "partial"}
    both = offer(amount("3.00"), set_price("0.00", "shipping"))
    bag = cart(line("a", "30.00"), shipping="4.00")

    assert off(quote(bag, EligibleOffer("p", "promotion", "", both, budget_left=400), profile=partial)) == {
        "a": "3.00",
        "ship": "1.00",
    }


@pytest.mark.parametrize("overrun", ["all_or_nothing", "partial"])
def test_empty_budget_rejects_the_offer(overrun):
    spent = EligibleOffer("p", "promotion", "", offer(percent(20)), budget_left=0)

    decision = quote(cart(line("a", "30.00")), spent, profile={"budget_overrun": overrun})

    assert [rejection.code for rejection in decision.rejected] == ["budget_exhausted"]
