# ruff: noqa: E501  (a row of a table is one line)
"""Set prices, bundles, buy-and-get and unit ladders. Amounts are calculated by hand."""

from __future__ import annotations

import pytest

from tests.pricing.builders import cart, line, off, offer, quote, set_price


def buy_get(buy, get, percent=100, *, buy_select=None, get_select=None, **more):
    bought = {"quantity": buy} | ({"select": buy_select} if buy_select else {})
    given = {"quantity": get, "percent": percent} | ({"select": get_select} if get_select else {})
    return {"kind": "buy_get", "buy": bought, "get": given, **more}


def unit_ladder(first, next_, **more):
    return {"kind": "unit_ladder", "first": first, "next": next_, **more}


SIX = [
    line("a", "10.00"),
    line("b", "20.00"),
    line("c", "30.00"),
    line("d", "40.00"),
    line("e", "50.00"),
    line("f", "60.00"),
]
MUGS_AND_TEAS = [line("mug", "8.00", 4), line("tea", "3.00", 3)]
MUG, TEA = {"skus": ["mug"]}, {"skus": ["tea"]}

SET_PRICES = {
    # 100.00 -> 75.00: 25.00 off by 30:70
    "the order costs 75.00": ([line("a", "30.00"), line("b", "70.00")], set_price("75.00"), {"a": "7.50", "b": "17.50"}),
    "an order that costs less stays": ([line("a", "30.00")], set_price("75.00"), {}),
    "the order costs nothing": ([line("a", "30.00"), line("b", "0.01")], set_price("0.00"), {"a": "30.00", "b": "0.01"}),
    "each unit costs 9.00": ([line("a", "10.00", 3), line("b", "8.00", 2)], set_price("9.00", "unit"), {"a": "3.00"}),
    "each unit costs 9.00, but a floor is 9.50": ([line("a", "10.00", 3, floor="9.50")], set_price("9.00", "unit"), {"a": "1.50"}),
    "each line costs 9.00 in total": ([line("a", "10.00", 3), line("b", "8.00")], set_price("9.00", "line"), {"a": "21.00"}),
    "the cheapest line costs 1.00": ([line("a", "10.00", 3), line("b", "8.00", 2)], set_price("1.00", "cheapest_line"), {"b": "15.00"}),
    # 3 x 4.00 = 12.00 -> 10.00
    "3 for 10.00 on three at 4.00": ([line("a", "4.00", 3)], set_price("10.00", "bundle", bundle_size=3), {"a": "2.00"}),
    "3 for 10.00 on seven at 4.00: two bundles, one unit left over": ([line("a", "4.00", 7)], set_price("10.00", "bundle", bundle_size=3), {"a": "4.00"}),
    "3 for 10.00 on two gives nothing": ([line("a", "4.00", 2)], set_price("10.00", "bundle", bundle_size=3), {}),
    "3 for 10.00 on three at 3.00 stays 9.00": ([line("a", "3.00", 3)], set_price("10.00", "bundle", bundle_size=3), {}),
    # cheapest first: (2,3,4) = 9.00 does not cost more than 10.00, (5,6,7) = 18.00 is: 8.00 off by 5:6:7
    "only the bundles that get cheaper": (
        [line("a", "2.00"), line("b", "3.00"), line("c", "4.00"), line("d", "5.00"), line("e", "6.00"), line("f", "7.00")],
        set_price("10.00", "bundle", bundle_size=3), {"d": "2.22", "e": "2.67", "f": "3.11"}),
    # dearest first: (5,4) = 9.00 -> 6.00: 3.00 by 5:4 = 1.666, 1.333
    "dearest first": ([line("a", "1.00"), line("b", "4.00"), line("c", "5.00")],
        set_price("6.00", "bundle", bundle_size=2, pick="dearest"), {"b": "1.33", "c": "1.67"}),
    # a 4.00 + b 6.00 = 10.00 -> 7.50
    "a bundle of different lines": ([line("a", "4.00"), line("b", "6.00")], set_price("7.50", "bundle", bundle_size=2), {"a": "1.00", "b": "1.50"}),
    # 3 x 3.33 = 9.99 -> 7.00: 2.99 off one line
    "three at 3.33 for 7.00": ([line("a", "3.33", 3)], set_price("7.00", "bundle", bundle_size=3), {"a": "2.99"}),
    "no more than four units are bundled": ([line("a", "4.00", 9)], set_price("5.00", "bundle", bundle_size=2, max_units=4), {"a": "6.00"}),
}  # fmt: skip

