"""Running prices of a cart while offers are applied.

A line is stored as runs of units of the same price. A line of 1,000 units is one run until a discount affects only
some of its units or cannot be divided evenly. Each run has two unit prices: the price at the start of the current
lane, by which units are selected, and the current price, from which discounts are subtracted. It also tells whether
its units are used: bought, given or grouped by a benefit of the lane.

A discount on a whole line is only recorded at first (`pending`). It is spread over the units of the line when their
prices are requested, so a cart without benefits on single units never splits its lines.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from pricing.rounding import share
from pricing.values import Line, Shipping


class Run(NamedTuple):
    """Units of one line that cost the same."""

    units: int
    start: int
    now: int
    is_used: bool = False


Parts = list[tuple[int, int]]
"""Some units of a line, as pairs of a run's index and a number of its units."""


class Piece(NamedTuple):
    """Units of one line; all of its units when `parts` is None."""

    line: int
    parts: Parts | None = None


class Discount(NamedTuple):
    """Amount to subtract from units of one line."""

    line: int
    parts: Parts | None
    amount: int


class Prices:
    """Amounts left to pay, unit by unit. Lines and shipping methods are identified by index, in the engine's order."""

    __slots__ = ("_runs", "chosen_method", "floors", "left", "lines", "pending", "remainder", "shipping_left", "start")

    def __init__(
        self, lines: Sequence[Line], shipping: Sequence[Shipping], remainder: str, chosen_method: int | None = None
    ) -> None:
        self.lines = lines
        self.chosen_method = chosen_method
        self.remainder = remainder
        self.pending = [0] * len(lines)
        self._runs = [[Run(line.quantity, line.unit_price, line.unit_price)] for line in lines]
        self.left = [line.quantity * line.unit_price for line in lines]
        self.start = list(self.left)
        self.floors = [line.quantity * min(line.min_unit_price, line.unit_price) for line in lines]
        self.shipping_left = [method.price for method in shipping]

    def copy(self) -> Prices:
        """Return an independent copy of the prices."""
        copied = object.__new__(Prices)
        copied.lines, copied.floors, copied.remainder = self.lines, self.floors, self.remainder
        copied.chosen_method = self.chosen_method
        copied._runs, copied.pending, copied.left = list(self._runs), list(self.pending), list(self.left)
        copied.start, copied.shipping_left = self.start, list(self.shipping_left)
        return copied

    def start_lane(self) -> None:
        """Start the next lane: units are now selected by the prices that the earlier lanes left."""
        used = [any(run.is_used for run in runs) for runs in self._runs]
        changed = [line for line, left in enumerate(self.left) if left != self.start[line] or used[line]]
        self.start = list(self.left)
        for line in changed:
            self._runs[line] = merge_runs([Run(run.units, run.now, run.now) for run in self.runs(line)])

    def runs(self, line: int) -> list[Run]:
        """Return the runs of a line, after spreading any pending discount over them."""
        if self.pending[line]:
            discount = Discount(
                line, [(index, run.units) for index, run in enumerate(self._runs[line])], self.pending[line]
            )
            self.pending[line] = 0
            self._runs[line] = self._discounted_runs(line, [discount])
        return self._runs[line]

    def unit_floor(self, line: int) -> int:
        """Return the lowest price that a unit of the line may have."""
        item = self.lines[line]
        return min(item.min_unit_price, item.unit_price)

    def parts(self, piece: Piece) -> Parts:
        """Return the units of a piece, run by run."""
        if piece.parts is not None:
            return piece.parts
        return [(index, run.units) for index, run in enumerate(self.runs(piece.line))]

    def count_units(self, piece: Piece) -> int:
        """Return the number of units."""
        if piece.parts is None:
            return self.lines[piece.line].quantity
        return sum(count for _, count in piece.parts)

    def value(self, piece: Piece) -> int:
        """Return the current price of the units."""
        if piece.parts is None:
            return self.left[piece.line]
        runs = self._runs[piece.line]
        return sum(count * runs[run].now for run, count in piece.parts)

    def discountable_amount(self, piece: Piece) -> int:
        """Return the amount that can still be subtracted from the units."""
        if piece.parts is None:
            return self.left[piece.line] - self.floors[piece.line]
        return self.value(piece) - self.count_units(piece) * self.unit_floor(piece.line)

    def initial_value(self, piece: Piece) -> int:
        """Return the price of the units before all discounts."""
        return self.count_units(piece) * self.lines[piece.line].unit_price

    def count_unused(self, line: int) -> int:
        """Return the number of units of a line that no benefit of the lane has used."""
        runs = self._runs[line]
        return self.lines[line].quantity - sum(run.units for run in runs if run.is_used)

    def use_units(self, pieces: Iterable[Piece]) -> None:
        """Mark units as used. They keep their places among the runs of their lines."""
        counts: dict[tuple[int, int], int] = {}
        for piece in pieces:
            for index, count in self.parts(piece):
                counts[piece.line, index] = counts.get((piece.line, index), 0) + count
        for (line, index), count in sorted(counts.items()):
            runs = self._runs[line]
            run = runs[index]
            rest = [run._replace(units=run.units - count)] if count < run.units else []
            used = run._replace(units=count, is_used=True)
            self._runs[line] = [*runs[:index], used, *runs[index + 1 :], *rest]

    def apply_discount(self, discounts: Sequence[Discount]) -> None:
        """Subtract the discounts. They affect different units, each within the discountable amount of its units."""
        by_line: dict[int, list[Discount]] = {}
        for discount in discounts:
            self.left[discount.line] -= discount.amount
            if discount.parts is None:
                self.pending[discount.line] += discount.amount
            elif discount.amount:
                by_line.setdefault(discount.line, []).append(discount)
        for line, line_discounts in by_line.items():
            self._runs[line] = self._discounted_runs(line, line_discounts)

    def _discounted_runs(self, line: int, discounts: Sequence[Discount]) -> list[Run]:
        """Return the runs of a line after the discounts on some of its units."""
        runs = self._runs[line]
        untouched = [run.units for run in runs]
        new_runs: list[Run] = []
        for discount in discounts:
            parts = discount.parts or []
            for (index, count), amount in zip(parts, self._split_over_runs(line, parts, discount.amount), strict=True):
                untouched[index] -= count
                run = runs[index]
                reduction, remaining = divmod(amount, count)
                if remaining:
                    new_runs.append(run._replace(units=remaining, now=run.now - reduction - 1))
                new_runs.append(run._replace(units=count - remaining, now=run.now - reduction))
        new_runs.extend(runs[i]._replace(units=count) for i, count in enumerate(untouched) if count)
        return new_runs if len(new_runs) == 1 else merge_runs(new_runs)

    def _split_over_runs(self, line: int, parts: Parts, amount: int) -> list[int]:
        """Split an amount over runs of one line by their current price."""
        if len(parts) == 1:
            return [amount]
        runs, floor = self._runs[line], self.unit_floor(line)
        values = [count * runs[run].now for run, count in parts]
        capacities = [count * (runs[run].now - floor) for run, count in parts]
        return share(amount, values, capacities, self.remainder)


def merge_runs(runs: list[Run]) -> list[Run]:
    """Combine runs with the same prices, cheapest first. Used units stay apart."""
    counts: dict[tuple[int, int, bool], int] = {}
    for run in runs:
        key = (run.start, run.now, run.is_used)
        counts[key] = counts.get(key, 0) + run.units
    return [Run(count, *key) for key, count in sorted(counts.items())]
