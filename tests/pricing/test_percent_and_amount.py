"""Percentages and amounts: hand-worked sums. Each name says the rule and the arithmetic."""

from __future__ import annotations

import pytest

from tests.pricing.builders import amount, cart, line, off, offer, percent, quote

ONE = [line("a", "100.00")]
THREE_EQUAL = [line("a", "10.00"), line("b", "10.00"), line("c", "10.00")]
THIRDS = [line("a", "33.33"), line("b", "33.33"), line("c", "33.33")]
ODD = [line("a", "19.99"), line("b", "5.01", 3), line("c", "0.99", 2)]  # 19.99 + 15.03 + 1.98 = 37.00
FLOORED = [line("a", "50.00", floor="48.00"), line("b", "50.00")]

CASES = {
    "10% of 100.00 is 10.00": (ONE, percent(10), {"a": "10.00"}),
    "12.5% of 100.00 is 12.50": (ONE, percent("12.5"), {"a": "12.50"}),
    "33.33% of 100.00 is 33.33": (ONE, percent("33.33"), {"a": "33.33"}),
    "100% takes everything and leaves no cent": (ODD, percent(100), {"a": "19.99", "b": "15.03", "c": "1.98"}),
    "100% of three thirds leaves no cent": (THIRDS, percent(100), {"a": "33.33", "b": "33.33", "c": "33.33"}),
    # 10% of 99.99 = 9.999 -> 10.00; each third 3.33 1/3, one cent left: the first of equals
    "10% of three times 33.33 is 10.00 once, not 3 x 3.33": (
        THIRDS,
        percent(10),
        {"a": "3.34", "b": "3.33", "c": "3.33"},
    ),
    "10% on each line rounds each: 3 x 3.33 = 9.99": (
        THIRDS,
        percent(10, "line"),
        {"a": "3.33", "b": "3.33", "c": "3.33"},
    ),
    # 10% of 0.99 = 0.099 -> 0.10 per unit, two units
    "10% on each unit of 0.99 x 2 is 2 x 0.10": ([line("a", "0.99", 2)], percent(10, "unit"), {"a": "0.20"}),
    # 5% of 0.09 x 10: order 0.045 -> 0.05; unit 0.0045 -> 0.00
    "5% of ten units at 0.09 is 0.05 on the order": ([line("a", "0.09", 10)], percent(5), {"a": "0.05"}),
    "5% of 0.09 on a unit is nothing": ([line("a", "0.09", 10)], percent(5, "unit"), {}),
    # 10% of 37.00 = 3.70: 1.999 / 1.503 / 0.198 -> 1.99+1.50+0.19 = 3.68, two cents to .9 and .8
    "10% of 37.00 goes to the largest fractions": (ODD, percent(10), {"a": "2.00", "b": "1.50", "c": "0.20"}),
    "a half cent rounds up: 50% of 0.01": ([line("a", "0.01")], percent(50), {"a": "0.01"}),
    "a half cent rounds up: 10% of 0.05 is 0.01": ([line("a", "0.05")], percent(10), {"a": "0.01"}),
    "0.01% of 49.99 is 0.004999, nothing": ([line("a", "49.99")], percent("0.01"), {}),
    "0.01% of 50.00 is 0.005, a cent": ([line("a", "50.00")], percent("0.01"), {"a": "0.01"}),
    "percentage with cap: 20% of 100.00 is 20.00, capped at 15.00": (
        ONE,
        percent(20, max_discount="15.00"),
        {"a": "15.00"},
    ),
    "a cap that is not reached changes nothing": (ONE, percent(20, max_discount="20.01"), {"a": "20.00"}),
    # 50% of 30.00 = 15.00 capped at 10.00 over three equals: 3.33 1/3 each
    "a cap is shared like the discount": (
        THREE_EQUAL,
        percent(50, max_discount="10.00"),
        {"a": "3.34", "b": "3.33", "c": "3.33"},
    ),
    # on line: 5.00 each, 15.00 capped at 0.02 -> 2/3 cent each: two lines get one
    "a cap below the number of lines leaves some with nothing": (
        THREE_EQUAL,
        percent(50, "line", max_discount="0.02"),
        {"a": "0.01", "b": "0.01"},
    ),
    # 20% of 100.00 = 20.00: 10.00 each; a can be reduced by 2.00, so b takes 18.00
    "the amount above a floor goes to the other line (percent on order)": (
        FLOORED,
        percent(20),
        {"a": "2.00", "b": "18.00"},
    ),
    "on each line a floor only cuts": (FLOORED, percent(20, "line"), {"a": "2.00", "b": "10.00"}),
    "on each unit a floor only cuts": ([line("a", "10.00", 3, floor="9.50")], percent(20, "unit"), {"a": "1.50"}),
    "100% stops at the floors: 2.00 and 50.00": (FLOORED, percent(100), {"a": "2.00", "b": "50.00"}),
    "a floor above the price means no discount": (
        [line("a", "5.00", floor="9.00"), line("b", "5.00")],
        percent(50),
        {"b": "5.00"},
    ),
    # 5.00 of 15.00 -> 10.00 on b and 5.00 on c by value 10:5 would be 5.00 : 2.50
    "a line that may not be discounted does not count": (
        [line("a", "100.00", discountable=False), line("b", "10.00"), line("c", "5.00")],
        percent(50),
        {"b": "5.00", "c": "2.50"},
    ),
    "5.00 off 100.00": (ONE, amount("5.00"), {"a": "5.00"}),
    "an amount above the order takes the order only": (
        THREE_EQUAL,
        amount("99.00"),
        {"a": "10.00", "b": "10.00", "c": "10.00"},
    ),
    "10.00 over three equals: the odd cent to the first": (
        THREE_EQUAL,
        amount("10.00"),
        {"a": "3.34", "b": "3.33", "c": "3.33"},
    ),
    # 20.00 / 3 = 6.66 2/3: two cents left
    "20.00 over three equals: two odd cents": (THREE_EQUAL, amount("20.00"), {"a": "6.67", "b": "6.67", "c": "6.66"}),
    "0.01 over three equals goes to one line": (THREE_EQUAL, amount("0.01"), {"a": "0.01"}),
    # 10.00 by 30 : 70
    "an amount is shared by value": (
        [line("a", "30.00"), line("b", "70.00")],
        amount("10.00"),
        {"a": "3.00", "b": "7.00"},
    ),
    # quantity counts: 3 x 10.00 and 1 x 30.00 are worth the same
    "by value counts the total of a line": (
        [line("a", "10.00", 3), line("b", "30.00")],
        amount("10.00"),
        {"a": "5.00", "b": "5.00"},
    ),
    # quantity split: 3 units to 1
    "by quantity counts units": (
        [line("a", "10.00", 3), line("b", "30.00")],
        amount("10.00", split="quantity"),
        {"a": "7.50", "b": "2.50"},
    ),
    # by quantity 5.00 each, but b is worth 1.00 only: 4.00 go over to a
    "by quantity a cheap line is filled and the rest goes on": (
        [line("a", "50.00"), line("b", "1.00")],
        amount("10.00", split="quantity"),
        {"a": "9.00", "b": "1.00"},
    ),
    # 1999/3700 of 500 = 270.1, 1503/3700 = 203.1, 198/3700 = 26.76: one cent to c
    "5.00 of 37.00 by value": (ODD, amount("5.00"), {"a": "2.70", "b": "2.03", "c": "0.27"}),
    "an amount on each line": (ODD, amount("1.00", "line"), {"a": "1.00", "b": "1.00", "c": "1.00"}),
    "an amount on each line stops at zero: c has 1.98": (
        ODD,
        amount("2.50", "line"),
        {"a": "2.50", "b": "2.50", "c": "1.98"},
    ),
    "an amount on each unit": (ODD, amount("0.50", "unit"), {"a": "0.50", "b": "1.50", "c": "1.00"}),
    "an amount on each unit stops at zero: 2 x 0.99": (
        ODD,
        amount("2.00", "unit"),
        {"a": "2.00", "b": "6.00", "c": "1.98"},
    ),
    "an amount on each unit stops at the floor": (
        [line("a", "10.00", 4, floor="9.25")],
        amount("1.00", "unit"),
        {"a": "3.00"},
    ),
    # 10.00 of 100.00: 5.00 each; a can be reduced by 2.00
    "the amount above a floor goes to the other line (amount on order)": (
        FLOORED,
        amount("10.00"),
        {"a": "2.00", "b": "8.00"},
    ),
    # rooms 2.00 + 50.00
    "an amount above all limits stops at the limits": (FLOORED, amount("80.00"), {"a": "2.00", "b": "50.00"}),
    # 30.00 by 10:20:30 is 5/10/15; a may give 1, b 2 -> c 27
    "two floors: the rest goes to the third": (
        [line("a", "10.00", floor="9.00"), line("b", "20.00", floor="18.00"), line("c", "30.00")],
        amount("30.00"),
        {"a": "1.00", "b": "2.00", "c": "27.00"},
    ),
    # 12.00 over 10:10:20 -> 3/3/6; a can be reduced by 1: 2.00 more over b and c by 10:20: 0.66 2/3 and 1.33 1/3
    "the amount above a floor is split again by value": (
        [line("a", "10.00", floor="9.00"), line("b", "10.00"), line("c", "20.00")],
        amount("12.00"),
        {"a": "1.00", "b": "3.67", "c": "7.33"},
    ),
    "the cheapest line is the one with the lowest unit price": (
        [line("a", "5.00", 10), line("b", "8.00")],
        percent(50, "cheapest_line"),
        {"a": "25.00"},
    ),
    "of equally cheap lines the one with the lowest total": (
        [line("a", "5.00", 3), line("b", "5.00", 2)],
        percent(50, "cheapest_line"),
        {"b": "5.00"},
    ),
    "an amount off the cheapest line, no more than it costs": (
        [line("a", "5.00"), line("b", "80.00")],
        amount("7.00", "cheapest_line"),
        {"a": "5.00"},
    ),
    "one unit of the cheapest line": (
        [line("a", "5.00", 10), line("b", "8.00")],
        percent(50, "cheapest_line", max_units=1),
        {"a": "2.50"},
    ),
    "a cheapest line at its floor is skipped": (
        [line("a", "5.00", floor="5.00"), line("b", "8.00")],
        percent(50, "cheapest_line"),
        {"b": "4.00"},
    ),
    "natural order of ids breaks ties: l2 before l10": (
        [line("l10", "10.00"), line("l2", "10.00")],
        amount("0.01"),
        {"l2": "0.01"},
    ),
    "nothing comes off what is free": ([line("a", "0.00", 3)], percent(50), {}),
}


