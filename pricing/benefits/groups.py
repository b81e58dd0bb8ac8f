"""`groups`: whole groups of units, each priced, or one unit of each."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import chain

from pricing.benefits.base import BenefitContext, BenefitFunction, BenefitResult
from pricing.effects import Effect, Terms, apply_per_unit, apply_together
from pricing.offer import Groups, Then
from pricing.prices import Discount, Prices
from pricing.rounding import to_basis_points
from pricing.units import Pot, Slot, chosen, first, pack_groups, pieces, pot_of


def groups(benefit: Groups, ground: BenefitContext) -> BenefitFunction:
    """Fills groups cheapest or dearest first and prices them; units that fill no whole group stay as they are."""
    narrow = benefit.narrow
    lines = ground.eligible(narrow.select)
    numbers = [number for number in (benefit.count, ground.most) if number is not None]
    most = min(numbers) if numbers else None
    filling = GroupFill(benefit.size, benefit.fill, most)
    priced = pricing(benefit, ground)

    def give(prices: Prices) -> BenefitResult:
        slots = chosen(prices, lines, narrow, (), narrow.per or "order")
        slots.sort(key=lambda slot: (slot.price if filling.order == "cheapest" else -slot.price, slot.line, slot.run))
        return BenefitResult(priced(prices, list(pack_groups(slots, filling.size, filling.most))))

    return give


class GroupFill:
    """How groups are made."""

    __slots__ = ("most", "order", "size")

    def __init__(self, size: int, order: str, most: int | None) -> None:
        self.size, self.order, self.most = size, order, most


Priced = Callable[[Prices, list[list[Slot]]], Sequence[Discount]]


def pricing(benefit: Groups, ground: BenefitContext) -> Priced:
    """What is done to the groups once they are made."""
    terms, size = ground.terms(benefit.narrow), benefit.size
    if benefit.then is not None:
        return pick_units(benefit, benefit.then, ground)
    effect = effect_of(benefit, ground)
    alone = benefit.unit_price is not None

    def priced(prices: Prices, made: list[list[Slot]]) -> Sequence[Discount]:
        pots = [(pot_of(group, size), effect) for group in made]
        return apply_per_unit(prices, pots, terms) if alone else apply_together(prices, pots, terms)

    return priced


def effect_of(way: Groups | Then, ground: BenefitContext) -> Effect:
    """The effect that a group or a picked unit gets."""
    if way.percent is not None:
        return Effect("percent", to_basis_points(way.percent))
    if way.amount is not None:
        return Effect("amount", ground.minor(way.amount))
    left = way.unit_price if way.unit_price is not None else getattr(way, "group_price", None)
    if left is None:
        raise ValueError("a group is priced in one way")
    return Effect("price", ground.minor(left))


def pick_units(benefit: Groups, then: Then, ground: BenefitContext) -> Priced:
    """The nth unit of each group, or the nth share (as many units as there are groups) of all grouped units."""
    effect, terms = effect_of(then, ground), ground.terms(benefit.narrow)
    size = benefit.size
    pick = nth_of_each if then.scope == "within_group" else nth_share

    def priced(prices: Prices, made: list[list[Slot]]) -> Sequence[Discount]:
        picked = pick(made, size, then)
        return price_picked(prices, picked if then.max_uses is None else first(picked, then.max_uses), effect, terms)

    return priced


def price_picked(prices: Prices, picked: Sequence[Slot], effect: Effect, terms: Terms) -> Sequence[Discount]:
    """The effect on each picked unit for itself, unless the profile rounds more coarsely."""
    pots = [(Pot(pieces(picked)), effect)] if picked else []
    if effect.kind == "percent" and terms.profile.round_on in ("line", "order_discount"):
        return apply_together(prices, pots, terms)
    return apply_per_unit(prices, pots, terms)


def nth_of_each(made: list[list[Slot]], size: int, then: Then) -> list[Slot]:
    """The nth cheapest or dearest unit of each group, in the order in which the groups were filled."""
    picked: list[Slot] = []
    for group in made:
        if len(group) == 1:
            picked.append(group[0]._replace(units=group[0].units // size))
            continue
        passed = 0
        for slot in by_price(group, then.pick):
            passed += slot.units
            if passed >= then.nth:
                picked.append(slot._replace(units=1))
                break
    return picked


def nth_share(made: list[list[Slot]], size: int, then: Then) -> list[Slot]:
    """All grouped units in one row, cut into shares of as many units as there are groups: the nth share."""
    row = by_price(chain.from_iterable(made), then.pick)
    number = sum(slot.units for slot in row) // size
    skipped = (then.nth - 1) * number
    return after(row, skipped, number)


def by_price(slots: Sequence[Slot] | chain[Slot], pick: str) -> list[Slot]:
    """Slots cheapest or dearest first."""
    sign = -1 if pick == "dearest" else 1
    return sorted(slots, key=lambda slot: (sign * slot.price, slot.line, slot.run))


def after(slots: list[Slot], skipped: int, number: int) -> list[Slot]:
    """`number` units after the first `skipped` ones."""
    rest: list[Slot] = []
    for slot in slots:
        gone = min(slot.units, skipped)
        skipped -= gone
        if slot.units > gone:
            rest.append(slot._replace(units=slot.units - gone))
    return first(rest, number)
