"""Selection of the units that a benefit affects, and their grouping into targets.

Units are selected by their price at the start of the lane, so the discounts of other offers in the lane do not
change the selection.

A target is a set of units to which an effect is applied once: the whole order, a line, a bundle or a group. Equal
targets of one run are stored as one, with their number in `times`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from pricing.offer import Narrowing
from pricing.prices import Parts, Piece, Prices


class Target(NamedTuple):
    """Units that are priced together, `times` over. Above one, all of them belong to a single run."""

    pieces: list[Piece]
    times: int = 1

    def list_units(self) -> list[Piece]:
        """Return the units of all targets that this one stands for."""
        return [Piece(piece.line, multiply(piece.parts or [], self.times)) for piece in self.pieces]


class UnitSlice(NamedTuple):
    """Units of one run, with the price by which they are sorted."""

    price: int
    line: int
    run: int
    units: int


Limits = Sequence[tuple[frozenset[int], int]]
"""Pairs of lines and a number: at most that many units of these lines are affected."""


def sort_units(prices: Prices, lines: Iterable[int], pick: str, *, unused: bool = False) -> list[UnitSlice]:
    """Return the units of `lines` that were above their floor at the start of the lane, sorted by price.

    `pick` is "cheapest" or "dearest"; units of the same price are sorted by line. With `unused`, units that a benefit
    of the lane has used are left out.
    """
    slices = [
        UnitSlice(run.start, line, index, run.units)
        for line in lines
        for index, run in enumerate(prices.runs(line))
        if run.start > prices.unit_floor(line) and not (unused and run.is_used)
    ]
    sign = -1 if pick == "dearest" else 1
    slices.sort(key=lambda piece: (sign * piece.price, piece.line, piece.run))
    return slices


def take_first(slices: Iterable[UnitSlice], number: int) -> list[UnitSlice]:
    """Return the first `number` units."""
    taken: list[UnitSlice] = []
    for piece in slices:
        if number <= 0:
            break
        count = min(piece.units, number)
        taken.append(piece._replace(units=count))
        number -= count
    return taken


def leaves_units_out(narrowing: Narrowing, limits: Limits) -> bool:
    """Return whether the narrowing or the limits may leave out some units of an eligible line."""
    return narrowing.max_units is not None or narrowing.only_complete_groups_of is not None or bool(limits)


def choose_units(
    prices: Prices, lines: Sequence[int], narrowing: Narrowing, limits: Limits, per: str, *, least: int | None = None
) -> list[UnitSlice]:
    """Return the units that the narrowing and the limits leave, in the `pick` order of the narrowing.

    With `least`, only unused units whose price is above it count.
    """
    slices = sort_units(prices, lines, narrowing.pick or "cheapest", unused=least is not None)
    slices = [piece for piece in slices if piece.price > (least or 0)]
    for limited_lines, number in limits:
        slices = limit_units(slices, limited_lines, number)
    if per == "order":
        return apply_unit_limits(slices, narrowing)
    by_line: dict[int, list[UnitSlice]] = {}
    for piece in slices:
        by_line.setdefault(piece.line, []).append(piece)
    return [piece for line_slices in by_line.values() for piece in apply_unit_limits(line_slices, narrowing)]


def limit_units(slices: Iterable[UnitSlice], lines: frozenset[int], number: int) -> list[UnitSlice]:
    """Return the units, with at most `number` units of `lines`; the first ones stay."""
    kept: list[UnitSlice] = []
    for piece in slices:
        units = min(piece.units, number) if piece.line in lines else piece.units
        number -= units if piece.line in lines else 0
        if units:
            kept.append(piece._replace(units=units))
    return kept


def apply_unit_limits(slices: list[UnitSlice], narrowing: Narrowing) -> list[UnitSlice]:
    """Return at most `max_units` units, reduced to complete groups where the narrowing requires them."""
    if narrowing.max_units is not None:
        slices = take_first(slices, narrowing.max_units)
    if narrowing.only_complete_groups_of is not None:
        total = sum(piece.units for piece in slices)
        slices = take_first(slices, total - total % narrowing.only_complete_groups_of)
    return slices


def take_bought(prices: Prices, lines: Iterable[int], number: int, given: Iterable[UnitSlice]) -> list[UnitSlice]:
    """Return `number` unused units that count as bought, besides the `given` ones.

    Units that can't be discounted are taken first, then the cheapest, so that the most expensive are left.
    """
    left = {
        (line, index): run.units for line in lines for index, run in enumerate(prices.runs(line)) if not run.is_used
    }
    for piece in given:
        if (piece.line, piece.run) in left:
            left[piece.line, piece.run] -= piece.units

    def rank(key: tuple[int, int]) -> tuple[bool, int, int, int]:
        line, index = key
        price = prices.runs(line)[index].start
        is_discountable = prices.lines[line].discountable and price > prices.unit_floor(line)
        return is_discountable, price, line, index

    ordered = sorted((key for key, units in left.items() if units), key=rank)
    slices = (UnitSlice(prices.runs(line)[index].start, line, index, left[line, index]) for line, index in ordered)
    return take_first(slices, number)


def group_by_line(slices: Iterable[UnitSlice]) -> list[Piece]:
    """Combine the units by line; lines are in the engine's order."""
    by_line: dict[int, dict[int, int]] = {}
    for piece in slices:
        runs = by_line.setdefault(piece.line, {})
        runs[piece.run] = runs.get(piece.run, 0) + piece.units
    return [Piece(line, sorted(runs.items())) for line, runs in sorted(by_line.items())]


