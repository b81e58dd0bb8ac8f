# ruff: noqa: E501  (a row of a table is one line)
"""Properties that hold for every cart, offer and profile."""

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
from tests.pricing.strategies import (
    BENEFITS,
    COMBINABLE_OFFERS,
    FACTS,
    PROFILES,
    carts,
    documents,
    eligible_offer,
    eligible_offers,
)

THOROUGH = settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
BRIEF = settings(THOROUGH, max_examples=100)


NO_FACTS = ShopperFacts({})


def by_id(decision: Decision) -> dict[str, int]:
    return {line.id: line.discount for line in decision.lines} | {
        method.id: method.discount for method in decision.shipping
    }


@THOROUGH
@given(carts(), eligible_offers(), FACTS, PROFILES)
def test_amounts_add_up_and_respect_floors(cart, offers, facts, profile):
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


@THOROUGH
@given(carts(), eligible_offers(), FACTS, PROFILES)
def test_every_offer_is_applied_or_rejected_once(cart, offers, facts, profile):
    decision = price(cart, offers, facts, profile, NOON, explain=True)

    refs = [result.ref for result in decision.applied] + [result.ref for result in decision.rejected]
    assert sorted(refs) == sorted(result.ref for result in offers)
    assert [result.ref for result in decision.explanations] == [result.ref for result in offers]
    assert {result.ref for result in decision.explanations if result.outcome == "applied"} == {
        result.ref for result in decision.applied
    }


@THOROUGH
@given(carts(), eligible_offers(), FACTS, PROFILES, st.randoms())
def test_order_of_lines_shipping_and_offers_does_not_matter(cart, offers, facts, profile, random):
    def shuffled(values):
        return tuple(random.sample(values, len(values)))

    other = replace(cart, lines=shuffled(cart.lines), shipping=shuffled(cart.shipping))

    first = price(cart, offers, facts, profile, NOON)
    second = price(other, shuffled(offers), facts, profile, NOON)

    assert first.total == second.total
    assert by_id(first) == by_id(second)
    assert [(discount.ref, dict(discount.lines), dict(discount.shipping)) for discount in first.applied] == [
        (discount.ref, dict(discount.lines), dict(discount.shipping)) for discount in second.applied
    ]


@BRIEF
@given(carts(), eligible_offers(), FACTS, PROFILES)
def test_price_is_a_pure_function(cart, offers, facts, profile):
    assert price(cart, offers, facts, profile, NOON) == price(cart, offers, facts, profile, NOON)


COMBINABLE_ELIGIBLE_OFFERS = eligible_offers(COMBINABLE_OFFERS, max_size=3, budgets=False)


def with_added(offers: list[EligibleOffer], added: Offer, *, order: int) -> list[EligibleOffer]:
    """Return the offers and one more in the last lane."""
    last = max((offer.offer.lane for offer in offers), default=0)
    return [*offers, replace(eligible_offer(99, replace(added, lane=last, priority=0)), order=order)]


@THOROUGH
@given(carts(), COMBINABLE_ELIGIBLE_OFFERS, COMBINABLE_OFFERS, PROFILES)
def test_offer_added_at_the_end_of_the_last_lane_never_raises_the_total(cart, offers, added, profile):
    before = price(cart, offers, NO_FACTS, profile, NOON)
    after = price(cart, with_added(offers, added, order=99), NO_FACTS, profile, NOON)

    assert after.total <= before.total


@THOROUGH
@given(carts(), COMBINABLE_ELIGIBLE_OFFERS, COMBINABLE_OFFERS, PROFILES)
def test_offer_added_first_in_the_last_lane_costs_a_minor_unit_at_most(cart, offers, added, profile):
    before = price(cart, offers, NO_FACTS, profile, NOON)
    after = price(cart, with_added(offers, added, order=-1), NO_FACTS, profile, NOON)

    assert after.total <= before.total + sum(len(offer.offer.benefits) for offer in offers)


@THOROUGH
@given(carts(), COMBINABLE_OFFERS, BENEFITS, FACTS, PROFILES)
def test_added_benefit_never_raises_the_total(cart, offer, benefit, facts, profile):
    extended = parse_offer(dump_offer(offer) | {"benefits": [*dump_offer(offer)["benefits"], benefit]})

    before = price(cart, [eligible_offer(1, offer)], facts, profile, NOON)
    after = price(cart, [eligible_offer(1, extended)], facts, profile, NOON)

    assume(
        "currency_mismatch" not in [rejection.code for rejection in after.rejected]
    )  # cents in a cart of yen: no offer at all
    assert after.total <= before.total


WHOLE = st.one_of(
    st.fixed_dictionaries({"kind": st.just("percent"), "value": st.integers(1, 100), "on": st.just("order")}),
    st.fixed_dictionaries({"kind": st.just("amount"), "value": st.integers(1, 99).map(str), "on": st.sampled_from(["order", "unit"])}),
    st.fixed_dictionaries({"kind": st.just("set_price"), "value": st.integers(0, 99).map(str), "on": st.just("unit")}),
)  # fmt: skip