@pytest.mark.parametrize(("lines", "benefit", "expected"), CASES.values(), ids=CASES.keys())
def test_discounts_by_line(lines, benefit, expected):
    assert off(quote(cart(*lines), offer(benefit))) == expected


YEN_AND_DINAR = {
    "JPY has no decimals: 10% of 1,255 is 125.5, 126": ("JPY", [("a", "1255", 1)], percent(10), {"a": "126"}),
    "JPY: 100 over three equals": (
        "JPY",
        [("a", "300", 1), ("b", "300", 1), ("c", "300", 1)],
        amount("100"),
        {"a": "34", "b": "33", "c": "33"},
    ),
    "JPY: 3% of 10 is 0.3, nothing": ("JPY", [("a", "10", 1)], percent(3), {}),
    "KWD has three: 10% of 1.255 is 0.1255, 0.126": ("KWD", [("a", "1.255", 1)], percent(10), {"a": "0.126"}),
    "KWD: 1.000 over three equals": (
        "KWD",
        [("a", "5.000", 1), ("b", "5.000", 1), ("c", "5.000", 1)],
        amount("1.000"),
        {"a": "0.334", "b": "0.333", "c": "0.333"},
    ),
    "KWD: 0.005 on each of 7 units": ("KWD", [("a", "0.100", 7)], amount("0.005", "unit"), {"a": "0.035"}),
}


