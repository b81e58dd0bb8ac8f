# ruff: noqa: E501  (a row of a table is one line)
"""Groups and tiers. Amounts are calculated by hand."""

from __future__ import annotations

import pytest

from tests.pricing.builders import cart, line, off, offer, quote


def groups(size, **more):
    return {"kind": "groups", "size": size, **more}


def then(**more):
    return {"then": more}


def tiers(basis, unit, *steps, **more):
    return {"kind": "tiers", "basis": basis, "unit": unit, "tiers": [{"from": a, "value": v} for a, v in steps], **more}


SEVEN = [
    line("a", "10.00"),
    line("b", "20.00"),
    line("c", "30.00"),
    line("d", "40.00"),
    line("e", "50.00"),
    line("f", "60.00"),
    line("g", "70.00"),
]

GROUPS = {
    # cheapest first: (10,20,30), (40,50,60); 70 is left over
    "50% off each group of three, cheapest first": (SEVEN, groups(3, percent=50), {"a": "5.00", "b": "10.00", "c": "15.00", "d": "20.00", "e": "25.00", "f": "30.00"}),
    # dearest first: (70,60,50), (40,30,20); 10 is left over
    "dearest first leaves out the cheapest": (SEVEN, groups(3, fill="dearest", percent=50), {"b": "10.00", "c": "15.00", "d": "20.00", "e": "25.00", "f": "30.00", "g": "35.00"}),
    "one group only": (SEVEN, groups(3, count=1, percent=50), {"a": "5.00", "b": "10.00", "c": "15.00"}),
    # 12.00 by 10:20:30 and by 40:50:60 = 3.20, 4.00, 4.80
    "12.00 off each group": (SEVEN, groups(3, amount="12.00"), {"a": "2.00", "b": "4.00", "c": "6.00", "d": "3.20", "e": "4.00", "f": "4.80"}),
    "each unit of a group costs 25.00": (SEVEN, groups(3, unit_price="25.00"), {"c": "5.00", "d": "15.00", "e": "25.00", "f": "35.00"}),
    # (10+20+30) = 60 -> 54: 6 by 1:2:3; (40+50+60) = 150 -> 54: 96 by 4:5:6
    "each group costs 54.00": (SEVEN, groups(3, group_price="54.00"), {"a": "1.00", "b": "2.00", "c": "3.00", "d": "25.60", "e": "32.00", "f": "38.40"}),
    "a group that costs less stays as it is": (SEVEN, groups(3, group_price="60.00", count=1), {}),
    "too few units, no group": (SEVEN[:2], groups(3, percent=50), {}),
    "one line of seven makes two groups of three": ([line("a", "10.00", 7)], groups(3, percent=50), {"a": "30.00"}),
    # 10% of 0.99 x 3 = 0.297 -> 0.30 per group, two groups
    "a percentage is rounded once a group": ([line("a", "0.99", 6)], groups(3, percent=10), {"a": "0.60"}),
    # 1.00 off each group of three at 1.11: 0.33 1/3 a unit, two groups
    "an amount off each of two groups of one line": ([line("a", "1.11", 6)], groups(3, amount="1.00"), {"a": "2.00"}),
    "an amount above a group takes the group": ([line("a", "1.00", 4)], groups(2, amount="5.00"), {"a": "4.00"}),
    "groups of units, not of lines": ([line("a", "10.00", 2), line("b", "20.00")], groups(3, group_price="30.00"), {"a": "5.00", "b": "5.00"}),
    "a line that may not be discounted fills no group": ([line("a", "10.00", 2), line("b", "20.00", discountable=False)], groups(3, percent=50), {}),
    "no more than four units are grouped": (SEVEN, groups(2, percent=50, max_units=4), {"a": "5.00", "b": "10.00", "c": "15.00", "d": "20.00"}),
    # (10,20,30): the cheapest is 10; (40,50,60): 40
    "the cheapest of each group of three is free": (SEVEN, groups(3, **then(pick="cheapest", nth=1, percent=100)), {"a": "10.00", "d": "40.00"}),
    "the dearest of each group is half price": (SEVEN, groups(3, **then(pick="dearest", nth=1, percent=50)), {"c": "15.00", "f": "30.00"}),
    "the second cheapest of each group costs 15.00": (SEVEN, groups(3, **then(pick="cheapest", nth=2, unit_price="15.00")), {"b": "5.00", "e": "35.00"}),
    "the third cheapest of each group: 12.00 off": (SEVEN, groups(3, **then(pick="cheapest", nth=3, amount="12.00")), {"c": "12.00", "f": "12.00"}),
    # dearest first: (70,60,50), (40,30,20): cheapest of each 50 and 20
    "filled dearest first, the free units cost more": (SEVEN, groups(3, fill="dearest", **then(pick="cheapest", nth=1, percent=100)), {"b": "20.00", "e": "50.00"}),
    # two groups, six units in a row: the first share is the two cheapest of all
    "across groups: the cheapest two of all six": (SEVEN, groups(3, **then(pick="cheapest", nth=1, scope="across_groups", percent=100)), {"a": "10.00", "b": "20.00"}),
    "across groups: the dearest two of all six": (SEVEN, groups(3, **then(pick="dearest", nth=1, scope="across_groups", percent=100)), {"e": "50.00", "f": "60.00"}),
    "across groups: the second share of two": (SEVEN, groups(3, **then(pick="cheapest", nth=2, scope="across_groups", percent=100)), {"c": "30.00", "d": "40.00"}),
    "no more than one use": (SEVEN, groups(3, **then(pick="cheapest", nth=1, percent=100, max_uses=1)), {"a": "10.00"}),
    "across groups no more than one use": (SEVEN, groups(3, **then(pick="dearest", nth=1, scope="across_groups", percent=100, max_uses=1)), {"f": "60.00"}),
    "third at half price in one line of seven": ([line("a", "9.99", 7)], groups(3, **then(pick="cheapest", nth=1, percent=50)), {"a": "10.00"}),
}  # fmt: skip

