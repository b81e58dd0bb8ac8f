"""Shared types and functions of all benefits.

A builder converts a benefit to a `BenefitFunction`, which calculates the discounts of the benefit from the running
prices. Everything that does not depend on running prices (eligible lines, amounts in minor units) is computed once.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from pricing.condition_values import Select
from pricing.currencies import CartCurrency, MoneyAmount
from pricing.effects import Effect, Terms, apply_per_unit, apply_together
from pricing.offer import Narrowing
from pricing.prices import Discount, Piece, Prices
from pricing.profile import Profile
from pricing.rounding import share
from pricing.selection import select_lines
from pricing.units import Limits, Target, affected_units, find_cheapest_line
from pricing.values import Gift, Line, Shipping


class BenefitResult(NamedTuple):
    """Result of one benefit: discounts on units, amounts off shipping methods by index, gifts, and the used units.

    `alternatives` are amounts off methods that the order doesn't use: they don't count, but later benefits see them.
    """

    discounts: Sequence[Discount] = ()
    shipping: Sequence[tuple[int, int]] = ()
    alternatives: Sequence[tuple[int, int]] = ()
    gifts: Sequence[Gift] = ()
    used: Sequence[Piece] = ()

    @property
    def amount(self) -> int:
        """Total discount in minor units."""
        return sum(discount.amount for discount in self.discounts) + sum(amount for _, amount in self.shipping)

    def capped(self, maximum: int, remainder: str) -> BenefitResult:
        """Return the result reduced to a total of `maximum`, everywhere in proportion."""
        alternatives = [(method, min(amount, maximum)) for method, amount in self.alternatives]
        amounts = [discount.amount for discount in self.discounts] + [amount for _, amount in self.shipping]
        if sum(amounts) <= maximum:
            return self._replace(alternatives=alternatives)
        shares = share(maximum, amounts, amounts, remainder)
        discounts = [discount._replace(amount=amount) for discount, amount in zip(self.discounts, shares, strict=False)]
        shipping = [
            (method, amount) for (method, _), amount in zip(self.shipping, shares[len(discounts) :], strict=True)
        ]
        return self._replace(discounts=discounts, shipping=shipping, alternatives=alternatives)


def shipping_result(prices: Prices, methods: Sequence[int], amounts: Sequence[int]) -> BenefitResult:
    """Return the result of a benefit that takes these amounts off shipping methods."""
    discounts = [(index, amount) for index, amount in zip(methods, amounts, strict=True) if amount]
    if prices.chosen_method is None:
        return BenefitResult(shipping=discounts)
    return BenefitResult(
        shipping=[discount for discount in discounts if discount[0] == prices.chosen_method],
        alternatives=[discount for discount in discounts if discount[0] != prices.chosen_method],
    )


BenefitFunction = Callable[[Prices], BenefitResult]


@dataclass(frozen=True, slots=True)
class BenefitContext:
    """Context of a benefit: the cart in the engine's order, and the data of its offer."""

    ref: str
    lines: Sequence[Line]
    shipping: Sequence[Shipping]
    brand: str | None
    currency: CartCurrency
    profile: Profile
    max_applications: int | None = None
    unit_limits: Limits = ()
    balance_left: int | None = None

    def to_minor_units(self, amount: MoneyAmount) -> int:
        """Convert an amount to minor units. Raises CurrencyMismatch."""
        return self.currency.to_minor(amount)

    def selected_lines(self, select: Select) -> list[int]:
        """Return the lines that the select matches, including lines that may not be discounted."""
        return select_lines(select, self.lines, self.brand, self.currency)

    def eligible_lines(self, *selects: Select) -> list[int]:
        """Return the discountable lines that every select matches."""
        lines = [line for line in self.selected_lines(selects[0]) if self.lines[line].discountable]
        for select in selects[1:]:
            selected = set(self.selected_lines(select))
            lines = [line for line in lines if line in selected]
        return lines

    def terms_for(self, narrowing: Narrowing) -> Terms:
        """Return the rules by which discounts with this narrowing are calculated."""
        return Terms(self.profile, narrowing.split)


def apply_to_lines(prices: Prices, on: str, pieces: Sequence[Piece], effect: Effect, terms: Terms) -> list[Discount]:
    """Apply an effect to the affected units: to all of them together, to each line, or to each unit."""
    if not pieces:
        return []
    if on == "order":
        return apply_together(prices, [(Target(list(pieces)), effect)], terms)
    if on == "unit" and (effect.kind != "percent" or terms.profile.round_on not in ("line", "order_discount")):
        return apply_per_unit(prices, [(Target(list(pieces)), effect)], terms)
    return apply_together(prices, [(Target([piece]), effect) for piece in pieces], terms)


def affected_pieces(
    prices: Prices, on: str, lines: Sequence[int], narrowing: Narrowing, context: BenefitContext
) -> list[Piece]:
    """Return the eligible units that a benefit on `on` affects.

    The limits of `max_applications` apply to discounts per line or unit; an order has a single discount.
    """
    if on == "cheapest_line":
        return affected_units(prices, find_cheapest_line(prices, lines), narrowing, ())
    return affected_units(prices, lines, narrowing, context.unit_limits if on in ("line", "unit") else ())
