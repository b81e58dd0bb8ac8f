"""`tiers` and `unit_ladder`: benefits whose discount depends on the value or the number of units reached."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal

from pricing.benefits.base import (
    BenefitContext,
    BenefitFunction,
    BenefitResult,
    affected_pieces,
    apply_to_lines,
    shipping_result,
)
from pricing.currencies import MoneyAmount
from pricing.effects import Effect, apply_to_shipping, apply_together
from pricing.offer import Tiers, UnitLadder
from pricing.prices import Discount, Prices
from pricing.rounding import to_basis_points
from pricing.selection import select_shipping
from pricing.units import Target, choose_units


class TierTable:
    """Tiers in whole numbers: the start of each tier and its effect."""

    __slots__ = ("base", "tiers")

    def __init__(self, benefit: Tiers, context: BenefitContext) -> None:
        def effect(value: MoneyAmount) -> Effect:
            if benefit.unit == "percent" and isinstance(value, Decimal):
                return Effect("percent", to_basis_points(value))
            return Effect("amount", context.to_minor_units(value))

        def start(value: MoneyAmount | int) -> int:
            return value if isinstance(value, int) else context.to_minor_units(value)

        self.base = effect(benefit.base)
        self.tiers = [(start(tier.start), effect(tier.value)) for tier in benefit.tiers]

    def at(self, value: int) -> Effect:
        """Return the effect of the highest tier that `value` reaches."""
        current = self.base
        for start, effect in self.tiers:
            if value < start:
                break
            current = effect
        return current


def tiers(benefit: Tiers, context: BenefitContext) -> BenefitFunction:
    """Build tiers. The value of the eligible lines at the start of the lane selects the tier."""
    table, narrowing = TierTable(benefit, context), benefit.narrowing
    lines, terms = context.eligible_lines(narrowing.select), context.terms_for(narrowing)
    units = sum(context.lines[line].quantity for line in lines)
    on = benefit.on or "order"

    def effect(prices: Prices) -> Effect:
        by_count = benefit.basis == "eligible_quantity"
        return table.at(units if by_count else sum(prices.start[line] for line in lines))

    def by_line(prices: Prices) -> BenefitResult:
        pieces = affected_pieces(prices, "line", lines, narrowing, context)
        effects = [(Target([piece]), table.at(prices.start[piece.line])) for piece in pieces]
        effects = [(target, tier_effect) for target, tier_effect in effects if tier_effect.value]
        return BenefitResult(apply_together(prices, effects, terms))

    def by_order(prices: Prices) -> BenefitResult:
        tier_effect = effect(prices)
        if not tier_effect.value:
            return BenefitResult()
        pieces = affected_pieces(prices, on, lines, narrowing, context)
        return BenefitResult(apply_to_lines(prices, on, pieces, tier_effect, terms))

    if benefit.basis == "line_amount":
        return by_line
    return by_order if on != "shipping" else build_shipping_tiers(benefit, context, effect)


def build_shipping_tiers(
    benefit: Tiers, context: BenefitContext, effect: Callable[[Prices], Effect]
) -> BenefitFunction:
    """Build tiers that apply to shipping."""
    methods = select_shipping(benefit.narrowing.select, [method.id for method in context.shipping])
    initial = [context.shipping[index].price for index in methods]
    terms = context.terms_for(benefit.narrowing)

    def calculate(prices: Prices) -> BenefitResult:
        current = [prices.shipping_left[index] for index in methods]
        each = prices.chosen_method is not None
        return shipping_result(prices, methods, apply_to_shipping(current, initial, effect(prices), terms, each=each))

    return calculate


def unit_ladder(benefit: UnitLadder, context: BenefitContext) -> BenefitFunction:
    """Build an amount off the first unit of each line and another off further units, up to `max_units` of the line."""
    first_off, next_off = context.to_minor_units(benefit.first), context.to_minor_units(benefit.next)
    narrowing = benefit.narrowing
    lines = context.eligible_lines(narrowing.select)

    def calculate(prices: Prices) -> BenefitResult:
        discounts: list[Discount] = []
        started_lines: set[int] = set()
        for piece in choose_units(prices, lines, narrowing, context.unit_limits, narrowing.per or "line"):
            capacity = prices.runs(piece.line)[piece.run].now - prices.unit_floor(piece.line)
            counts: Sequence[tuple[int, int]] = [(piece.units, next_off)]
            if piece.line not in started_lines:
                started_lines.add(piece.line)
                counts = [(1, first_off), (piece.units - 1, next_off)]
            discounts += [
                Discount(piece.line, [(piece.run, units)], min(amount, capacity) * units)
                for units, amount in counts
                if units and amount and capacity
            ]
        return BenefitResult(discounts)

    return calculate