BUY_GETS = {
    "buy 2 get 1 free, three alike": ([line("a", "10.00", 3)], buy_get(2, 1), {"a": "10.00"}),
    "buy 2 get 1 free, two alike: nothing": ([line("a", "10.00", 2)], buy_get(2, 1), {}),
    "buy 2 get 1 free, five alike: once": ([line("a", "10.00", 5)], buy_get(2, 1), {"a": "10.00"}),
    "buy 2 get 1 free, six alike: twice": ([line("a", "10.00", 6)], buy_get(2, 1), {"a": "20.00"}),
    "buy 2 get 1 free, six prices: the two cheapest of all": (SIX, buy_get(2, 1), {"a": "10.00", "b": "20.00"}),
    "buy 2 get 1, dearest": (SIX, buy_get(2, 1, pick="dearest"), {"e": "50.00", "f": "60.00"}),
    "buy 1 get 1 half price, four alike": ([line("a", "10.00", 4)], buy_get(1, 1, 50), {"a": "10.00"}),
    "buy 1 get 1 free, three alike: once": ([line("a", "10.00", 3)], buy_get(1, 1), {"a": "10.00"}),
    "buy 1 get 2 free, five alike: once": ([line("a", "10.00", 5)], buy_get(1, 2), {"a": "20.00"}),
    "buy 1 get 2 free, two alike: 1+1": ([line("a", "10.00", 2)], buy_get(1, 2), {"a": "10.00"}),
    "buy 3 get 2 free, nine alike: once": ([line("a", "10.00", 9)], buy_get(3, 2), {"a": "20.00"}),
    "without repeat only once": ([line("a", "10.00", 9)], buy_get(2, 1, repeat=False), {"a": "10.00"}),
    # 4 mugs buy two teas (2 mugs a tea)
    "buy 2 mugs get a tea": (MUGS_AND_TEAS, buy_get(2, 1, buy_select=MUG, get_select=TEA), {"tea": "6.00"}),
    # 4 mugs would earn 4 teas, there are three
    "buy 1 mug get a tea: as many as there are": (MUGS_AND_TEAS, buy_get(1, 1, buy_select=MUG, get_select=TEA), {"tea": "9.00"}),
    "buy 3 teas get a mug half price": (MUGS_AND_TEAS, buy_get(3, 1, 50, buy_select=TEA, get_select=MUG), {"mug": "4.00"}),
    # any 2 of 7 units buy a mug: k=2 needs 4 bought, two mugs given (7 - 2 >= 4); k=3 needs 6, one could be given
    "overlap: any 2 get a mug free": (MUGS_AND_TEAS, buy_get(2, 1, get_select=MUG), {"mug": "16.00"}),
    # 1 mug and 1 tea: the mug given leaves the tea as bought
    "overlap: any 1 gets a mug free": ([line("mug", "8.00"), line("tea", "3.00")], buy_get(1, 1, get_select=MUG), {"mug": "8.00"}),
    "overlap: a bought unit is not discounted": ([line("mug", "8.00")], buy_get(1, 1, get_select=MUG), {}),
    # buy 2 mugs or teas, get any: 2 mugs + 1 tea, the tea is free
    "the cheapest unit may be discounted although it could count as bought": ([line("mug", "8.00", 2), line("tea", "3.00")], buy_get(2, 1), {"tea": "3.00"}),
    # 33% of 3 x 0.99 = 0.9801 on one line, rounded once
    "a percentage on several discounted units of a line is rounded once": ([line("a", "0.99", 4)], buy_get(1, 3, 33), {"a": "0.98"}),
    "a line that may not be discounted counts as bought but is not free": (
        [line("card", "5.00", discountable=False), line("a", "20.00")], buy_get(1, 1), {"a": "20.00"}),
    "a floor limits the discount": ([line("a", "10.00", 3, floor="4.00")], buy_get(2, 1), {"a": "6.00"}),
    "free units are not discounted": ([line("a", "10.00", 2), line("b", "0.00")], buy_get(1, 1), {"a": "10.00"}),
    "at most one unit discounted": (SIX, buy_get(1, 1, max_units=1), {"a": "10.00"}),
    "a cap on the total discount": (SIX, buy_get(2, 1, max_discount="15.00"), {"a": "5.00", "b": "10.00"}),
    "the benefit's own select narrows both sides": (MUGS_AND_TEAS, buy_get(1, 1, select=TEA), {"tea": "3.00"}),
}  # fmt: skip

