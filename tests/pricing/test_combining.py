# ruff: noqa: E501  (a row of a table is one line)
"""How offers stand together: lanes, priority, groups, exclusivity, the best deal. Hand-worked."""

from __future__ import annotations

from itertools import permutations

import pytest

from pricing import EligibleOffer
from tests.pricing.builders import amount, cart, line, off, offer, percent, quote

HUNDRED = cart(line("a", "100.00"))
GIFT = {"kind": "gift", "sku": "sticker"}


def play(ref, benefit, *, order=0, **more):
    return EligibleOffer(ref, "promotion", ref, offer(benefit, **more), order=order)


def given(decision):
    return [(each.ref, each.amount) for each in decision.applied]


def refused(decision):
    return {each.ref: (each.code, each.members.get("with")) for each in decision.rejected}


CASES = {
    # 100 - 10% = 90, - 20% = 72
    "two percentages: each on what is left": ([play("a", percent(10)), play("b", percent(20))], [("a", 1000), ("b", 1800)]),
    # 100 - 5 = 95, - 10% = 85.50
    "the older first": ([play("p", percent(10), order=2), play("q", amount("5.00"), order=1)], [("q", 500), ("p", 950)]),
    "priority before age": ([play("p", percent(10), order=2, priority=1), play("q", amount("5.00"), order=1)], [("p", 1000), ("q", 500)]),
    "lanes before priority": ([play("p", percent(10), lane=1, priority=9), play("q", amount("5.00"), order=1)], [("q", 500), ("p", 950)]),
    "of one group the one that takes most off": ([play("p", percent(10), group="g"), play("q", amount("15.00"), group="g")], [("q", 1500)]),
    "two groups, one each": (
        [play("p", percent(10), group="g"), play("q", amount("15.00"), group="g"), play("r", amount("1.00"), group="h"), play("s", amount("2.00"), group="h")],
        [("q", 1500), ("s", 200)]),
    "of one group, equals: the first in the order of play": ([play("p", amount("5.00"), group="g", order=2), play("q", amount("5.00"), group="g", order=1)], [("q", 500)]),
    "a group beside an offer of no group": ([play("p", percent(10), group="g"), play("q", percent(20), group="g"), play("r", amount("1.00"), order=1)], [("q", 2000), ("r", 100)]),
    "a member that does not apply leaves the group to the other": (
        [play("p", percent(50), group="g", conditions=[{"kind": "min_subtotal", "value": "100.01"}]), play("q", percent(5), group="g")], [("q", 500)]),
    "exclusive stands alone though it is worse": ([play("p", percent(5), exclusive=True), play("q", percent(50))], [("p", 500)]),
    "of two exclusive ones the higher priority, though it is worse": ([play("p", percent(5), exclusive=True, priority=2), play("q", percent(50), exclusive=True, priority=1)], [("p", 500)]),
    "of two exclusive ones of a priority the older": ([play("p", percent(5), exclusive=True, order=1), play("q", percent(50), exclusive=True, order=2)], [("p", 500)]),
    "exclusive: priority counts, not the lane": ([play("p", percent(5), exclusive=True, priority=2, lane=5), play("q", percent(50), exclusive=True, priority=1)], [("p", 500)]),
    "an exclusive one that does not apply is no hindrance": (
        [play("p", percent(5), exclusive=True, conditions=[{"kind": "min_subtotal", "value": "100.01"}]), play("q", percent(50))], [("q", 5000)]),
    "an exclusive one that has nothing to give is no hindrance": ([play("p", percent(5, select={"skus": ["none"]}), exclusive=True), play("q", percent(50))], [("q", 5000)]),
    "an exclusive gift stands alone": ([play("p", GIFT, exclusive=True), play("q", percent(50))], [("p", 0)]),
    # alone 20.00; together 10% + 5.00 = 15.00
    "not combinable, when it is the better deal": ([play("p", percent(20), combinable=False), play("q", percent(10)), play("r", amount("5.00"), order=1)], [("p", 2000)]),
    # alone 14.00; together 15.00
    "not combinable, when the others are better": ([play("p", percent(14), combinable=False), play("q", percent(10)), play("r", amount("5.00"), order=1)], [("q", 1000), ("r", 500)]),
    "not combinable, only equally good: the others": ([play("p", percent(15), combinable=False), play("q", percent(10)), play("r", amount("5.00"), order=1)], [("q", 1000), ("r", 500)]),
    "of two that are not combinable the better": ([play("p", percent(14), combinable=False), play("q", percent(15), combinable=False)], [("q", 1500)]),
    "of two that are not combinable and equal the first": ([play("p", percent(14), combinable=False, order=2), play("q", percent(14), combinable=False, order=1)], [("q", 1400)]),
    "not combinable and alone in the cart": ([play("p", percent(14), combinable=False)], [("p", 1400)]),
    "equal money, more gifts": ([play("p", percent(10), combinable=False), play("q", GIFT), play("r", percent(10))], [("q", 0), ("r", 1000)]),
    # lane 0: 20% -> 80; then of the group 10% = 8.00 against 8.50
    "a group is settled by what it takes off in its place": (
        [play("e", percent(20)), play("p", percent(10), group="g", lane=1), play("q", amount("8.50"), group="g", lane=1)], [("e", 2000), ("q", 850)]),
    # p takes 10.00, but then r's running minimum of 95.00 fails (10.00 in all); q takes 5.00 and r 20.00
    "a smaller member may be the better deal": (
        [play("p", percent(10), group="g"), play("q", percent(5), group="g"),
         play("r", amount("20.00"), lane=1, conditions=[{"kind": "min_subtotal", "value": "95.00", "basis": "running"}])],
        [("q", 500), ("r", 2000)]),
}  # fmt: skip


