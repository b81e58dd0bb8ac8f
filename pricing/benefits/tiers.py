"""`tiers` and `unit_ladder`: benefits whose size depends on how far the cart, a line or the count of units has come."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal

from pricing.benefits.base import BenefitContext, BenefitFunction, BenefitResult, affected_pieces, on_lines
from pricing.effects import Effect, apply_together, on_shipping
from pricing.offer import Tiers, UnitLadder
from pricing.prices import Discount, Prices
from pricing.rounding import to_basis_points
from pricing.selection import selected_shipping
from pricing.units import Pot, chosen


class TierTable:
    """Tiers as whole numbers: where each begins, and the effect from there on."""

    __slots__ = ("base", "steps")

    def __init__(self, benefit: Tiers, ground: BenefitContext) -> None:
        def effect(value: Decimal) -> Effect:
            percent = benefit.unit == "percent"
            return Effect(benefit.unit, to_basis_points(value) if percent else ground.minor(value))

        def start(value: Decimal | int) -> int:
            return value if isinstance(value, int) else ground.minor(value)

        self.base = effect(benefit.base)
        self.steps = [(start(tier.start), effect(tier.value)) for tier in benefit.tiers]

    def at(self, reached: int) -> Effect:
        """The effect of the highest tier that has been reached."""
        found = self.base
        for start, effect in self.steps:
            if reached < start:
                break
            found = effect
        return found


def tiers(benefit: Tiers, ground: BenefitContext) -> BenefitFunction:
    """The tier is settled by what the eligible lines came to when the lane began; the discount is on what is left."""
    steps, narrow = TierTable(benefit, ground), benefit.narrow
    lines, terms = ground.eligible(narrow.select), ground.terms(narrow)
    units = sum(ground.lines[line].quantity for line in lines)
    on = benefit.on or "order"

    def effect(prices: Prices) -> Effect:
        by_count = benefit.basis == "eligible_quantity"
        return steps.at(units if by_count else sum(prices.start[line] for line in lines))

    def by_line(prices: Prices) -> BenefitResult:
        found = affected_pieces(prices, "line", lines, narrow, ground)
        pots = [(Pot([piece]), steps.at(prices.start[piece.line])) for piece in found]
        return BenefitResult(apply_together(prices, [(pot, step) for pot, step in pots if step.value], terms))

    def by_order(prices: Prices) -> BenefitResult:
        step = effect(prices)
        return (
            BenefitResult(on_lines(prices, on, affected_pieces(prices, on, lines, narrow, ground), step, terms))
            if step.value
            else BenefitResult()
        )

    if benefit.basis == "line_amount":
        return by_line
    return by_order if on != "shipping" else shipping_tiers(benefit, ground, effect)


def shipping_tiers(benefit: Tiers, ground: BenefitContext, effect: Callable[[Prices], Effect]) -> BenefitFunction:
    """The tier's value off shipping."""
    methods = selected_shipping(benefit.narrow.select, [method.id for method in ground.shipping])
    before = [ground.shipping[index].price for index in methods]
    terms = ground.terms(benefit.narrow)

    def give(prices: Prices) -> BenefitResult:
        freight = [prices.freight[index] for index in methods]
        amounts = on_shipping(freight, before, effect(prices), terms, each=False)
        return BenefitResult(shipping=[(index, off) for index, off in zip(methods, amounts, strict=True) if off])

    return give


def unit_ladder(benefit: UnitLadder, ground: BenefitContext) -> BenefitFunction:
    """`first` off the first unit of each line, `next` off the further ones (of `max_units` of the line)."""
    first_off, next_off = ground.minor(benefit.first), ground.minor(benefit.next)
    narrow = benefit.narrow
    lines = ground.eligible(narrow.select)

    def give(prices: Prices) -> BenefitResult:
        takes: list[Discount] = []
        seen: set[int] = set()
        for slot in chosen(prices, lines, narrow, ground.limits, narrow.per or "line"):
            room = prices.runs(slot.line)[slot.run].now - prices.floor(slot.line)
            counts: Sequence[tuple[int, int]] = [(slot.units, next_off)]
            if slot.line not in seen:
                seen.add(slot.line)
                counts = [(1, first_off), (slot.units - 1, next_off)]
            takes += [
                Discount(slot.line, [(slot.run, n)], min(off, room) * n) for n, off in counts if n and off and room
            ]
        return BenefitResult(takes)

    return give
