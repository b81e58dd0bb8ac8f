"""`buy_get`: buy some units, get others cheaper. No unit counts as both.

The number of discounted units is determined first (as many as the cart allows), then which units those are. Units
that another benefit of the lane has used count for neither.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import NamedTuple

from pricing.benefits.base import BenefitContext, BenefitFunction, BenefitResult
from pricing.benefits.groups import build_effect
from pricing.effects import apply_per_unit, apply_together
from pricing.offer import BuyGet
from pricing.prices import Prices
from pricing.units import Target, UnitSlice, choose_units, group_by_line, take_bought, take_first


class Supply(NamedTuple):
    """Numbers of units: those that count as bought, those that may be discounted, and those that are both."""

    bought: int
    discountable: int
    both: int


def buy_get(benefit: BuyGet, context: BenefitContext) -> BenefitFunction:
    """Build the discount on the units to get: a percentage calculated per line, or an amount or price of each unit."""
    narrowing = benefit.narrowing
    terms = context.terms_for(narrowing)
    effect = build_effect(benefit.get, context)
    pick = narrowing.pick or context.profile.free_units
    selected = set(context.selected_lines(narrowing.select))
    buying = frozenset(line for line in context.selected_lines(benefit.buy.select) if line in selected)
    getting = context.eligible_lines(narrowing.select, benefit.get.select)
    least = effect.value if effect.kind == "price" else 0  # a unit at or below the price gets no cheaper
    max_applications = 1 if not benefit.repeat else context.max_applications

    def calculate(prices: Prices) -> BenefitResult:
        bought = sum(prices.count_unused(line) for line in buying)
        slices = choose_units(prices, getting, replace(narrowing, pick=pick), (), narrowing.per or "order", least=least)
        discountable = sum(piece.units for piece in slices)
        both = sum(piece.units for piece in slices if piece.line in buying)
        count, shared = allocate(Supply(bought, discountable, both), benefit, max_applications)
        free = discount_free_units(slices, count, shared, buying)
        if not benefit.partial and is_short(free, buying, bought, benefit, max_applications):
            return BenefitResult()
        pieces = group_by_line(free)
        targets = [(Target([piece]), effect) for piece in pieces]
        apply = apply_together if effect.kind == "percent" else apply_per_unit
        purchases = -(-sum(piece.units for piece in free) // benefit.get.quantity)
        paid = take_bought(prices, buying, purchases * benefit.buy.quantity, free)
        return BenefitResult(apply(prices, targets, terms), used=[*pieces, *group_by_line(paid)])

    return calculate


def is_short(
    free: Iterable[UnitSlice], buying: frozenset[int], bought: int, benefit: BuyGet, max_applications: int | None
) -> bool:
    """Return whether the units that remain bought would allow more units to be discounted than the cart has."""
    slices = list(free)
    remaining = bought - sum(piece.units for piece in slices if piece.line in buying)
    applications = remaining // benefit.buy.quantity
    if max_applications is not None:
        applications = min(applications, max_applications)
    return sum(piece.units for piece in slices) < applications * benefit.get.quantity


def allocate(supply: Supply, benefit: BuyGet, max_applications: int | None) -> tuple[int, int]:
    """Return how many units are discounted, and how many of them may come from lines that also count as bought.

    With k applications, k * buy.quantity units must remain bought, so at most `bought` minus those may be discounted of
    the units that are both; and k applications earn k * get.quantity units. The k with the most discounted units is
    taken: what is earned rises with k and what is allowed falls, so it is one of the two values where they cross.

    An application after the first that has fewer units to discount than it earns takes no units that are both: units
    that are bought anyway don't become cheaper by it and are left to the next offer.
    """
    buy, get = benefit.buy.quantity, benefit.get.quantity
    largest = supply.bought // buy
    if max_applications is not None:
        largest = min(largest, max_applications)
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
    complete = low * get
    if low == largest:
        return complete, supply.bought - low * buy
    shared = supply.bought - (low + 1) * buy
    if low:
        shared = min(shared, complete)
    number = min(complete + get, only_given + min(shared, supply.both))
    return (number, shared) if number > complete else (complete, supply.bought - low * buy)


def discount_free_units(
    slices: Iterable[UnitSlice], number: int, shared: int, buying: frozenset[int]
) -> list[UnitSlice]:
    """Return the first `number` units, with at most `shared` of them from lines that also count as bought."""
    discounted: list[UnitSlice] = []
    for piece in slices:
        count = min(piece.units, shared) if piece.line in buying else piece.units
        if piece.line in buying:
            shared -= min(count, number)
        discounted += take_first([piece._replace(units=count)], number) if count else []
        number -= min(count, number)
    return discounted
