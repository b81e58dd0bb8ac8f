# ruff: noqa: E501  (a row of a table is one line)
"""Combining offers: lanes, priority, groups, exclusivity and the best deal. Amounts are calculated by hand."""

from __future__ import annotations

from itertools import permutations

import pytest

from pricing import EligibleOffer, OfferInvalid
from tests.pricing.builders import amount, cart, line, off, offer, percent, quote

HUNDRED = cart(line("a", "100.00"))
GIFT = {"kind": "gift", "sku": "sticker"}


def eligible(ref, benefit, *, order=0, **more):
    return EligibleOffer(ref, "promotion", ref, offer(benefit, **more), order=order)


def applied(decision):
    return [(discount.ref, discount.amount) for discount in decision.applied]


def rejected(decision):
    return {offer.ref: (offer.code, offer.members.get("with")) for offer in decision.rejected}


CASES = {
    # 100 - 10% = 90, - 20% = 72
    "two percentages: each on what is left": ([eligible("a", percent(10)), eligible("b", percent(20))], [("a", 1000), ("b", 1800)]),
    # 100 - 5 = 95, - 10% = 85.50
    "the older first": ([eligible("p", percent(10), order=2), eligible("q", amount("5.00"), order=1)], [("q", 500), ("p", 950)]),
    "priority before age": ([eligible("p", percent(10), order=2, priority=1), eligible("q", amount("5.00"), order=1)], [("p", 1000), ("q", 500)]),
    "lanes before priority": ([eligible("p", percent(10), lane=1, priority=9), eligible("q", amount("5.00"), order=1)], [("q", 500), ("p", 950)]),
    "of one group the offer with the largest discount": ([eligible("p", percent(10), group="g"), eligible("q", amount("15.00"), group="g")], [("q", 1500)]),
    "two groups, one each": (
        [eligible("p", percent(10), group="g"), eligible("q", amount("15.00"), group="g"), eligible("r", amount("1.00"), group="h"), eligible("s", amount("2.00"), group="h")],
        [("q", 1500), ("s", 200)]),
    "of one group, equals: the first in the order of evaluation": ([eligible("p", amount("5.00"), group="g", order=2), eligible("q", amount("5.00"), group="g", order=1)], [("q", 500)]),
    "a group beside an offer of no group": ([eligible("p", percent(10), group="g"), eligible("q", percent(20), group="g"), eligible("r", amount("1.00"), order=1)], [("q", 2000), ("r", 100)]),
    "a member that does not apply leaves the group to the other": (
        [eligible("p", percent(50), group="g", conditions=[{"kind": "min_subtotal", "value": "100.01"}]), eligible("q", percent(5), group="g")], [("q", 500)]),
    "an exclusive offer applies alone although it gives less": ([eligible("p", percent(5), exclusive=True), eligible("q", percent(50))], [("p", 500)]),
    "of two exclusive offers the higher priority, although it gives less": ([eligible("p", percent(5), exclusive=True, priority=2), eligible("q", percent(50), exclusive=True, priority=1)], [("p", 500)]),
    "of two exclusive offers of equal priority the older": ([eligible("p", percent(5), exclusive=True, order=1), eligible("q", percent(50), exclusive=True, order=2)], [("p", 500)]),
    "exclusive: priority counts, not the lane": ([eligible("p", percent(5), exclusive=True, priority=2, lane=5), eligible("q", percent(50), exclusive=True, priority=1)], [("p", 500)]),
    "an exclusive offer that does not apply blocks no other": (
        [eligible("p", percent(5), exclusive=True, conditions=[{"kind": "min_subtotal", "value": "100.01"}]), eligible("q", percent(50))], [("q", 5000)]),
    "an exclusive offer without a discount blocks no other": ([eligible("p", percent(5, select={"skus": ["none"]}), exclusive=True), eligible("q", percent(50))], [("q", 5000)]),
    "an exclusive gift applies alone": ([eligible("p", GIFT, exclusive=True), eligible("q", percent(50))], [("p", 0)]),
    # alone 20.00; together 10% + 5.00 = 15.00
    "not combinable, when it is the better deal": ([eligible("p", percent(20), combinable=False), eligible("q", percent(10)), eligible("r", amount("5.00"), order=1)], [("p", 2000)]),
    # alone 14.00; together 15.00
    "not combinable, when the others are better": ([eligible("p", percent(14), combinable=False), eligible("q", percent(10)), eligible("r", amount("5.00"), order=1)], [("q", 1000), ("r", 500)]),
    "not combinable, only equally good: the others": ([eligible("p", percent(15), combinable=False), eligible("q", percent(10)), eligible("r", amount("5.00"), order=1)], [("q", 1000), ("r", 500)]),
    "of two that are not combinable the better": ([eligible("p", percent(14), combinable=False), eligible("q", percent(15), combinable=False)], [("q", 1500)]),
    "of two that are not combinable and equal the first": ([eligible("p", percent(14), combinable=False, order=2), eligible("q", percent(14), combinable=False, order=1)], [("q", 1400)]),
    "not combinable and alone in the cart": ([eligible("p", percent(14), combinable=False)], [("p", 1400)]),
    "equal money, more gifts": ([eligible("p", percent(10), combinable=False), eligible("q", GIFT), eligible("r", percent(10))], [("q", 0), ("r", 1000)]),
    # lane 0: 20% -> 80; then of the group 10% = 8.00 against 8.50
    "a group is decided by the discount in its lane": (
        [eligible("e", percent(20)), eligible("p", percent(10), group="g", lane=1), eligible("q", amount("8.50"), group="g", lane=1)], [("e", 2000), ("q", 850)]),
    # p takes 10.00, but then r's running minimum of 95.00 fails (10.00 in total); q takes 5.00 and r 20.00
    "a smaller member may be the better deal": (
        [eligible("p", percent(10), group="g"), eligible("q", percent(5), group="g"),
         eligible("r", amount("20.00"), lane=1, conditions=[{"kind": "min_subtotal", "value": "95.00", "basis": "running"}])],
        [("q", 500), ("r", 2000)]),
}  # fmt: skip


