# ruff: noqa: E501  (a row of a table is one line)
"""Conditions at their limits, and the reason given to the shopper."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from pricing import EligibleOffer, Facts, ShopperFacts, parse_profile, price
from tests.pricing.builders import NOON, amount, cart, line, offer, percent, quote

LINES = [
    line("mug", "8.00", 4, categories=["kitchen"]),  # 32.00
    line("tea", "3.00", 3, categories=["food", "kitchen"]),  # 9.00
    line("card", "25.00", discountable=False, categories=["gift"]),  # 25.00, total 66.00
]
BAG = cart(*LINES, shipping={"post": "4.00"}, country="ES")
KITCHEN = {"categories": ["kitchen"]}


def condition(kind, **more):
    return {"kind": kind, **more}


PASSING = {
    "min_subtotal at its edge": condition("min_subtotal", value="66.00"),
    "min_subtotal of selected lines: 41.00": condition("min_subtotal", value="41.00", select=KITCHEN),
    "max_subtotal at its edge": condition("max_subtotal", value="66.00"),
    "max_subtotal of selected lines": condition("max_subtotal", value="41.00", select=KITCHEN),
    "subtotal_equals": condition("subtotal_equals", value="66.00"),
    "subtotal_equals of no line is zero": condition("subtotal_equals", value="0.00", select={"skus": ["none"]}),
    "min_quantity at its edge: 8 units": condition("min_quantity", value=8),
    "min_quantity of selected lines: 7": condition("min_quantity", value=7, select=KITCHEN),
    "min_line_quantity: some line has 4": condition("min_line_quantity", value=4),
    "contains one by default": condition("contains", select={"skus": ["tea"]}),
    "contains three teas": condition("contains", select={"skus": ["tea"]}, quantity=3),
    "contains counts what may not be discounted": condition("contains", select={"categories": ["gift"]}),
    "audience: one of several": condition("audience", any=["vip", "loyal"]),
    "nth_order: two placed, this is the third": condition("nth_order", value=3),
    "transaction_type": condition("transaction_type", any=["purchase"]),
    "currency": condition("currency", any=["USD", "EUR"]),
    "country": condition("country", any=["ES", "PT"]),
    "country without regard to case": condition("country", any=["es"]),
    "shipping_method": condition("shipping_method", any=["post"]),
    "weekdays: a Wednesday": condition("weekdays", any=["wed"]),
    "weekdays by name": condition("weekdays", any=["Wednesday"]),
    "weekdays by number": condition("weekdays", any=[3]),
    "hours begin included": condition("hours", **{"from": "12:00", "to": "13:00"}),
    "hours over midnight, in the evening part": condition("hours", **{"from": "11:00", "to": "06:00"}),
    "hours to the end of the day": condition("hours", **{"from": "09:00", "to": "24:00"}),
    "date_range: its first day": condition("date_range", **{"from": "2026-11-18", "to": "2026-11-20"}),
    "date_range: its last day is included": condition("date_range", **{"from": "2026-11-01", "to": "2026-11-18"}),
    "date_range without an end": condition("date_range", **{"from": "2026-11-01"}),
    "date_range of instants": condition("date_range", **{"from": "2026-11-18T12:00:00Z", "to": "2026-11-18T12:00:01Z"}),
}

FAILING = {
    "min_subtotal misses a cent": (condition("min_subtotal", value="66.01"), "minimum_not_met", {"missing": "0.01"}),
    "min_subtotal of selected lines": (condition("min_subtotal", value="50.00", select=KITCHEN), "minimum_not_met", {"missing": "9.00"}),
    "max_subtotal is over by a cent": (condition("max_subtotal", value="65.99"), "condition_not_met", {"condition": "max_subtotal", "over": "0.01"}),
    "subtotal_equals below": (condition("subtotal_equals", value="70.00"), "minimum_not_met", {"missing": "4.00"}),
    "subtotal_equals above": (condition("subtotal_equals", value="60.00"), "condition_not_met", {"condition": "subtotal_equals", "over": "6.00"}),
    "min_quantity": (condition("min_quantity", value=10), "minimum_not_met", {"missing_quantity": 2}),
    "min_line_quantity": (condition("min_line_quantity", value=5), "minimum_not_met", {"missing_quantity": 1}),
    "min_line_quantity of no line": (condition("min_line_quantity", value=5, select={"skus": ["none"]}), "minimum_not_met", {"missing_quantity": 5}),
    "contains": (condition("contains", select={"skus": ["tea"]}, quantity=4), "minimum_not_met", {"missing_quantity": 1}),
    "audience": (condition("audience", any=["new"]), "audience_not_member", {}),
    "nth_order 1": (condition("nth_order", value=1), "first_order_only", {}),
    "nth_order 5": (condition("nth_order", value=5), "condition_not_met", {"condition": "nth_order"}),
    "transaction_type": (condition("transaction_type", any=["subscription"]), "condition_not_met", {"condition": "transaction_type"}),
    "currency": (condition("currency", any=["USD"]), "currency_mismatch", {"currency": "EUR", "offer_currencies": ["USD"]}),
    "country": (condition("country", any=["PT"]), "condition_not_met", {"condition": "country"}),
    "shipping_method": (condition("shipping_method", any=["courier"]), "condition_not_met", {"condition": "shipping_method"}),
    "weekdays": (condition("weekdays", any=["sat", "sun"]), "outside_schedule", {}),
    "hours end excluded": (condition("hours", **{"from": "11:00", "to": "12:00"}), "outside_schedule", {}),
    "hours over midnight, outside": (condition("hours", **{"from": "22:00", "to": "06:00"}), "outside_schedule", {}),
    "date_range is over": (condition("date_range", to="2026-11-17"), "outside_schedule", {}),
    "date_range has not begun": (condition("date_range", **{"from": "2026-11-19"}), "outside_schedule", {}),
    "date_range of instants ends excluded": (condition("date_range", to="2026-11-18T12:00:00Z"), "outside_schedule", {}),
    "an amount in another currency": (condition("min_subtotal", value="1.00", currency="USD"), "currency_mismatch", {"currency": "EUR", "offer_currencies": ["USD"]}),
}  # fmt: skip
LOYAL = Facts(frozenset({"loyal"}), placed_orders=2)


@pytest.mark.parametrize("passing", PASSING.values(), ids=PASSING.keys())
def test_condition_passes(passing):
    decision = quote(BAG, offer(percent(10), conditions=[passing]), facts=LOYAL)

    assert [discount.ref for discount in decision.applied] == ["o1"]


@pytest.mark.parametrize(("failing", "code", "members"), FAILING.values(), ids=FAILING.keys())
def test_condition_fails(failing, code, members):
    decision = quote(BAG, offer(percent(10), conditions=[failing]), facts=LOYAL)

    assert [(offer.code, dict(offer.members)) for offer in decision.rejected] == [(code, members)]
    assert decision.applied == ()
    assert decision.discount_total == 0


def test_first_failing_condition_is_the_reason():
    both = [condition("audience", any=["new"]), condition("min_subtotal", value="100.00")]

    decision = quote(BAG, offer(percent(10), conditions=both), facts=LOYAL)

    assert [offer.code for offer in decision.rejected] == ["audience_not_member"]


def test_schedules_use_the_time_zone_of_the_brand():
    # 23:30 on Wednesday in UTC is 00:30 on Thursday in Madrid
    late = datetime(2026, 11, 18, 23, 30, tzinfo=UTC)
    thursday = offer(
        percent(10), conditions=[condition("weekdays", any=["thu"]), condition("date_range", **{"from": "2026-11-19"})]
    )

    def priced(timezone_):
        eligible = EligibleOffer("p", "promotion", "Thursday", thursday, timezone=timezone_)
        return price(BAG, [eligible], ShopperFacts({}), parse_profile({}), late)

    assert [result.ref for result in priced("Europe/Madrid").applied] == ["p"]
    assert [result.code for result in priced("UTC").rejected] == ["outside_schedule"]


@pytest.mark.parametrize(
    ("at", "valid"),
    [
        ("2026-11-20T21:59", False),  # Friday, before
        ("2026-11-20T22:00", True),
        ("2026-11-20T23:59", True),
        ("2026-11-21T00:00", True),  # Saturday, but Friday night
        ("2026-11-21T01:59", True),
        ("2026-11-21T02:00", False),
        ("2026-11-21T22:30", False),  # Saturday night
        ("2026-11-20T00:30", False),  # Thursday night
    ],
)
@pytest.mark.parametrize(
    "days",
    [
        condition("weekdays", any=["fri"]),
        condition("date_range", **{"from": "2026-11-20", "to": "2026-11-20"}),
        condition("date_range", **{"from": "2026-11-20T00:00:00+01:00", "to": "2026-11-21T02:00:00+01:00"}),
    ],
    ids=["weekdays", "dates", "datetimes"],
)
def test_hours_past_midnight_belong_to_the_day_on_which_they_begin(days, at, valid):
    at = datetime.fromisoformat(f"{at}+01:00")
    night = offer(percent(10), conditions=[days, condition("hours", **{"from": "22:00", "to": "02:00"})])
    eligible = EligibleOffer("p", "promotion", "Friday night", night, timezone="Europe/Madrid")
    if "T" in days.get("from", "") and at == datetime.fromisoformat("2026-11-20T00:30+01:00"):
        valid = True  # the datetimes name that night themselves

    decision = price(BAG, [eligible], ShopperFacts({}), parse_profile({}), at)

    assert bool(decision.applied) is valid


@pytest.mark.parametrize(
    ("at", "valid"), [("2027-10-30T22:30Z", True), ("2027-10-31T01:30Z", True), ("2027-10-31T02:00Z", False)]
)
def test_a_night_in_which_clocks_go_back_is_an_hour_longer(at, valid):
    # 22:00 to 03:00 in Madrid: 03:00 summer time is shown as 02:00, and comes an hour later
    night = offer(
        percent(10),
        conditions=[condition("weekdays", any=["sat"]), condition("hours", **{"from": "22:00", "to": "03:00"})],
    )
    eligible = EligibleOffer("p", "promotion", "Saturday night", night, timezone="Europe/Madrid")

    decision = price(BAG, [eligible], ShopperFacts({}), parse_profile({}), datetime.fromisoformat(at))

    assert bool(decision.applied) is valid


def test_utc_offset_of_the_datetime_does_not_matter():
    noon_elsewhere = NOON.astimezone(timezone(timedelta(hours=-7)))
    lunch = offer(percent(10), conditions=[condition("hours", **{"from": "12:00", "to": "13:00"})])

    assert quote(BAG, lunch, at=NOON) == quote(BAG, lunch, at=noon_elsewhere)
    assert quote(BAG, lunch, at=noon_elsewhere).applied


def test_offers_use_the_facts_of_their_brand():
    first = offer(percent(10), conditions=[condition("nth_order", value=1)])
    facts = ShopperFacts({"cake": Facts(placed_orders=3), "billo": Facts(placed_orders=0)})

    decision = price(
        BAG,
        [
            EligibleOffer("cake", "promotion", "", first, brand="cake"),
            EligibleOffer("billo", "promotion", "", first, brand="billo"),
        ],
        facts,
        parse_profile({}),
        NOON,
    )

    assert [result.ref for result in decision.applied] == ["billo"]
    assert [(result.ref, result.code) for result in decision.rejected] == [("cake", "first_order_only")]


def test_running_subtotal_is_taken_at_the_start_of_the_lane():
    # 100.00 - 20% = 80.00 when lane 1 begins
    bag = cart(line("a", "100.00"))
    early = offer(percent(20), lane=0)

    def five(minimum, lane):
        return offer(amount("5.00"), lane=lane, conditions=[condition("min_subtotal", value=minimum, basis="running")])

    assert quote(bag, early, five("80.00", 1)).total == 7500
    assert [result.code for result in quote(bag, early, five("80.01", 1)).rejected] == ["minimum_not_met"]
    # in the same lane the earlier offer has taken nothing yet, as far as conditions go
    assert quote(bag, early, five("100.00", 0)).total == 7500
    # before discounts it is 100.00 in every lane
    undiscounted = offer(amount("5.00"), lane=1, conditions=[condition("min_subtotal", value="100.00")])
    assert quote(bag, early, undiscounted).total == 7500


def test_brand_offer_applies_to_lines_of_the_brand_or_without_brand():
    bag = cart(line("a", "50.00", brand="billo"), line("b", "50.00", brand="cake"), line("c", "10.00"))
    ten = offer(percent(10), conditions=[condition("min_subtotal", value="60.01")])
    ten_from_60 = offer(percent(10), conditions=[condition("min_subtotal", value="60.00")])

    def priced(each):
        return price(
            bag, [EligibleOffer("p", "promotion", "", each, brand="billo")], ShopperFacts({}), parse_profile({}), NOON
        )

    assert [each.code for each in priced(ten).rejected] == ["minimum_not_met"]
    assert priced(ten_from_60).applied[0].lines == (("a", 500), ("c", 100))


FIRST, SECOND = condition("nth_order", value=1), condition("nth_order", value=2)


@pytest.mark.parametrize(
    ("checked", "placed", "reserved", "holds"),
    [
        (FIRST, 0, 0, True),
        (FIRST, 0, 1, False),
        (FIRST, 1, 3, False),
        (SECOND, 0, 1, False),  # the order under way may remain unpaid: then this one is the first
        (SECOND, 1, 0, True),
        (SECOND, 1, 2, False),
        (condition("nth_order", value=5), 1, 2, False),
        (condition("not", condition=FIRST), 0, 1, False),
        (condition("not", condition=FIRST), 1, 1, True),
        (condition("any_of", conditions=[FIRST, SECOND]), 0, 1, True),  # it is one of the two in any case
        (condition("any_of", conditions=[FIRST, SECOND]), 0, 2, False),
        (condition("any_of", conditions=[FIRST, condition("country", any=["ES"])]), 0, 2, True),
        (condition("not", condition=condition("any_of", conditions=[FIRST, SECOND])), 1, 4, False),
        (condition("country", any=["ES"]), 0, 9, True),
    ],
)
def test_an_order_number_holds_whichever_orders_under_way_are_paid(checked, placed, reserved, holds):
    facts = Facts(placed_orders=placed, reserved_orders=reserved)

    assert bool(quote(BAG, offer(percent(10), conditions=[checked]), facts=facts).applied) is holds
    possible = [Facts(placed_orders=placed + paid) for paid in range(reserved + 1)]
    assert holds is all(quote(BAG, offer(percent(10), conditions=[checked]), facts=each).applied for each in possible)


def test_the_reason_names_the_orders_under_way():
    facts = Facts(placed_orders=0, reserved_orders=2)

    reason = quote(BAG, offer(percent(10), conditions=[FIRST]), facts=facts).rejected[0]

    assert (reason.code, dict(reason.members)) == ("first_order_only", {"reserved_orders": 2})
    assert dict(quote(BAG, offer(percent(10), conditions=[FIRST]), facts=LOYAL).rejected[0].members) == {}
