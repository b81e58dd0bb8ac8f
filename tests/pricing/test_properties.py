# ruff: noqa: E501  (a row of a table is one line)
"""What holds for every cart, every offer and every profile."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from pricing import (
    Cart,
    Decision,
    EligibleOffer,
    Offer,
    OfferInvalid,
    Profile,
    ShopperFacts,
    dump_offer,
    dump_profile,
    parse_offer,
    parse_profile,
    price,
)
from pricing.rounding import divide, share
from tests.pricing.builders import NOON
from tests.pricing.strategies import BENEFITS, FACTS, PROFILES, TOGETHER, carts, documents, in_play, plays

MANY = settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
SOME = settings(MANY, max_examples=100)


FACTS_OF_NOBODY = ShopperFacts({})


def by_id(decision: Decision) -> dict[str, int]:
    return {line.id: line.discount for line in decision.lines} | {it.id: it.discount for it in decision.shipping}


@MANY
@given(carts(), plays(), FACTS, PROFILES)
def test_everything_adds_up_and_nothing_goes_below_its_floor(cart, offers, facts, profile):
    decision = price(cart, offers, facts, profile, NOON)

    assert decision.subtotal == sum(each.quantity * each.unit_price for each in cart.lines)
    assert decision.shipping_total == sum(each.price for each in cart.shipping)
    assert decision.discount_total == sum(by_id(decision).values()) == sum(each.amount for each in decision.applied)
    assert decision.total == decision.subtotal + decision.shipping_total - decision.discount_total >= 0
    for sent, line in zip(cart.lines, decision.lines, strict=True):
        assert (sent.id, line.subtotal - line.discount) == (line.id, line.total)
        assert 0 <= line.discount <= sent.quantity * max(0, sent.unit_price - sent.min_unit_price)
        assert sent.discountable or not line.discount
    for method in decision.shipping:
        assert 0 <= method.discount <= method.price
    for each in decision.applied:
        assert each.amount == sum(amount for _, amount in (*each.lines, *each.shipping))
        assert all(amount > 0 for _, amount in (*each.lines, *each.shipping))
    shares = [share for each in decision.applied for share in (*each.lines, *each.shipping)]
    for name, discount in by_id(decision).items():
        assert discount == sum(amount for other, amount in shares if other == name)


@MANY
@given(carts(), plays(), FACTS, PROFILES)
def test_every_offer_is_applied_or_rejected_once(cart, offers, facts, profile):
    decision = price(cart, offers, facts, profile, NOON, explain=True)

    told = [each.ref for each in decision.applied] + [each.ref for each in decision.rejected]
    assert sorted(told) == sorted(each.ref for each in offers)
    assert [each.ref for each in decision.explanations] == [each.ref for each in offers]
    assert {each.ref for each in decision.explanations if each.outcome == "applied"} == {
        each.ref for each in decision.applied
    }


@MANY
@given(carts(), plays(), FACTS, PROFILES, st.randoms())
def test_the_order_of_lines_shipping_and_offers_never_matters(cart, offers, facts, profile, random):
    def shuffled(values):
        return tuple(random.sample(values, len(values)))

    other = replace(cart, lines=shuffled(cart.lines), shipping=shuffled(cart.shipping))

    first = price(cart, offers, facts, profile, NOON)
    second = price(other, shuffled(offers), facts, profile, NOON)

    assert first.total == second.total
    assert by_id(first) == by_id(second)
    assert [(each.ref, dict(each.lines), dict(each.shipping)) for each in first.applied] == [
        (each.ref, dict(each.lines), dict(each.shipping)) for each in second.applied
    ]


@SOME
@given(carts(), plays(), FACTS, PROFILES)
def test_a_quote_is_a_pure_function(cart, offers, facts, profile):
    assert price(cart, offers, facts, profile, NOON) == price(cart, offers, facts, profile, NOON)


PLAYS_TOGETHER = plays(TOGETHER, most=3, budgets=False)


def with_further(offers: list[EligibleOffer], further: Offer, *, order: int) -> list[EligibleOffer]:
    """The offers and one more in the last lane."""
    last = max((each.offer.lane for each in offers), default=0)
    return [*offers, replace(in_play(99, replace(further, lane=last, priority=0)), order=order)]


@MANY
@given(carts(), PLAYS_TOGETHER, TOGETHER, PROFILES)
def test_a_further_offer_at_the_end_of_the_last_lane_never_makes_the_total_larger(cart, offers, further, profile):
    before = price(cart, offers, FACTS_OF_NOBODY, profile, NOON)
    after = price(cart, with_further(offers, further, order=99), FACTS_OF_NOBODY, profile, NOON)

    assert after.total <= before.total


@MANY
@given(carts(), PLAYS_TOGETHER, TOGETHER, PROFILES)
def test_a_further_offer_first_in_the_last_lane_costs_no_more_than_the_odd_minor_unit(cart, offers, further, profile):
    before = price(cart, offers, FACTS_OF_NOBODY, profile, NOON)
    after = price(cart, with_further(offers, further, order=-1), FACTS_OF_NOBODY, profile, NOON)

    assert after.total <= before.total + sum(len(each.offer.benefits) for each in offers)


@MANY
@given(carts(), TOGETHER, BENEFITS, FACTS, PROFILES)
def test_a_further_benefit_of_an_offer_never_makes_the_total_larger(cart, offer, benefit, facts, profile):
    more = parse_offer(dump_offer(offer) | {"benefits": [*dump_offer(offer)["benefits"], benefit]})

    before = price(cart, [in_play(1, offer)], facts, profile, NOON)
    after = price(cart, [in_play(1, more)], facts, profile, NOON)

    assume("currency_mismatch" not in [each.code for each in after.rejected])  # cents in a cart of yen: no offer at all
    assert after.total <= before.total


WHOLE = st.one_of(
    st.fixed_dictionaries({"kind": st.just("percent"), "value": st.integers(1, 100), "on": st.just("order")}),
    st.fixed_dictionaries({"kind": st.just("amount"), "value": st.integers(1, 99).map(str), "on": st.sampled_from(["order", "unit"])}),
    st.fixed_dictionaries({"kind": st.just("set_price"), "value": st.integers(0, 99).map(str), "on": st.just("unit")}),
)  # fmt: skip


def split_in_two(cart: Cart, random) -> Cart:
    """One line of several units as two lines of the same goods."""
    several = [each for each in cart.lines if each.quantity > 1]
    if not several:
        return cart
    line = random.choice(several)
    part = random.randint(1, line.quantity - 1)
    rest = tuple(each for each in cart.lines if each is not line)
    return replace(
        cart, lines=(*rest, replace(line, quantity=part), replace(line, id="other", quantity=line.quantity - part))
    )


@MANY
@given(carts(), WHOLE, st.randoms())
def test_splitting_a_line_changes_no_total(cart, benefit, random):
    offer = parse_offer({"benefits": [benefit]})

    one = price(cart, [in_play(1, offer)], FACTS_OF_NOBODY, Profile(), NOON)
    two = price(split_in_two(cart, random), [in_play(1, offer)], FACTS_OF_NOBODY, Profile(), NOON)

    assert one.total == two.total


@MANY
@given(carts(), st.integers(1, 100), st.randoms())
def test_splitting_a_line_changes_a_percentage_on_lines_by_a_minor_unit_at_most(cart, percent, random):
    offer = parse_offer({"benefits": [{"kind": "percent", "value": percent, "on": "line"}]})

    one = price(cart, [in_play(1, offer)], FACTS_OF_NOBODY, Profile(), NOON)
    two = price(split_in_two(cart, random), [in_play(1, offer)], FACTS_OF_NOBODY, Profile(), NOON)

    assert abs(one.total - two.total) <= 1


def allowed_choices(offers: list[EligibleOffer]) -> list[list[EligibleOffer]]:
    """Every set of offers that the rules allow, exclusive ones apart."""
    alone = [[each] for each in offers if not each.offer.combinable]
    joint = [each for each in offers if each.offer.combinable]
    names = sorted({each.offer.group for each in joint if each.offer.group is not None})
    rows = [[each for each in joint if each.offer.group == name] for name in names]
    plain = [each for each in joint if each.offer.group is None]
    return alone + [plain + list(members) for members in product(*rows)]


def standing(each: EligibleOffer) -> EligibleOffer:
    """The offer as one of a set in which everything may stand together."""
    return replace(each, offer=replace(each.offer, combinable=True, exclusive=False, group=None))


@MANY
@given(carts(), plays(most=6), FACTS, PROFILES)
def test_the_choice_is_the_best_of_all_that_are_allowed(cart, offers, facts, profile):
    decision = price(cart, offers, facts, profile, NOON)

    exclusive = sorted(
        (each for each in offers if each.offer.exclusive), key=lambda each: (-each.offer.priority, each.order)
    )
    for each in exclusive:
        alone = price(cart, [standing(each)], facts, profile, NOON)
        if alone.applied:
            assert (decision.total, [one.ref for one in decision.applied]) == (alone.total, [each.ref])
            return
    rest = [each for each in offers if not each.offer.exclusive]
    totals = [
        price(cart, [standing(each) for each in choice], facts, profile, NOON).total for choice in allowed_choices(rest)
    ]
    assert decision.method == "exact"
    assert decision.total == min(totals)


@MANY
@given(documents())
def test_an_offer_is_the_same_after_writing_and_reading(document):
    offer = parse_offer(document)

    assert parse_offer(dump_offer(offer)) == offer
    assert dump_offer(parse_offer(dump_offer(offer))) == dump_offer(offer)


@SOME
@given(PROFILES)
def test_a_profile_is_the_same_after_writing_and_reading(profile):
    assert parse_profile(dump_profile(profile)) == profile


JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5)),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=5), inner, max_size=3)),
    max_leaves=8,
)


@MANY
@given(documents(), JSON, st.data())
def test_whatever_stands_in_a_document_is_read_or_refused(document, junk, data):
    target = data.draw(st.sampled_from([document, document["benefits"][0], *document["conditions"]]))
    target[data.draw(st.sampled_from([*target, "new"]))] = junk

    try:
        offer = parse_offer(document)
    except OfferInvalid as refused:
        offer, told = None, refused.errors
    else:
        told = []

    assert told if offer is None else parse_offer(dump_offer(offer)) == offer


@MANY
@given(
    st.integers(0, 5000),
    st.lists(st.tuples(st.integers(0, 100), st.integers(0, 500)), min_size=1, max_size=8),
    st.sampled_from(["largest_fraction", "first", "last"]),
)
def test_a_split_gives_all_it_can_and_nobody_more_than_their_room(total, people, remainder):
    weights, rooms = [weight for weight, _ in people], [room for _, room in people]

    shares = share(total, weights, rooms, remainder)

    assert sum(shares) == min(total, sum(rooms))
    assert all(0 <= got <= room for got, room in zip(shares, rooms, strict=True))


@MANY
@given(st.integers(0, 10**6), st.integers(1, 10**4), st.sampled_from(["half_up", "half_down", "half_even", "down"]))
def test_a_rounded_division_is_off_by_half_at_most(numerator, denominator, rounding):
    whole = divide(numerator, denominator, rounding)

    error = abs(whole * denominator - numerator)
    assert error < denominator if rounding == "down" else 2 * error <= denominator