def affected_units(prices: Prices, lines: Sequence[int], narrowing: Narrowing, limits: Limits) -> list[Piece]:
    """Return the units that a benefit affects, by line.

    Without narrowing these are whole lines, including lines whose units are already at their floor.
    """
    if not leaves_units_out(narrowing, limits):
        return [Piece(line) for line in lines]
    return group_by_line(choose_units(prices, lines, narrowing, limits, narrowing.per or "order"))


def find_cheapest_line(prices: Prices, lines: Iterable[int]) -> list[int]:
    """Return the line with the lowest unit price, among lines that were above their floor at the start of the lane.

    Of lines with the same unit price, the one with the lowest total is returned. The list is empty if there is none.
    """
    candidates = [line for line in lines if prices.start[line] > prices.floors[line]]
    if not candidates:
        return []
    best = candidates[0]
    for line in candidates[1:]:
        candidate_price = prices.start[line] * prices.lines[best].quantity
        best_price = prices.start[best] * prices.lines[line].quantity
        if (candidate_price, prices.start[line]) < (best_price, prices.start[best]):
            best = line
    return [best]


def pack_groups(slices: Sequence[UnitSlice], size: int, max_groups: int | None) -> Iterator[list[UnitSlice]]:
    """Yield up to `max_groups` complete groups of `size` units, in the order of the slices.

    Consecutive groups of one run are yielded as a single slice whose number of units is a multiple of `size`.
    """
    number = sum(piece.units for piece in slices) // size
    number = number if max_groups is None else min(number, max_groups)
    group: list[UnitSlice] = []
    missing = size
    for piece in slices:
        count = piece.units
        while count and number:
            if not group and count >= size:
                whole = min(count // size, number)
                yield [piece._replace(units=whole * size)]
                count -= whole * size
                number -= whole
                continue
            part = min(count, missing)
            group.append(piece._replace(units=part))
            count -= part
            missing -= part
            if not missing:
                yield group
                group, missing, number = [], size, number - 1
        if not number:
            return


def to_target(group: Sequence[UnitSlice], size: int) -> Target:
    """Convert a group of `pack_groups` to a target."""
    if len(group) == 1:
        piece = group[0]
        return Target([Piece(piece.line, [(piece.run, size)])], piece.units // size)
    return Target(group_by_line(group))


def multiply(parts: Parts, times: int) -> Parts:
    """Return the units of `times` targets."""
    return parts if times == 1 else [(run, count * times) for run, count in parts]
