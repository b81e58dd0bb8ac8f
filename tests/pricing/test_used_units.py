"""Units that one benefit has bought, given or grouped are not used again by another one in the same lane."""

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.pricing.builders import cart, line, off, offer, percent, quote, set_price


def buy_get(buy: int, get: int, **more: Any) -> dict[str, Any]:
    return {"kind": "buy_get", "buy": {"quantity": buy}, "get": {"quantity": get}, **more}


def groups(size: int, **more: Any) -> dict[str, Any]:
    return {"kind": "groups", "size": size, **({"percent": 100} if len(more.keys() - {"count"}) == 0 else {}), **more}


def bundle(size: int, price: str = "0.00", **more: Any) -> dict[str, Any]:
    return set_price(price, "bundle", bundle_size=size, **more)


def free_units(units: int, *offers: Any) -> list[int]:
    """Return how many of equal units each offer makes free."""
    decision = quote(cart(line("a", "1.00", units)), *offers)
    amounts = {applied.ref: applied.amount for applied in decision.applied}
    return [amounts.get(f"o{number}", 0) // 100 for number in range(1, len(offers) + 1)]


FIVE_TEN = offer(buy_get(5, 10))
REST = offer(groups(1))


@pytest.mark.parametrize(
    ("units", "given", "left"),
    [
        (4, 0, 4), (5, 0, 5), (6, 1, 0), (14, 9, 0), (15, 10, 0), (16, 10, 1), (24, 10, 9), (29, 10, 14), (30, 20, 0),
        (39, 20, 9),
    ],
)  # fmt: skip
def test_buy_five_get_ten_uses_complete_sets_and_leaves_the_rest(units: int, given: int, left: int) -> None:
    assert free_units(units, FIVE_TEN, REST) == [given, left]


PAIRS = {
    "the same twice": (24, buy_get(5, 10, repeat=False), buy_get(3, 6), [10, 6]),
    "too few are left": (17, buy_get(5, 10), buy_get(2, 1), [10, 0]),
    "a purchase, then groups": (24, buy_get(5, 10), groups(4), [10, 8]),
    "a purchase, then bundles": (24, buy_get(5, 10), bundle(4), [10, 8]),
    "groups, then a purchase": (24, groups(4, count=3), buy_get(5, 5), [12, 5]),
    "groups, then groups": (10, groups(4), groups(2), [8, 2]),
    "bundles, then a purchase": (10, bundle(4), buy_get(1, 1), [8, 1]),
    "bundles that are no cheaper stay": (10, bundle(5, "5.00"), groups(5), [0, 10]),
    "a picked unit uses its group": (
        7, {"kind": "groups", "size": 3, "then": {"percent": 100}}, groups(1), [2, 1],
    ),
}  # fmt: skip


@pytest.mark.parametrize(("units", "first", "second", "expected"), PAIRS.values(), ids=PAIRS.keys())
def test_the_next_offer_of_the_lane_finds_the_rest(
    units: int, first: dict[str, Any], second: dict[str, Any], expected: list[int]
) -> None:
    assert free_units(units, offer(first), offer(second)) == expected
    both = offer(first, second)
    assert free_units(units, both) == [sum(expected)]  # benefits of one offer, too


def test_priority_decides_which_offer_is_first() -> None:
    assert free_units(24, offer(groups(4)), offer(buy_get(5, 10), priority=1)) == [8, 10]


def test_other_benefits_and_later_lanes_see_all_units() -> None:
    bag = cart(line("a", "10.00", 3))

    assert off(quote(bag, offer(buy_get(2, 1)), offer(percent(10)))) == {"a": "12.00"}
    assert off(quote(bag, offer(buy_get(2, 1)), offer(buy_get(1, 1), lane=1))) == {"a": "20.00"}
    assert off(quote(bag, offer(buy_get(2, 1)), offer(buy_get(1, 1)))) == {"a": "10.00"}


def test_bought_units_are_first_those_that_cannot_be_cheaper_then_the_cheapest() -> None:
    bag = cart(line("a", "10.00"), line("b", "20.00"), line("c", "30.00"), line("d", "40.00", discountable=False))

    assert off(quote(bag, offer(buy_get(1, 1, repeat=False)), offer(groups(2)))) == {
        "a": "10.00", "b": "20.00", "c": "30.00",
    }  # fmt: skip
    assert off(quote(bag, offer(buy_get(2, 1, repeat=False)), offer(groups(1)))) == {"a": "10.00", "c": "30.00"}


def test_an_offer_without_an_effect_uses_nothing() -> None:
    bag = cart(line("a", "10.00", 3))
    expensive = {"kind": "groups", "size": 3, "unit_price": "11.00"}

    assert off(quote(bag, offer(expensive, priority=1), offer(buy_get(2, 1)))) == {"a": "10.00"}


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    units=st.integers(1, 40),
    sets=st.lists(st.tuples(st.integers(1, 6), st.integers(1, 6), st.booleans()), min_size=1, max_size=3),
)
def test_no_unit_is_used_twice(units: int, sets: list[tuple[int, int, bool]]) -> None:
    """Units of equal price: each offer takes complete sets of what the earlier ones left, the first perhaps a part."""
    offers = [offer(buy_get(buy, get, repeat=repeat)) for buy, get, repeat in sets]
    left, expected = units, []
    for buy, get, repeat in sets:
        times = left // (buy + get) if repeat else min(1, left // (buy + get))
        given_units = times * get or max(0, left - buy)
        left -= times * (buy + get) or (buy + given_units if given_units else 0)
        expected.append(given_units)

    assert free_units(units, *offers) == expected
