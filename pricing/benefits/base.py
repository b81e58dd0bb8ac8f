"""What all families of benefits share: the ground they stand on and what they answer.

A family turns a benefit into a `Give`: a function from running prices to what the benefit takes off them. All that
does not depend on running prices (which lines are eligible, amounts in minor units) is worked out once, before.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import NamedTuple

from pricing.effects import Effect, Terms, apply_per_unit, apply_together
from pricing.offer import Narrowing, Select
from pricing.prices import Discount, Piece, Prices
from pricing.profile import Profile
from pricing.rounding import share, to_minor
from pricing.selection import selected
from pricing.units import Limits, Pot, affected_units, cheapest_line
from pricing.values import Gift, Line, Shipping


class BenefitResult(NamedTuple):
    """What one benefit gives: amounts off units, amounts off shipping methods by index, gifts."""

    discounts: Sequence[Discount] = ()
    shipping: Sequence[tuple[int, int]] = ()
    gifts: Sequence[Gift] = ()

    @property
    def amount(self) -> int:
        """Minor units off in all."""
        return sum(take.amount for take in self.discounts) + sum(amount for _, amount in self.shipping)

    def capped(self, most: int, remainder: str) -> BenefitResult:
        """The same, `most` in all; what is left out is left out everywhere in proportion."""
        amounts = [take.amount for take in self.discounts] + [amount for _, amount in self.shipping]
        if sum(amounts) <= most:
            return self
        less = share(most, amounts, amounts, remainder)
        discounts = [take._replace(amount=amount) for take, amount in zip(self.discounts, less, strict=False)]
        freight = [(method, amount) for (method, _), amount in zip(self.shipping, less[len(discounts) :], strict=True)]
        return BenefitResult(discounts, freight, self.gifts)


BenefitFunction = Callable[[Prices], BenefitResult]


@dataclass(frozen=True, slots=True)
class BenefitContext:
    """What a benefit stands on: the cart in the engine's order, and the terms of its offer."""

    ref: str
    lines: Sequence[Line]
    shipping: Sequence[Shipping]
    brand: str | None
    exponent: int
    profile: Profile
    most: int | None = None
    limits: Limits = ()

    def minor(self, amount: Decimal) -> int:
        """Minor units. Raises DoesNotFit."""
        return to_minor(amount, self.exponent)

    def all_lines(self, select: Select) -> list[int]:
        """The lines that the select takes, also those that may not be discounted."""
        return selected(select, self.lines, self.brand, self.exponent)

    def eligible(self, *selects: Select) -> list[int]:
        """The discountable lines that every select takes."""
        found = [line for line in self.all_lines(selects[0]) if self.lines[line].discountable]
        for select in selects[1:]:
            among = set(self.all_lines(select))
            found = [line for line in found if line in among]
        return found

    def terms(self, narrow: Narrowing) -> Terms:
        """How this benefit's discounts are worked out."""
        return Terms(self.profile, narrow.split)


def on_lines(prices: Prices, on: str, found: Sequence[Piece], effect: Effect, terms: Terms) -> list[Discount]:
    """An effect on what a benefit reaches: on all of it together, on each line, or on each unit."""
    if not found:
        return []
    if on == "order":
        return apply_together(prices, [(Pot(list(found)), effect)], terms)
    if on == "unit" and (effect.kind != "percent" or terms.profile.round_on not in ("line", "order_discount")):
        return apply_per_unit(prices, [(Pot(list(found)), effect)], terms)
    return apply_together(prices, [(Pot([piece]), effect) for piece in found], terms)


def affected_pieces(
    prices: Prices, on: str, lines: Sequence[int], narrow: Narrowing, ground: BenefitContext
) -> list[Piece]:
    """The units that a benefit on `on` reaches among its eligible lines.

    The limits of `max_applications` are for what is given line by line or unit by unit: an order has one discount.
    """
    if on == "cheapest_line":
        return affected_units(prices, cheapest_line(prices, lines), narrow, ())
    return affected_units(prices, lines, narrow, ground.limits if on in ("line", "unit") else ())
