"""Comparison of the engine, which works on runs of units, with a calculation unit by unit."""

from __future__ import annotations

from itertools import combinations

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pricing import Profile, ShopperFacts, parse_offer, price
from tests.pricing.builders import NOON, cart, line
from tests.pricing.strategies import eligible_offer

THOROUGH = settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)

BAGS = st.lists(st.tuples(st.integers(1, 12), st.integers(1, 5)), min_size=1, max_size=4)
"""Whole euros and quantities of lines l0, l1, ..."""
PICKS = st.sampled_from(["cheapest", "dearest"])


def build_cart(rows):
    return cart(*(line(f"l{n}", f"{euros}.00", quantity) for n, (euros, quantity) in enumerate(rows)))


def sorted_units(rows, pick="cheapest"):
    """Return all units as (euros, line), cheapest or most expensive first, ties to the earlier line."""
    sign = -1 if pick == "dearest" else 1
    units = [(euros, n) for n, (euros, quantity) in enumerate(rows) for _ in range(quantity)]
    return sorted(units, key=lambda unit: (sign * unit[0], unit[1]))


def euros_off(rows, benefit, profile=None, **more):
    decision = price(
        build_cart(rows),
        [eligible_offer(1, parse_offer({"benefits": [benefit], **more}))],
        ShopperFacts({}),
        profile or Profile(),
        NOON,
    )
    assert decision.discount_total % 100 == 0
    return {n: line_.discount // 100 for n, line_ in enumerate(decision.lines)}


def euros_by_line(rows, units):
    """Return the euros of the given units by line."""
    return {n: sum(euros for euros, owner in units if owner == n) for n in range(len(rows))}


@THOROUGH
@given(BAGS, st.integers(1, 9), PICKS)
def test_max_units(rows, max_units, pick):
    benefit = {"kind": "percent", "value": 100, "max_units": max_units, "pick": pick}

    assert euros_off(rows, benefit) == euros_by_line(rows, sorted_units(rows, pick)[:max_units])


@THOROUGH
@given(BAGS, st.integers(1, 4), PICKS, st.sampled_from([None, 1, 2]))
def test_groups(rows, size, fill, count):
    units = sorted_units(rows, fill)
    group_count = len(units) // size if count is None else min(count, len(units) // size)

    assert euros_off(
        rows, {"kind": "groups", "size": size, "fill": fill, "count": count, "percent": 100}
    ) == euros_by_line(rows, units[: group_count * size])


@THOROUGH
@given(BAGS, st.integers(1, 4), st.data(), PICKS, PICKS, st.sampled_from([None, 1, 2]))
def test_the_nth_of_each_group(rows, size, data, fill, pick, max_uses):
    nth = data.draw(st.integers(1, size))
    units = sorted_units(rows, fill)
    groups = [units[start : start + size] for start in range(0, len(units) - size + 1, size)]
    sign = -1 if pick == "dearest" else 1
    picked = [sorted(group, key=lambda unit: (sign * unit[0], unit[1]))[nth - 1] for group in groups][:max_uses]

    then = {"pick": pick, "nth": nth, "percent": 100, "max_uses": max_uses}
    assert euros_off(rows, {"kind": "groups", "size": size, "fill": fill, "then": then}) == euros_by_line(rows, picked)


@THOROUGH
@given(BAGS, st.integers(1, 4), st.data(), PICKS, PICKS, st.sampled_from([None, 1, 2]))
def test_the_nth_share_across_groups(rows, size, data, fill, pick, max_uses):
    nth = data.draw(st.integers(1, size))
    units = sorted_units(rows, fill)
    share_size = len(units) // size
    sign = -1 if pick == "dearest" else 1
    grouped = sorted(units[: share_size * size], key=lambda unit: (sign * unit[0], unit[1]))
    picked = grouped[(nth - 1) * share_size : nth * share_size][:max_uses]

    then = {"pick": pick, "nth": nth, "scope": "across_groups", "percent": 100, "max_uses": max_uses}
    assert euros_off(rows, {"kind": "groups", "size": size, "fill": fill, "then": then}) == euros_by_line(rows, picked)


@THOROUGH
@given(BAGS, st.integers(1, 4), st.integers(0, 30))
def test_bundles(rows, size, bundle_price):
    units = sorted_units(rows)
    groups = [units[start : start + size] for start in range(0, len(units) - size + 1, size)]

    benefit = {"kind": "set_price", "on": "bundle", "bundle_size": size, "value": f"{bundle_price}.00"}
    expected = sum(max(0, sum(euros for euros, _ in group) - bundle_price) for group in groups)
    decision = price(
        build_cart(rows), [eligible_offer(1, parse_offer({"benefits": [benefit]}))], ShopperFacts({}), Profile(), NOON
    )
    assert decision.discount_total == expected * 100


@settings(THOROUGH, max_examples=120)
@given(
    st.lists(st.tuples(st.integers(1, 9), st.integers(1, 3)), min_size=1, max_size=3),
    st.integers(1, 3),
    st.integers(1, 3),
    st.sets(st.integers(0, 2)),
    st.sets(st.integers(0, 2)),
    st.sampled_from([None, 1, 2]),
)
def test_buy_get_discounts_the_most_units_and_the_cheapest_of_them(rows, buy, get, buying, getting, max_applications):
    """Compare with every set of units that could be discounted: enough others are bought, and the units are earned."""
    buying, getting = {n for n in buying if n < len(rows)}, {n for n in getting if n < len(rows)}
    units = [(euros, n, copy) for n, (euros, quantity) in enumerate(rows) for copy in range(quantity)]
    bought = sum(1 for _, n, _ in units if n in buying)
    best = (0, 0)
    discountable = [unit for unit in units if unit[1] in getting]
    for number in range(1, len(discountable) + 1):
        times, incomplete = -(-number // get), number % get
        if max_applications is not None and times > max_applications:
            break
        for discounted in combinations(discountable, number):
            if times > 1 and sum(1 for _, n, _ in discounted if n not in buying) < incomplete:
                continue  # only the first application may take units that are bought anyway without being complete
            if bought - sum(1 for _, n, _ in discounted if n in buying) >= times * buy:
                best = max(best, (number, -sum(euros for euros, _, _ in discounted)))

    def names(lines):
        return {"skus": [f"l{n}" for n in lines] or ["none"]}

    benefit = {
        "kind": "buy_get",
        "buy": {"quantity": buy, "select": names(buying)},
        "get": {"quantity": get, "select": names(getting)},
    }
    assert sum(euros_off(rows, benefit, max_applications=max_applications).values()) == -best[1]


@THOROUGH
@given(BAGS, st.integers(1, 3), st.integers(1, 3))
def test_buy_get_discounts_the_most_expensive_units(rows, buy, get):
    """Check the case in which every unit counts as bought and may be discounted.

    Of n units, each complete repetition of buy + get discounts `get` units; the first may be incomplete.
    """
    units = sorted_units(rows, "dearest")
    number = len(units) // (buy + get) * get or max(0, len(units) - buy)

    benefit = {"kind": "buy_get", "buy": {"quantity": buy}, "get": {"quantity": get}}
    assert euros_off(rows, benefit, Profile(free_units="dearest")) == euros_by_line(rows, units[:number])