def split_in_two(cart: Cart, random) -> Cart:
    """Return the cart with one line of several units split into two lines."""
    several = [item for item in cart.lines if item.quantity > 1]
    if not several:
        return cart
    line = random.choice(several)
    part = random.randint(1, line.quantity - 1)
    others = tuple(item for item in cart.lines if item is not line)
    return replace(
        cart, lines=(*others, replace(line, quantity=part), replace(line, id="other", quantity=line.quantity - part))
    )


@THOROUGH
@given(carts(), WHOLE, st.randoms())
def test_splitting_a_line_does_not_change_the_total(cart, benefit, random):
    offer = parse_offer({"benefits": [benefit]})

    one = price(cart, [eligible_offer(1, offer)], NO_FACTS, Profile(), NOON)
    two = price(split_in_two(cart, random), [eligible_offer(1, offer)], NO_FACTS, Profile(), NOON)

    assert one.total == two.total


@THOROUGH
@given(carts(), st.integers(1, 100), st.randoms())
def test_splitting_a_line_changes_its_percentage_by_a_minor_unit_at_most(cart, percent, random):
    offer = parse_offer({"benefits": [{"kind": "percent", "value": percent, "on": "line"}]})

    one = price(cart, [eligible_offer(1, offer)], NO_FACTS, Profile(), NOON)
    two = price(split_in_two(cart, random), [eligible_offer(1, offer)], NO_FACTS, Profile(), NOON)

    assert abs(one.total - two.total) <= 1


def allowed_combinations(offers: list[EligibleOffer]) -> list[list[EligibleOffer]]:
    """Return every allowed combination of offers, except exclusive ones."""
    alone = [[offer] for offer in offers if not offer.offer.combinable]
    combinable = [offer for offer in offers if offer.offer.combinable]
    names = sorted({offer.offer.group for offer in combinable if offer.offer.group is not None})
    rows = [[offer for offer in combinable if offer.offer.group == name] for name in names]
    ungrouped = [offer for offer in combinable if offer.offer.group is None]
    return alone + [ungrouped + list(members) for members in product(*rows)]


def as_combinable(offer: EligibleOffer) -> EligibleOffer:
    """Return the offer as one that combines with all others."""
    return replace(offer, offer=replace(offer.offer, combinable=True, exclusive=False, group=None))


@THOROUGH
@given(carts(), eligible_offers(max_size=6), FACTS, PROFILES)
def test_combination_is_the_best_of_all_allowed_ones(cart, offers, facts, profile):
    decision = price(cart, offers, facts, profile, NOON)

    exclusive = sorted(
        (offer for offer in offers if offer.offer.exclusive), key=lambda offer: (-offer.offer.priority, offer.order)
    )
    for offer in exclusive:
        alone = price(cart, [as_combinable(offer)], facts, profile, NOON)
        if alone.applied:
            assert (decision.total, [one.ref for one in decision.applied]) == (alone.total, [offer.ref])
            return
    others = [offer for offer in offers if not offer.offer.exclusive]
    totals = [
        price(cart, [as_combinable(offer) for offer in combination], facts, profile, NOON).total
        for combination in allowed_combinations(others)
    ]
    assert decision.method == "exact"
    assert decision.total == min(totals)


@THOROUGH
@given(documents())
def test_offer_survives_dumping_and_parsing(document):
    offer = parse_offer(document)

    assert parse_offer(dump_offer(offer)) == offer
    assert dump_offer(parse_offer(dump_offer(offer))) == dump_offer(offer)


@BRIEF
@given(PROFILES)
def test_profile_survives_dumping_and_parsing(profile):
    assert parse_profile(dump_profile(profile)) == profile


JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5)),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=5), inner, max_size=3)),
    max_leaves=8,
)


@THOROUGH
@given(documents(), JSON, st.data())
def test_any_document_is_parsed_or_gives_errors(document, junk, data):
    target = data.draw(st.sampled_from([document, document["benefits"][0], *document["conditions"]]))
    target[data.draw(st.sampled_from([*target, "new"]))] = junk

    try:
        offer = parse_offer(document)
    except OfferInvalid as error:
        offer, errors = None, error.errors
    else:
        errors = []

    assert errors if offer is None else parse_offer(dump_offer(offer)) == offer


@THOROUGH
@given(
    st.integers(0, 5000),
    st.lists(st.tuples(st.integers(0, 100), st.integers(0, 500)), min_size=1, max_size=8),
    st.sampled_from(["largest_fraction", "first", "last"]),
)
def test_split_uses_the_capacities_and_exceeds_none(total, parts, remainder):
    weights, capacities = [weight for weight, _ in parts], [capacity for _, capacity in parts]

    shares = share(total, weights, capacities, remainder)

    assert sum(shares) == min(total, sum(capacities))
    assert all(0 <= part <= capacity for part, capacity in zip(shares, capacities, strict=True))


@THOROUGH
@given(st.integers(0, 10**6), st.integers(1, 10**4), st.sampled_from(["half_up", "half_down", "half_even", "down"]))
def test_rounded_division_is_off_by_half_at_most(numerator, denominator, rounding):
    whole = divide(numerator, denominator, rounding)

    error = abs(whole * denominator - numerator)
    assert error < denominator if rounding == "down" else 2 * error <= denominator