PERCENT_BY_AMOUNT = [("50.00", 5), ("100.00", 10), ("200.00", 20)]
TIERS = {
    "below the first tier nothing": ([line("a", "49.99")], tiers("order_amount", "percent", *PERCENT_BY_AMOUNT), {}),
    "below the first tier the base": ([line("a", "40.00")], tiers("order_amount", "percent", *PERCENT_BY_AMOUNT, base=2), {"a": "0.80"}),
    "exactly at a tier": ([line("a", "50.00")], tiers("order_amount", "percent", *PERCENT_BY_AMOUNT), {"a": "2.50"}),
    "one cent below the next": ([line("a", "99.99")], tiers("order_amount", "percent", *PERCENT_BY_AMOUNT), {"a": "5.00"}),
    "the highest tier reached is for everything": ([line("a", "250.00")], tiers("order_amount", "percent", *PERCENT_BY_AMOUNT), {"a": "50.00"}),
    "the order's tier counts all lines": ([line("a", "60.00"), line("b", "40.00")], tiers("order_amount", "percent", *PERCENT_BY_AMOUNT), {"a": "6.00", "b": "4.00"}),
    "an amount by tier is shared": ([line("a", "60.00"), line("b", "40.00")], tiers("order_amount", "amount", ("100.00", "15.00")), {"a": "9.00", "b": "6.00"}),
    "an amount below the first tier": ([line("a", "60.00")], tiers("order_amount", "amount", ("100.00", "15.00"), base="1.50"), {"a": "1.50"}),
    "by line each has its own tier": ([line("a", "60.00"), line("b", "100.00"), line("c", "10.00")], tiers("line_amount", "percent", *PERCENT_BY_AMOUNT), {"a": "3.00", "b": "10.00"}),
    "by line the line's amount counts, not the unit's": ([line("a", "25.00", 4)], tiers("line_amount", "percent", *PERCENT_BY_AMOUNT), {"a": "10.00"}),
    "by line an amount": ([line("a", "60.00"), line("b", "100.00")], tiers("line_amount", "amount", ("50.00", "4.00"), ("100.00", "9.00")), {"a": "4.00", "b": "9.00"}),
    "by quantity": ([line("a", "10.00", 2), line("b", "10.00", 3)], tiers("eligible_quantity", "percent", (3, 10), (5, 20)), {"a": "4.00", "b": "6.00"}),
    "only eligible units count": ([line("a", "10.00", 2), line("b", "10.00", 3)], tiers("eligible_quantity", "percent", (3, 10), (5, 20), select={"skus": ["b"]}), {"b": "3.00"}),
    "what may not be discounted is not eligible": ([line("a", "10.00", 2), line("b", "10.00", 3, discountable=False)], tiers("eligible_quantity", "percent", (2, 10), (5, 20)), {"a": "2.00"}),
    "by quantity, an amount off each unit": ([line("a", "10.00", 6)], tiers("eligible_quantity", "amount", (5, "1.00"), on="unit"), {"a": "6.00"}),
    "by quantity, an amount off the order": ([line("a", "10.00", 6)], tiers("eligible_quantity", "amount", (5, "1.00")), {"a": "1.00"}),
    "a tier with a cap": ([line("a", "250.00")], tiers("order_amount", "percent", *PERCENT_BY_AMOUNT, max_discount="30.00"), {"a": "30.00"}),
    "a tier of nothing": ([line("a", "250.00")], tiers("order_amount", "percent", ("50.00", 5), ("100.00", 0)), {}),
}  # fmt: skip

ALL = GROUPS | TIERS


@pytest.mark.parametrize(("lines", "benefit", "expected"), ALL.values(), ids=ALL.keys())
def test_group_and_tier_discounts(lines, benefit, expected):
    assert off(quote(cart(*lines), offer(benefit))) == expected


def test_tiers_can_apply_to_shipping():
    bag = cart(line("a", "60.00"), shipping="8.00")
    benefit = tiers("order_amount", "percent", ("50.00", 50), on="shipping")

    assert off(quote(bag, offer(benefit))) == {"ship": "4.00"}
