"""What the engine says about its decision: reasons, what is only a little away, explanations."""

from __future__ import annotations

from typing import Any

import pytest

from pricing import Checked, EligibleOffer, Explanation, Facts
from tests.pricing.builders import NOON, amount, cart, line, offer, percent, quote, set_price

BAG = cart(line("a", "10.00", 2), line("b", "5.90"))  # 25.90


def minimum(value, **more):
    return {"kind": "min_subtotal", "value": value, **more}


def test_an_offer_that_is_only_a_little_away_is_told_with_what_it_would_give():
    # 30.00 - 25.90 = 4.10; 10% of 25.90 = 2.59
    decision = quote(BAG, offer(percent(10), conditions=[minimum("30.00")]))

    assert [(each.ref, dict(each.missing), each.amount) for each in decision.next_best] == [
        ("o1", {"amount": "4.10"}, 259)
    ]


def test_the_best_of_those_that_are_away_comes_first():
    near = offer(percent(10), conditions=[minimum("30.00")])
    far = offer(amount("9.00"), conditions=[minimum("50.00"), {"kind": "min_quantity", "value": 5}])

    decision = quote(BAG, near, far)

    assert [(each.ref, dict(each.missing)) for each in decision.next_best] == [
        ("o2", {"amount": "24.10", "quantity": 2}),
        ("o1", {"amount": "4.10"}),
    ]


def test_more_in_the_cart_does_not_help_who_is_not_in_the_audience():
    conditions = [minimum("30.00"), {"kind": "audience", "any": ["vip"]}]

    assert quote(BAG, offer(percent(10), conditions=conditions)).next_best == ()
    assert quote(BAG, offer(percent(10), conditions=conditions[::-1])).next_best == ()
    assert quote(BAG, offer(percent(10), conditions=conditions), facts=Facts(frozenset({"vip"}))).next_best != ()


def test_one_that_would_stand_alone_and_give_less_is_not_next_best():
    # 20% is given already; alone 10% would be less
    given = offer(percent(20))

    assert quote(BAG, given, offer(percent(10), combinable=False, conditions=[minimum("30.00")])).next_best == ()
    assert len(quote(BAG, given, offer(percent(30), combinable=False, conditions=[minimum("30.00")])).next_best) == 1


def test_a_better_member_of_a_group_is_next_best_and_a_worse_one_is_not():
    # 5% is given; 10% takes its place from 30.00 on, 4% would not
    given = offer(percent(5), group="step")
    better, worse = (offer(percent(n), group="step", conditions=[minimum("30.00")]) for n in (10, 4))

    assert [(each.ref, each.amount) for each in quote(BAG, given, better, worse).next_best] == [("o2", 259)]


def test_next_best_is_told_beside_what_is_given_already():
    # 25.90 - 2.59 = 23.31 is left; 10% of it is 2.331
    decision = quote(BAG, offer(percent(10)), offer(percent(10), conditions=[minimum("30.00")]))

    assert [(each.ref, each.amount) for each in decision.next_best] == [("o2", 233)]


def test_a_gift_that_is_only_a_little_away_is_told_too():
    gift = offer({"kind": "gift", "sku": "mug"}, conditions=[minimum("30.00")])

    assert [(each.ref, dict(each.missing), each.amount) for each in quote(BAG, gift).next_best] == [
        ("o1", {"amount": "4.10"}, 0)
    ]


def test_nothing_is_next_best_where_an_exclusive_offer_is_given():
    decision = quote(BAG, offer(percent(1), exclusive=True), offer(percent(50), conditions=[minimum("30.00")]))

    assert decision.next_best == ()


def test_a_spent_budget_is_not_next_best():
    spent = EligibleOffer("p", "promotion", "", offer(percent(10), conditions=[minimum("30.00")]), budget_left=0)

    decision = quote(BAG, spent)

    assert decision.next_best == ()
    assert [each.code for each in decision.rejected] == ["budget_exhausted"]


def test_an_instant_without_an_offset_is_refused():
    with pytest.raises(ValueError, match="offset"):
        quote(BAG, offer(percent(10)), at=NOON.replace(tzinfo=None))


def test_a_benefit_that_waits_for_more_units_says_how_many():
    waiting: dict[str, tuple[dict[str, Any], int]] = {
        "buy_get": ({"kind": "buy_get", "buy": {"quantity": 5}, "get": {"quantity": 1}}, 2),
        "nothing left to give": ({"kind": "buy_get", "buy": {"quantity": 3}, "get": {"quantity": 1}}, 1),
        "groups": ({"kind": "groups", "size": 4, "percent": 50}, 1),
        "bundle": (set_price("1.00", "bundle", bundle_size=5), 2),
        "tiers": (
            {"kind": "tiers", "basis": "eligible_quantity", "unit": "percent", "tiers": [{"from": 6, "value": 5}]},
            3,
        ),
    }
    for benefit, missing in waiting.values():
        decision = quote(BAG, offer(benefit))

        assert [(each.code, each.members) for each in decision.rejected] == [
            ("minimum_not_met", {"missing_quantity": missing})
        ]


def test_tiers_that_are_not_reached_say_what_is_missing():
    tiers = {"kind": "tiers", "basis": "order_amount", "unit": "percent", "tiers": [{"from": "30.00", "value": 5}]}

    decision = quote(BAG, offer(tiers))

    assert [(each.code, each.members) for each in decision.rejected] == [("minimum_not_met", {"missing": "4.10"})]


def test_every_offer_is_either_applied_or_rejected():
    offers = [
        offer(percent(10)),
        offer(percent(10), conditions=[minimum("99.00")]),
        offer(percent(10, select={"skus": ["none"]})),
        offer(percent(1), combinable=False),
        offer(amount("1.00", currency="USD")),
    ]

    decision = quote(BAG, *offers)

    assert [each.ref for each in decision.applied] == ["o1"]
    assert {each.ref: each.code for each in decision.rejected} == {
        "o2": "minimum_not_met",
        "o3": "no_eligible_lines",
        "o4": "not_combinable",
        "o5": "currency_mismatch",
    }


def test_explanations_tell_each_condition_what_it_needed_and_saw():
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
            "This offer is for a group of customers that you are not in.",
            0,
        ),
    )


def test_explanations_show_running_amounts_as_the_lane_saw_them():
    # 25.90 - 10% = 23.31 when lane 1 begins
    late = offer(amount("1.00"), lane=1, conditions=[minimum("20.00", basis="running")])

    told = quote(BAG, offer(percent(10)), late, explain=True).explanations

    assert told[1].conditions == (Checked("min_subtotal", "20.00", "23.31", True),)
    assert (told[1].outcome, told[1].amount) == ("applied", 100)


def test_explaining_changes_no_price():
    offers = [
        offer(percent(10)),
        offer(percent(30), combinable=False),
        offer(percent(5), conditions=[minimum("99.00")]),
    ]

    plain, told = quote(BAG, *offers), quote(BAG, *offers, explain=True)

    assert (plain.total, plain.applied, plain.rejected) == (told.total, told.applied, told.rejected)
    assert plain.explanations == ()


def test_offers_of_any_kind_keep_their_refs():
    coupon = EligibleOffer("coupon:7", "coupon", "Ten off", offer(percent(10)), code="TEN")

    assert [each.ref for each in quote(BAG, coupon).applied] == ["coupon:7"]
