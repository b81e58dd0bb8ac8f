"""The running prices of a cart while offers are played.

A line is kept as runs of units that cost the same, so a line of 1,000 units is one run until a discount reaches
only some of them or leaves a cent over. Each run knows two prices of a unit: what it cost when the present lane
began (by which units are chosen) and what it costs now (from which is taken).

What comes off a whole line is only counted at first (`pending`); it is spread over the line's units when somebody
asks for them, so a cart on which nothing looks at single units never has any.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from pricing.rounding import share
from pricing.values import Line, Shipping


class Run(NamedTuple):
    """`units` units of one line that cost the same."""

    units: int
    start: int
    now: int


Parts = list[tuple[int, int]]
"""Some units of a line: (index of the run, how many of it)."""


class Piece(NamedTuple):
    """Units of one line: all of them when `parts` is None."""

    line: int
    parts: Parts | None = None


class Discount(NamedTuple):
    """An amount to be taken off units of one line."""

    line: int
    parts: Parts | None
    amount: int


class Prices:
    """What is left to pay, unit by unit. Lines and shipping methods go by their index in the engine's order."""

    __slots__ = ("_runs", "floors", "freight", "left", "lines", "pending", "remainder", "start")

    def __init__(self, lines: Sequence[Line], shipping: Sequence[Shipping], remainder: str) -> None:
        self.lines = lines
        self.remainder = remainder
        self.pending = [0] * len(lines)
        self._runs = [[Run(line.quantity, line.unit_price, line.unit_price)] for line in lines]
        self.left = [line.quantity * line.unit_price for line in lines]
        self.start = list(self.left)
        self.floors = [line.quantity * min(line.min_unit_price, line.unit_price) for line in lines]
        self.freight = [method.price for method in shipping]

    def copy(self) -> Prices:
        """The same prices, to be changed apart from these."""
        twin = object.__new__(Prices)
        twin.lines, twin.floors, twin.remainder = self.lines, self.floors, self.remainder
        twin._runs, twin.pending, twin.left = list(self._runs), list(self.pending), list(self.left)
        twin.start, twin.freight = self.start, list(self.freight)
        return twin

    def begin_lane(self) -> None:
        """From now on units are chosen by the prices that the earlier lanes left."""
        changed = [line for line, left in enumerate(self.left) if left != self.start[line]]
        self.start = list(self.left)
        for line in changed:
            self._runs[line] = merged([Run(run.units, run.now, run.now) for run in self.runs(line)])

    def runs(self, line: int) -> list[Run]:
        """The units of a line, those of one price together."""
        if self.pending[line]:
            whole = Discount(
                line, [(index, run.units) for index, run in enumerate(self._runs[line])], self.pending[line]
            )
            self.pending[line] = 0
            self._runs[line] = self._after(line, [whole])
        return self._runs[line]

    def floor(self, line: int) -> int:
        """What a unit of the line may not cost less than."""
        each = self.lines[line]
        return min(each.min_unit_price, each.unit_price)

    def parts(self, piece: Piece) -> Parts:
        """The units of a piece, run by run."""
        if piece.parts is not None:
            return piece.parts
        return [(index, run.units) for index, run in enumerate(self.runs(piece.line))]

    def count(self, piece: Piece) -> int:
        """How many units."""
        if piece.parts is None:
            return self.lines[piece.line].quantity
        return sum(count for _, count in piece.parts)

    def value(self, piece: Piece) -> int:
        """What the units cost now."""
        if piece.parts is None:
            return self.left[piece.line]
        runs = self._runs[piece.line]
        return sum(count * runs[run].now for run, count in piece.parts)

    def discountable_amount(self, piece: Piece) -> int:
        """What can still be taken off the units."""
        if piece.parts is None:
            return self.left[piece.line] - self.floors[piece.line]
        return self.value(piece) - self.count(piece) * self.floor(piece.line)

    def initial(self, piece: Piece) -> int:
        """What the units cost before any discount."""
        return self.count(piece) * self.lines[piece.line].unit_price

    def apply_discount(self, takes: Sequence[Discount]) -> None:
        """Takes the amounts off. The takes reach different units, each no more than its units have room for."""
        by_line: dict[int, list[Discount]] = {}
        for each in takes:
            self.left[each.line] -= each.amount
            if each.parts is None:
                self.pending[each.line] += each.amount
            elif each.amount:
                by_line.setdefault(each.line, []).append(each)
        for line, its in by_line.items():
            self._runs[line] = self._after(line, its)

    def _after(self, line: int, takes: Sequence[Discount]) -> list[Run]:
        """The runs of a line once some units' takes are taken off."""
        runs = self._runs[line]
        untouched = [run.units for run in runs]
        after: list[Run] = []
        for each in takes:
            parts = each.parts or []
            for (index, count), amount in zip(parts, self._by_run(line, parts, each.amount), strict=True):
                untouched[index] -= count
                run = runs[index]
                off, dearer = divmod(amount, count)
                if dearer:
                    after.append(Run(dearer, run.start, run.now - off - 1))
                after.append(Run(count - dearer, run.start, run.now - off))
        after.extend(Run(count, runs[i].start, runs[i].now) for i, count in enumerate(untouched) if count)
        return after if len(after) == 1 else merged(after)

    def _by_run(self, line: int, parts: Parts, amount: int) -> list[int]:
        """An amount split over runs of one line by what they cost."""
        if len(parts) == 1:
            return [amount]
        runs, floor = self._runs[line], self.floor(line)
        values = [count * runs[run].now for run, count in parts]
        rooms = [count * (runs[run].now - floor) for run, count in parts]
        return share(amount, values, rooms, self.remainder)


def merged(runs: list[Run]) -> list[Run]:
    """Runs of the same prices put together, cheapest first."""
    counts: dict[tuple[int, int], int] = {}
    for run in runs:
        key = (run.start, run.now)
        counts[key] = counts.get(key, 0) + run.units
    return [Run(count, *key) for key, count in sorted(counts.items())]
