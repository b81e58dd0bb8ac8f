"""The engine keeps runs of units; here every unit stands for itself, and the two must agree."""

from __future__ import annotations

from itertools import combinations

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pricing import Profile, ShopperFacts, parse_offer, price
from tests.pricing.builders import NOON, cart, line
from tests.pricing.strategies import in_play

MANY = settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)

BAGS = st.lists(st.tuples(st.integers(1, 12), st.integers(1, 5)), min_size=1, max_size=4)
"""Whole euros and quantities of lines l0, l1, ..."""
ENDS = st.sampled_from(["cheapest", "dearest"])


def bag_of(rows):
    return cart(*(line(f"l{n}", f"{euros}.00", quantity) for n, (euros, quantity) in enumerate(rows)))


def row_of(rows, pick="cheapest"):
    """All units as (euros, line), cheapest or dearest first, ties to the earlier line."""
    sign = -1 if pick == "dearest" else 1
    units = [(euros, n) for n, (euros, quantity) in enumerate(rows) for _ in range(quantity)]
    return sorted(units, key=lambda unit: (sign * unit[0], unit[1]))


def euros_off(rows, benefit, profile=None, **more):
    decision = price(
        bag_of(rows),
        [in_play(1, parse_offer({"benefits": [benefit], **more}))],
        ShopperFacts({}),
        profile or Profile(),
        NOON,
    )
    assert decision.discount_total % 100 == 0
    return {n: each.discount // 100 for n, each in enumerate(decision.lines)}


def counted(rows, units):
    """Euros by line, of units given away."""
    return {n: sum(euros for euros, owner in units if owner == n) for n in range(len(rows))}


@MANY
@given(BAGS, st.integers(1, 9), ENDS)
def test_max_units(rows, most, pick):
    benefit = {"kind": "percent", "value": 100, "max_units": most, "pick": pick}

    assert euros_off(rows, benefit) == counted(rows, row_of(rows, pick)[:most])


@MANY
@given(BAGS, st.integers(1, 4), ENDS, st.sampled_from([None, 1, 2]))
def test_groups(rows, size, fill, count):
    row = row_of(rows, fill)
    whole = len(row) // size if count is None else min(count, len(row) // size)

    assert euros_off(rows, {"kind": "groups", "size": size, "fill": fill, "count": count, "percent": 100}) == counted(
        rows, row[: whole * size]
    )


@MANY
@given(BAGS, st.integers(1, 4), st.data(), ENDS, ENDS, st.sampled_from([None, 1, 2]))
def test_the_nth_of_each_group(rows, size, data, fill, pick, most):
    nth = data.draw(st.integers(1, size))
    row = row_of(rows, fill)
    made = [row[start : start + size] for start in range(0, len(row) - size + 1, size)]
    sign = -1 if pick == "dearest" else 1
    picked = [sorted(group, key=lambda unit: (sign * unit[0], unit[1]))[nth - 1] for group in made][:most]

    then = {"pick": pick, "nth": nth, "percent": 100, "max_uses": most}
    assert euros_off(rows, {"kind": "groups", "size": size, "fill": fill, "then": then}) == counted(rows, picked)


@MANY
@given(BAGS, st.integers(1, 4), st.data(), ENDS, ENDS, st.sampled_from([None, 1, 2]))
def test_the_nth_share_across_groups(rows, size, data, fill, pick, most):
    nth = data.draw(st.integers(1, size))
    row = row_of(rows, fill)
    number = len(row) // size
    sign = -1 if pick == "dearest" else 1
    grouped = sorted(row[: number * size], key=lambda unit: (sign * unit[0], unit[1]))
    picked = grouped[(nth - 1) * number : nth * number][:most]

    then = {"pick": pick, "nth": nth, "scope": "across_groups", "percent": 100, "max_uses": most}
    assert euros_off(rows, {"kind": "groups", "size": size, "fill": fill, "then": then}) == counted(rows, picked)


@MANY
@given(BAGS, st.integers(1, 4), st.integers(0, 30))
def test_bundles(rows, size, costs):
    row = row_of(rows)
    made = [row[start : start + size] for start in range(0, len(row) - size + 1, size)]

    benefit = {"kind": "set_price", "on": "bundle", "bundle_size": size, "value": f"{costs}.00"}
    expected = sum(max(0, sum(euros for euros, _ in group) - costs) for group in made)
    decision = price(
        bag_of(rows), [in_play(1, parse_offer({"benefits": [benefit]}))], ShopperFacts({}), Profile(), NOON
    )
    assert decision.discount_total == expected * 100


@settings(MANY, max_examples=120)
@given(
    st.lists(st.tuples(st.integers(1, 9), st.integers(1, 3)), min_size=1, max_size=3),
    st.integers(1, 3),
    st.integers(1, 3),
    st.sets(st.integers(0, 2)),
    st.sets(st.integers(0, 2)),
    st.sampled_from([None, 1, 2]),
)
def test_buy_and_get_gives_as_many_as_can_be_and_of_those_the_cheapest(rows, buy, get, buying, getting, most):
    """By trying every set of units that could be given: enough others must be bought, and they must be earned."""
    buying, getting = {n for n in buying if n < len(rows)}, {n for n in getting if n < len(rows)}
    units = [(euros, n, copy) for n, (euros, quantity) in enumerate(rows) for copy in range(quantity)]
    bought = sum(1 for _, n, _ in units if n in buying)
    best = (0, 0)
    givable = [unit for unit in units if unit[1] in getting]
    for number in range(1, len(givable) + 1):
        times = -(-number // get)
        if most is not None and times > most:
            break
        for given_away in combinations(givable, number):
            if bought - sum(1 for _, n, _ in given_away if n in buying) >= times * buy:
                best = max(best, (number, -sum(euros for euros, _, _ in given_away)))

    def names(lines):
        return {"skus": [f"l{n}" for n in lines] or ["none"]}

    benefit = {
        "kind": "buy_get",
        "buy": {"quantity": buy, "select": names(buying)},
        "get": {"quantity": get, "select": names(getting)},
    }
    assert sum(euros_off(rows, benefit, max_applications=most).values()) == -best[1]


@MANY
@given(BAGS, st.integers(1, 3), st.integers(1, 3))
def test_buy_and_get_dearest(rows, buy, get):
    """Where everything is both bought and given: of n units, whole turns of buy + get, and what is left above buy."""
    row = row_of(rows, "dearest")
    turns, rest = divmod(len(row), buy + get)
    number = turns * get + max(0, rest - buy)

    benefit = {"kind": "buy_get", "buy": {"quantity": buy}, "get": {"quantity": get}}
    assert euros_off(rows, benefit, Profile(free_units="dearest")) == counted(rows, row[:number])
