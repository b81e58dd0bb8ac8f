"""Which units a benefit reaches, and how they are put together into pots.

Units are chosen by what they cost when the lane began, so what other offers of the lane take off changes no choice.

A pot is what an effect is worked out on once: the whole order, a line, a bundle, a group. `times` pots of exactly
the same make are kept as one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from pricing.offer import Narrowing
from pricing.prices import Parts, Piece, Prices


class Pot(NamedTuple):
    """Units that are priced together, `times` over. Above one, they all lie in a single run."""

    pieces: list[Piece]
    times: int = 1


class Slot(NamedTuple):
    """Some units of one run, and the price by which they are ordered."""

    price: int
    line: int
    run: int
    units: int


Limits = Sequence[tuple[frozenset[int], int]]
"""(lines, number): of the units of these lines no more than this many are reached."""


def ordered(prices: Prices, lines: Iterable[int], pick: str) -> list[Slot]:
    """The units of `lines` that had room when the lane began, cheapest or dearest first, ties to the earlier line."""
    slots = [
        Slot(run.start, line, index, run.units)
        for line in lines
        for index, run in enumerate(prices.runs(line))
        if run.start > prices.floor(line)
    ]
    sign = -1 if pick == "dearest" else 1
    slots.sort(key=lambda slot: (sign * slot.price, slot.line, slot.run))
    return slots


def first(slots: Iterable[Slot], number: int) -> list[Slot]:
    """The first `number` units."""
    chosen: list[Slot] = []
    for slot in slots:
        if number <= 0:
            break
        count = min(slot.units, number)
        chosen.append(slot._replace(units=count))
        number -= count
    return chosen


def is_narrowed(narrow: Narrowing, limits: Limits) -> bool:
    """Whether some units of an eligible line may be left out."""
    return narrow.max_units is not None or narrow.only_complete_groups_of is not None or bool(limits)


def chosen(prices: Prices, lines: Sequence[int], narrow: Narrowing, limits: Limits, per: str) -> list[Slot]:
    """The units that the narrowing leaves, in its `pick` order."""
    slots = ordered(prices, lines, narrow.pick or "cheapest")
    for among, number in limits:
        slots = limited(slots, among, number)
    if per == "order":
        return apply_unit_limits(slots, narrow)
    by_line: dict[int, list[Slot]] = {}
    for slot in slots:
        by_line.setdefault(slot.line, []).append(slot)
    return [slot for its in by_line.values() for slot in apply_unit_limits(its, narrow)]


def limited(slots: Iterable[Slot], among: frozenset[int], number: int) -> list[Slot]:
    """The units without those of the lines `among` that come after the first `number` of them."""
    kept: list[Slot] = []
    for slot in slots:
        units = min(slot.units, number) if slot.line in among else slot.units
        number -= units if slot.line in among else 0
        if units:
            kept.append(slot._replace(units=units))
    return kept


def apply_unit_limits(slots: list[Slot], narrow: Narrowing) -> list[Slot]:
    """No more than `max_units`, and of those only complete groups."""
    if narrow.max_units is not None:
        slots = first(slots, narrow.max_units)
    if narrow.only_complete_groups_of is not None:
        total = sum(slot.units for slot in slots)
        slots = first(slots, total - total % narrow.only_complete_groups_of)
    return slots


def pieces(slots: Iterable[Slot]) -> list[Piece]:
    """The units put together by line, lines in the engine's order."""
    by_line: dict[int, dict[int, int]] = {}
    for slot in slots:
        runs = by_line.setdefault(slot.line, {})
        runs[slot.run] = runs.get(slot.run, 0) + slot.units
    return [Piece(line, sorted(runs.items())) for line, runs in sorted(by_line.items())]


def affected_units(prices: Prices, lines: Sequence[int], narrow: Narrowing, limits: Limits) -> list[Piece]:
    """The units that a benefit reaches, by line: whole lines, even full ones, unless the narrowing leaves some out."""
    if not is_narrowed(narrow, limits):
        return [Piece(line) for line in lines]
    return pieces(chosen(prices, lines, narrow, limits, narrow.per or "order"))


def cheapest_line(prices: Prices, lines: Iterable[int]) -> list[int]:
    """The line with the lowest unit price among those that had room when the lane began; of equals the one that costs
    least in all."""
    open_ = [line for line in lines if prices.start[line] > prices.floors[line]]
    if not open_:
        return []
    best = open_[0]
    for line in open_[1:]:
        here = prices.start[line] * prices.lines[best].quantity
        there = prices.start[best] * prices.lines[line].quantity
        if (here, prices.start[line]) < (there, prices.start[best]):
            best = line
    return [best]


def pack_groups(slots: Sequence[Slot], size: int, most: int | None) -> Iterator[list[Slot]]:
    """Whole groups of `size` units in the order of the slots, `most` at most; each is a list of slots.

    Groups that lie in one run come as one list with a single slot whose count is a multiple of `size`.
    """
    number = sum(slot.units for slot in slots) // size
    number = number if most is None else min(number, most)
    group: list[Slot] = []
    missing = size
    for slot in slots:
        count = slot.units
        while count and number:
            if not group and count >= size:
                whole = min(count // size, number)
                yield [slot._replace(units=whole * size)]
                count -= whole * size
                number -= whole
                continue
            part = min(count, missing)
            group.append(slot._replace(units=part))
            count -= part
            missing -= part
            if not missing:
                yield group
                group, missing, number = [], size, number - 1
        if not number:
            return


def pot_of(group: Sequence[Slot], size: int) -> Pot:
    """A pot of one group as `packed` gives it."""
    if len(group) == 1:
        slot = group[0]
        return Pot([Piece(slot.line, [(slot.run, size)])], slot.units // size)
    return Pot(pieces(group))


def multiplied(parts: Parts, times: int) -> Parts:
    """The units of `times` pots together."""
    return parts if times == 1 else [(run, count * times) for run, count in parts]
