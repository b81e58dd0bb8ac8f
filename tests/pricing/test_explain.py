"""Reasons for rejection, next best offers, and explanations."""

from __future__ import annotations

from typing import Any

import pytest

from pricing import Checked, EligibleOffer, Explanation, Facts
from tests.pricing.builders import NOON, amount, cart, line, offer, percent, quote, set_price

BAG = cart(line("a", "10.00", 2), line("b", "5.90"))  # 25.90


def minimum(value, **more):
    return {"kind": "min_subtotal", "value": value, **more}


def test_next_best_tells_what_is_missing_and_the_discount():
    # 30.00 - 25.90 = 4.10; 10% of 25.90 = 2.59
    decision = quote(BAG, offer(percent(10), conditions=[minimum("30.00")]))

    assert [(offer_.ref, dict(offer_.missing), offer_.amount) for offer_ in decision.next_best] == [
        ("o1", {"amount": "4.10"}, 259)
    ]


def test_next_best_offers_are_sorted_by_discount():
    near = offer(percent(10), conditions=[minimum("30.00")])
    far = offer(amount("9.00"), conditions=[minimum("50.00"), {"kind": "min_quantity", "value": 5}])

    decision = quote(BAG, near, far)

    assert [(suggestion.ref, dict(suggestion.missing)) for suggestion in decision.next_best] == [
        ("o2", {"amount": "24.10", "quantity": 2}),
        ("o1", {"amount": "4.10"}),
    ]


def test_offer_for_another_audience_is_not_next_best():
    conditions = [minimum("30.00"), {"kind": "audience", "any": ["vip"]}]

    assert quote(BAG, offer(percent(10), conditions=conditions)).next_best == ()
    assert quote(BAG, offer(percent(10), conditions=conditions[::-1])).next_best == ()
    assert quote(BAG, offer(percent(10), conditions=conditions), facts=Facts(frozenset({"vip"}))).next_best != ()


def test_standalone_offer_with_a_smaller_discount_is_not_next_best():
    # 20% is given already; alone 10% would be less
    applied = offer(percent(20))

    assert quote(BAG, applied, offer(percent(10), combinable=False, conditions=[minimum("30.00")])).next_best == ()
    assert len(quote(BAG, applied, offer(percent(30), combinable=False, conditions=[minimum("30.00")])).next_best) == 1


def test_only_a_better_member_of_a_group_is_next_best():
    # 5% is given; 10% takes its place from 30.00 on, 4% would not
    applied = offer(percent(5), group="step")
    better, worse = (offer(percent(n), group="step", conditions=[minimum("30.00")]) for n in (10, 4))

    assert [(suggestion.ref, suggestion.amount) for suggestion in quote(BAG, applied, better, worse).next_best] == [
        ("o2", 259)
    ]


def test_next_best_discount_follows_the_applied_offers():
    # 25.90 - 2.59 = 23.31 is left; 10% of it is 2.331
    decision = quote(BAG, offer(percent(10)), offer(percent(10), conditions=[minimum("30.00")]))

    assert [(suggestion.ref, suggestion.amount) for suggestion in decision.next_best] == [("o2", 233)]


def test_gift_can_be_next_best():
    gift = offer({"kind": "gift", "sku": "mug"}, conditions=[minimum("30.00")])

    assert [
        (suggestion.ref, dict(suggestion.missing), suggestion.amount) for suggestion in quote(BAG, gift).next_best
    ] == [("o1", {"amount": "4.10"}, 0)]


def test_exclusive_offer_leaves_no_next_best():
    decision = quote(BAG, offer(percent(1), exclusive=True), offer(percent(50), conditions=[minimum("30.00")]))

    assert decision.next_best == ()


def test_offer_without_budget_is_not_next_best():
    spent = EligibleOffer("p", "promotion", "", offer(percent(10), conditions=[minimum("30.00")]), budget_left=0)

    decision = quote(BAG, spent)

    assert decision.next_best == ()
    assert [rejection.code for rejection in decision.rejected] == ["budget_exhausted"]