UNIT_LADDERS = {
    # 5.00 + 2 x 1.00
    "5.00 off the first, 1.00 off each further": ([line("a", "20.00", 3)], unit_ladder("5.00", "1.00"), {"a": "7.00"}),
    "each line starts again": ([line("a", "20.00", 3), line("b", "10.00")], unit_ladder("5.00", "1.00"), {"a": "7.00", "b": "5.00"}),
    "no more than two units of a line": ([line("a", "20.00", 5), line("b", "10.00", 5)], unit_ladder("5.00", "1.00", max_units=2), {"a": "6.00", "b": "6.00"}),
    "a unit is never below zero": ([line("a", "3.00", 3)], unit_ladder("5.00", "1.00"), {"a": "5.00"}),
    "nothing off the first": ([line("a", "20.00", 4)], unit_ladder("0.00", "2.00"), {"a": "6.00"}),
    "only the first": ([line("a", "20.00", 4)], unit_ladder("5.00", "0.00"), {"a": "5.00"}),
    "floors hold for each unit": ([line("a", "20.00", 3, floor="18.00")], unit_ladder("5.00", "1.00"), {"a": "4.00"}),
}  # fmt: skip

ALL = SET_PRICES | BUY_GETS | UNIT_LADDERS


@pytest.mark.parametrize(("lines", "benefit", "expected"), ALL.values(), ids=ALL.keys())
def test_discounts_by_line(lines, benefit, expected):
    assert off(quote(cart(*lines), offer(benefit))) == expected


APPLICATIONS = {
    "buy 2 get 1, once, nine alike": ([line("a", "10.00", 9)], buy_get(2, 1), 1, {"a": "10.00"}),
    "buy 2 get 1, twice, nine alike": ([line("a", "10.00", 9)], buy_get(2, 1), 2, {"a": "20.00"}),
    "buy 1 get 2, once, is two units": ([line("a", "10.00", 9)], buy_get(1, 2), 1, {"a": "20.00"}),
    "3 for 10.00, once": ([line("a", "4.00", 9)], set_price("10.00", "bundle", bundle_size=3), 1, {"a": "2.00"}),
    # (1,1) = 2.00 would not get cheaper and does not count
    "the one bundle is one that gets cheaper": (
        [line("a", "1.00", 2), line("b", "4.00", 4)], set_price("5.00", "bundle", bundle_size=2), 1, {"b": "3.00"}),
    "groups of two, once": ([line("a", "10.00", 6)], {"kind": "groups", "size": 2, "percent": 50}, 1, {"a": "10.00"}),
    "null repeats as often as the cart allows": ([line("a", "10.00", 9)], buy_get(2, 1), None, {"a": "30.00"}),
}  # fmt: skip


@pytest.mark.parametrize(("lines", "benefit", "most", "expected"), APPLICATIONS.values(), ids=APPLICATIONS.keys())
def test_max_applications_limits_repetition(lines, benefit, most, expected):
    assert off(quote(cart(*lines), offer(benefit, max_applications=most))) == expected


def test_max_applications_limits_units_to_the_contains_condition():
    # contains 2 mugs; four are there; once: two of them at half price
    condition = {"kind": "contains", "select": MUG, "quantity": 2}
    half = {"kind": "percent", "value": 50, "on": "unit", "select": MUG}

    assert off(quote(cart(*MUGS_AND_TEAS), offer(half, conditions=[condition], max_applications=1))) == {"mug": "8.00"}
    assert off(quote(cart(*MUGS_AND_TEAS), offer(half, conditions=[condition]))) == {"mug": "16.00"}


def test_order_discount_applies_once_however_often_its_condition_is_met():
    # a minimum is a threshold: 100.00 meets 50.00 twice, 5.00 comes off once
    five = {"kind": "amount", "value": "5.00", "on": "order"}
    minimum = {"kind": "min_subtotal", "value": "50.00"}

    assert off(quote(cart(line("a", "100.00")), offer(five, conditions=[minimum]))) == {"a": "5.00"}
    assert off(quote(cart(line("a", "100.00")), offer(five, conditions=[minimum], max_applications=1))) == {"a": "5.00"}


def test_profile_decides_which_units_are_free_unless_the_offer_does():
    dearest = {"free_units": "dearest"}

    assert off(quote(cart(*SIX), offer(buy_get(2, 1)), profile=dearest)) == {"e": "50.00", "f": "60.00"}
    assert off(quote(cart(*SIX), offer(buy_get(2, 1, pick="cheapest")), profile=dearest)) == {
        "a": "10.00",
        "b": "20.00",
    }