@pytest.mark.parametrize(("offers", "expected"), CASES.values(), ids=CASES.keys())
def test_is_given(offers, expected):
    for order in permutations(offers):
        decision = quote(HUNDRED, *order)

        assert given(decision) == expected
        assert decision.total == 10000 - sum(each for _, each in expected)
        assert decision.method == "exact"


def test_who_stands_in_the_way_is_named():
    group = [
        play("p", percent(10), group="g"),
        play("q", amount("15.00"), group="g"),
        play("r", amount("1.00"), order=1),
    ]

    assert refused(quote(HUNDRED, *group)) == {"p": ("not_combinable", ["q"])}
    exclusive = [play("p", percent(5), exclusive=True), play("q", percent(50))]
    assert refused(quote(HUNDRED, *exclusive)) == {"q": ("not_combinable", ["p"])}
    alone = [play("p", percent(14), combinable=False), play("q", percent(10)), play("r", amount("5.00"), order=1)]
    assert refused(quote(HUNDRED, *alone)) == {"p": ("not_combinable", ["q", "r"])}


def test_one_that_would_give_nothing_anyway_is_told_so():
    decision = quote(HUNDRED, play("p", percent(5), exclusive=True), play("q", percent(5, select={"skus": ["none"]})))

    assert refused(decision) == {"q": ("no_eligible_lines", None)}


def test_the_second_of_two_that_leaves_nothing_is_told_so():
    decision = quote(HUNDRED, play("p", percent(100)), play("q", percent(5), order=1))

    assert given(decision) == [("p", 10000)]
    assert refused(decision) == {"q": ("no_eligible_lines", None)}


def test_many_groups_are_settled_by_the_bounded_rule_and_it_says_so():
    # ten groups of two make 1,024 choices; the members are independent, so the best of each group is the best of all
    offers = [play(f"{n}{m}", amount(f"0.{m}0"), group=f"g{n}") for n in range(10) for m in (1, 2)]

    decision = quote(HUNDRED, *offers)

    assert decision.method == "bounded"
    assert decision.discount_total == 10 * 20
    # nine groups are 512 choices
    assert quote(HUNDRED, *offers[:18]).method == "exact"


def test_free_shipping_stands_beside_an_order_discount():
    bag = cart(line("a", "100.00"), shipping="4.99")

    decision = quote(bag, play("p", percent(10)), play("s", percent(100, "shipping"), order=1))

    assert off(decision) == {"a": "10.00", "ship": "4.99"}
    assert decision.total == 9000