@pytest.mark.parametrize(("currency", "lines", "benefit", "expected"), YEN_AND_DINAR.values(), ids=YEN_AND_DINAR.keys())
def test_currencies_with_other_decimals(currency, lines, benefit, expected):
    bag = cart(*(line(name, each, n, currency=currency) for name, each, n in lines), currency=currency)

    assert off(quote(bag, offer(benefit)), currency) == expected


@pytest.mark.parametrize(
    ("currency", "benefit"),
    [
        ("JPY", amount("0.50")),
        ("JPY", percent(10, max_discount="9.99")),
        ("EUR", amount("5.00", currency="USD")),
        ("EUR", percent(10, max_discount="5.00", currency="USD")),
        ("EUR", amount("0.125")),
    ],
)
def test_amount_in_another_currency_is_a_currency_mismatch(currency, benefit):
    bag = cart(line("a", "1000", currency=currency), currency=currency)

    decision = quote(bag, offer(benefit))

    assert [each.code for each in decision.rejected] == ["currency_mismatch"]
    assert decision.discount_total == 0


def test_benefits_apply_in_order_to_the_remaining_price():
    # 100.00 - 10% = 90.00, - 5.00 = 85.00; the other way round 95.00 - 9.50 = 85.50
    assert quote(cart(*ONE), offer(percent(10), amount("5.00"))).total == 8500
    assert quote(cart(*ONE), offer(amount("5.00"), percent(10))).total == 8550


def test_empty_cart_with_shipping_is_priced():
    decision = quote(cart(shipping="4.99"), offer(percent(10)))

    assert (decision.subtotal, decision.total) == (0, 499)
    assert [each.code for each in decision.rejected] == ["no_eligible_lines"]