@pytest.mark.parametrize(("offers", "expected"), CASES.values(), ids=CASES.keys())
def test_best_combination_is_applied(offers, expected):
    for order in permutations(offers):
        decision = quote(HUNDRED, *order)

        assert applied(decision) == expected
        assert decision.total == 10000 - sum(amount_off for _, amount_off in expected)
        assert decision.method == "exact"


def test_rejection_names_the_winning_offers():
    group = [
        eligible("p", percent(10), group="g"),
        eligible("q", amount("15.00"), group="g"),
        eligible("r", amount("1.00"), order=1),
    ]

    assert rejected(quote(HUNDRED, *group)) == {"p": ("not_combinable", ["q"])}
    exclusive = [eligible("p", percent(5), exclusive=True), eligible("q", percent(50))]
    assert rejected(quote(HUNDRED, *exclusive)) == {"q": ("not_combinable", ["p"])}
    alone = [
        eligible("p", percent(14), combinable=False),
        eligible("q", percent(10)),
        eligible("r", amount("5.00"), order=1),
    ]
    assert rejected(quote(HUNDRED, *alone)) == {"p": ("not_combinable", ["q", "r"])}


KEPT = {"with_exclusive": True}
WITH_EXCLUSIVE = {
    "an exclusive offer and one that it doesn't displace": (
        [eligible("p", percent(5), exclusive=True), eligible("q", percent(50)), eligible("r", amount("3.00"), **KEPT)],
        [("p", 500), ("r", 300)]),
    "priority decides the order": (
        [eligible("p", percent(50), exclusive=True), eligible("r", amount("10.00"), priority=1, **KEPT)],
        [("r", 1000), ("p", 4500)]),
    "the better of two of a group": (
        [eligible("p", percent(5), exclusive=True), eligible("q", amount("2.00"), group="g", **KEPT),
         eligible("r", amount("3.00"), group="g", **KEPT)],
        [("p", 500), ("r", 300)]),
    "not one of the group of the exclusive offer": (
        [eligible("p", percent(5), exclusive=True, group="g"), eligible("r", amount("3.00"), group="g", **KEPT)],
        [("p", 500)]),
    "two exclusive offers, one of them applies": (
        [eligible("p", percent(5), exclusive=True, priority=1), eligible("q", percent(9), exclusive=True),
         eligible("r", amount("3.00"), **KEPT)],
        [("p", 500), ("r", 300)]),
    "without an exclusive offer, like any other": (
        [eligible("q", percent(10)), eligible("r", amount("3.00"), **KEPT)], [("q", 1000), ("r", 300)]),
    "an exclusive offer that doesn't apply displaces nothing": (
        [eligible("p", percent(5, select={"skus": ["none"]}), exclusive=True), eligible("q", percent(10)),
         eligible("r", amount("3.00"), **KEPT)],
        [("q", 1000), ("r", 300)]),
}  # fmt: skip


@pytest.mark.parametrize(("offers", "expected"), WITH_EXCLUSIVE.values(), ids=WITH_EXCLUSIVE.keys())
def test_an_exclusive_offer_displaces_only_offers_that_let_it(offers, expected):
    assert applied(quote(HUNDRED, *offers)) == expected
    assert applied(quote(HUNDRED, *reversed(offers))) == expected


@pytest.mark.parametrize("keys", [{"exclusive": True}, {"combinable": False}])
def test_an_offer_that_stands_alone_does_not_apply_together_with_exclusive_ones(keys):
    with pytest.raises(OfferInvalid) as caught:
        offer(percent(5), with_exclusive=True, **keys)

    assert [(path, code) for path, code, _ in caught.value.errors] == [("with_exclusive", "unknown_field")]


def test_losing_offer_without_eligible_lines_is_rejected_for_that():
    decision = quote(
        HUNDRED, eligible("p", percent(5), exclusive=True), eligible("q", percent(5, select={"skus": ["none"]}))
    )

    assert rejected(decision) == {"q": ("no_eligible_lines", None)}


def test_offer_after_a_full_discount_has_no_eligible_lines():
    decision = quote(HUNDRED, eligible("p", percent(100)), eligible("q", percent(5), order=1))

    assert applied(decision) == [("p", 10000)]
    assert rejected(decision) == {"q": ("no_eligible_lines", None)}


def test_many_groups_are_priced_with_the_bounded_method():
    # ten groups of two make 1,024 choices; the members are independent, so the best of each group is the best of all
    offers = [eligible(f"{n}{m}", amount(f"0.{m}0"), group=f"g{n}") for n in range(10) for m in (1, 2)]

    decision = quote(HUNDRED, *offers)

    assert decision.method == "bounded"
    assert decision.discount_total == 10 * 20
    # nine groups are 512 choices
    assert quote(HUNDRED, *offers[:18]).method == "exact"


def test_free_shipping_combines_with_an_order_discount():
    bag = cart(line("a", "100.00"), shipping="4.99")

    decision = quote(bag, eligible("p", percent(10)), eligible("s", percent(100, "shipping"), order=1))

    assert off(decision) == {"a": "10.00", "ship": "4.99"}
    assert decision.total == 9000
