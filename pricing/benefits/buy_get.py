"""`buy_get`: buy some units, get others cheaper; no unit is both.

How many can be given is settled first (as many as the cart allows), which ones second (cheapest or dearest).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import NamedTuple

from pricing.benefits.base import BenefitContext, BenefitFunction, BenefitResult
from pricing.effects import Effect, apply_together
from pricing.offer import BuyGet
from pricing.prices import Prices
from pricing.rounding import to_basis_points
from pricing.units import Pot, Slot, chosen, first, pieces


class Supply(NamedTuple):
    """How many units there are: that count as bought, that can be given, and that are both."""

    bought: int
    discountable: int
    both: int


def buy_get(benefit: BuyGet, ground: BenefitContext) -> BenefitFunction:
    """Takes `get.percent` off the given units, worked out per line."""
    narrow = benefit.narrow
    terms = ground.terms(narrow)
    effect = Effect("percent", to_basis_points(benefit.get.percent))
    pick = narrow.pick or ground.profile.free_units
    among = set(ground.all_lines(narrow.select))
    buying = frozenset(line for line in ground.all_lines(benefit.buy.select) if line in among)
    getting = ground.eligible(narrow.select, benefit.get.select)
    bought = sum(ground.lines[line].quantity for line in buying)
    most = 1 if not benefit.repeat else ground.most

    def give(prices: Prices) -> BenefitResult:
        slots = chosen(prices, getting, replace(narrow, pick=pick), (), narrow.per or "order")
        discountable = sum(slot.units for slot in slots)
        both = sum(slot.units for slot in slots if slot.line in buying)
        number, shared = allocate(Supply(bought, discountable, both), benefit, most)
        given = pieces(discount_free_units(slots, number, shared, buying))
        return BenefitResult(apply_together(prices, [(Pot([piece]), effect) for piece in given], terms))

    return give


def allocate(supply: Supply, benefit: BuyGet, most: int | None) -> tuple[int, int]:
    """How many units are given, and how many of them may be such as could also be bought.

    With k fulfilments k x buy.quantity units must remain bought, so at most `bought` less those may be given from
    the units that are both; and k fulfilments earn k x get.quantity units. Of the ks the one that gives most is
    taken: earnings rise with k and what may be given falls, so it is one of the two where they cross.
    """
    buy, get = benefit.buy.quantity, benefit.get.quantity
    largest = supply.bought // buy
    if most is not None:
        largest = min(largest, most)
    only_given = supply.discountable - supply.both

    def allowed(times: int) -> int:
        return only_given + min(supply.bought - times * buy, supply.both)

    low, high = 0, largest
    while low < high:
        middle = (low + high + 1) // 2
        if middle * get <= allowed(middle):
            low = middle
        else:
            high = middle - 1
    times = low if low == largest or low * get >= allowed(low + 1) else low + 1
    number = min(times * get, allowed(times))
    needed = -(-number // get)
    return number, supply.bought - needed * buy


def discount_free_units(slots: Iterable[Slot], number: int, shared: int, buying: frozenset[int]) -> list[Slot]:
    """The first `number` units in the order of `slots`, no more than `shared` of them from lines that are bought."""
    given: list[Slot] = []
    for slot in slots:
        count = min(slot.units, shared) if slot.line in buying else slot.units
        if slot.line in buying:
            shared -= min(count, number)
        given += first([slot._replace(units=count)], number) if count else []
        number -= min(count, number)
    return given