def test_naive_datetime_is_an_error():
    with pytest.raises(ValueError, match="offset"):
        quote(BAG, offer(percent(10)), at=NOON.replace(tzinfo=None))


def test_rejection_tells_the_missing_units_of_a_benefit():
    cases: dict[str, tuple[dict[str, Any], int]] = {
        "buy_get": ({"kind": "buy_get", "buy": {"quantity": 5}, "get": {"quantity": 1}}, 2),
        "nothing left to discount": ({"kind": "buy_get", "buy": {"quantity": 3}, "get": {"quantity": 1}}, 1),
        "groups": ({"kind": "groups", "size": 4, "percent": 50}, 1),
        "bundle": (set_price("1.00", "bundle", bundle_size=5), 2),
        "tiers": (
            {"kind": "tiers", "basis": "eligible_quantity", "unit": "percent", "tiers": [{"from": 6, "value": 5}]},
            3,
        ),
    }
    for benefit, missing in cases.values():
        decision = quote(BAG, offer(benefit))

        assert [(rejection.code, rejection.members) for rejection in decision.rejected] == [
            ("minimum_not_met", {"missing_quantity": missing})
        ]


def test_rejection_tells_the_missing_amount_of_the_first_tier():
    tiers = {"kind": "tiers", "basis": "order_amount", "unit": "percent", "tiers": [{"from": "30.00", "value": 5}]}

    decision = quote(BAG, offer(tiers))

    assert [(rejection.code, rejection.members) for rejection in decision.rejected] == [
        ("minimum_not_met", {"missing": "4.10"})
    ]


def test_every_offer_is_either_applied_or_rejected():
    offers = [
        offer(percent(10)),
        offer(percent(10), conditions=[minimum("99.00")]),
        offer(percent(10, select={"skus": ["none"]})),
        offer(percent(1), combinable=False),
        offer(amount("1.00", currency="USD")),
    ]

    decision = quote(BAG, *offers)

    assert [result.ref for result in decision.applied] == ["o1"]
    assert {result.ref: result.code for result in decision.rejected} == {
        "o2": "minimum_not_met",
        "o3": "no_eligible_lines",
        "o4": "not_combinable",
        "o5": "currency_mismatch",
    }


def test_explanations_show_required_and_actual_values():
    conditions = [minimum("20.00"), {"kind": "audience", "any": ["vip"]}, minimum("99.00")]

    decision = quote(BAG, offer(percent(10), conditions=conditions), explain=True)

    assert decision.explanations == (
        Explanation(
            "o1",
            (
                Checked("min_subtotal", "20.00", "25.90", True),
                Checked("audience", ["vip"], [], False),
                Checked("min_subtotal", "99.00", "25.90", False),
            ),
            "audience_not_member",
            "You aren't eligible for this offer.",
            0,
        ),
    )


def test_explanations_show_running_amounts_at_the_start_of_the_lane():
    # 25.90 - 10% = 23.31 when lane 1 begins
    late = offer(amount("1.00"), lane=1, conditions=[minimum("20.00", basis="running")])

    explanations = quote(BAG, offer(percent(10)), late, explain=True).explanations

    assert explanations[1].conditions == (Checked("min_subtotal", "20.00", "23.31", True),)
    assert (explanations[1].outcome, explanations[1].amount) == ("applied", 100)


def test_explanations_do_not_change_prices():
    offers = [
        offer(percent(10)),
        offer(percent(30), combinable=False),
        offer(percent(5), conditions=[minimum("99.00")]),
    ]

    plain, explained = quote(BAG, *offers), quote(BAG, *offers, explain=True)

    assert (plain.total, plain.applied, plain.rejected) == (explained.total, explained.applied, explained.rejected)
    assert plain.explanations == ()


def test_applied_offers_keep_their_refs():
    coupon = EligibleOffer("coupon:7", "coupon", "Ten off", offer(percent(10)), code="TEN")

    assert [discount.ref for discount in quote(BAG, coupon).applied] == ["coupon:7"]
