"""`groups`: complete groups of units, each with a price, or with a discount on one of its units."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import chain

from pricing.benefits.base import BenefitContext, BenefitFunction, BenefitResult
from pricing.effects import Effect, Terms, apply_per_unit, apply_together
from pricing.offer import Get, Groups, Then
from pricing.prices import Discount, Prices
from pricing.rounding import to_basis_points
from pricing.units import Target, UnitSlice, choose_units, group_by_line, pack_groups, take_first, to_target


def groups(benefit: Groups, context: BenefitContext) -> BenefitFunction:
    """Build groups, filled with the cheapest or most expensive units first. Units left over keep their price."""
    narrowing = benefit.narrowing
    lines = context.eligible_lines(narrowing.select)
    limits = [limit for limit in (benefit.count, context.max_applications) if limit is not None]
    max_groups = min(limits) if limits else None
    filling = GroupFill(benefit.size, benefit.fill, max_groups)
    price_groups = build_pricing(benefit, context)

    def calculate(prices: Prices) -> BenefitResult:
        slices = choose_units(prices, lines, narrowing, (), narrowing.per or "order", least=0)
        slices.sort(
            key=lambda piece: (piece.price if filling.order == "cheapest" else -piece.price, piece.line, piece.run)
        )
        filled = list(pack_groups(slices, filling.size, filling.max_groups))
        return BenefitResult(price_groups(prices, filled), used=group_by_line(chain.from_iterable(filled)))

    return calculate


class GroupFill:
    """Settings for filling groups."""

    __slots__ = ("max_groups", "order", "size")

    def __init__(self, size: int, order: str, max_groups: int | None) -> None:
        self.size, self.order, self.max_groups = size, order, max_groups


GroupPricing = Callable[[Prices, list[list[UnitSlice]]], Sequence[Discount]]


def build_pricing(benefit: Groups, context: BenefitContext) -> GroupPricing:
    """Build the function that prices the filled groups."""
    terms, size = context.terms_for(benefit.narrowing), benefit.size
    if benefit.then is not None:
        return pick_units(benefit, benefit.then, context)
    effect = build_effect(benefit, context)
    per_unit = benefit.unit_price is not None

    def price_groups(prices: Prices, filled: list[list[UnitSlice]]) -> Sequence[Discount]:
        targets = [(to_target(group, size), effect) for group in filled]
        return apply_per_unit(prices, targets, terms) if per_unit else apply_together(prices, targets, terms)

    return price_groups


def build_effect(price: Groups | Then | Get, context: BenefitContext) -> Effect:
    """Return the effect on a group, a picked unit, or the units to get."""
    if price.percent is not None:
        return Effect("percent", to_basis_points(price.percent))
    if price.amount is not None:
        return Effect("amount", context.to_minor_units(price.amount))
    amount = price.unit_price if price.unit_price is not None else getattr(price, "group_price", None)
    if amount is None:
        raise ValueError("A group needs exactly one price.")
    return Effect("price", context.to_minor_units(amount))


def pick_units(benefit: Groups, then: Then, context: BenefitContext) -> GroupPricing:
    """Build the discount on the nth unit of each group, or on the nth share of all grouped units."""
    effect, terms = build_effect(then, context), context.terms_for(benefit.narrowing)
    size = benefit.size
    pick = pick_nth_of_each if then.scope == "within_group" else pick_nth_share

    def price_groups(prices: Prices, filled: list[list[UnitSlice]]) -> Sequence[Discount]:
        picked = pick(filled, size, then)
        return price_picked(
            prices, picked if then.max_uses is None else take_first(picked, then.max_uses), effect, terms
        )

    return price_groups


def price_picked(prices: Prices, picked: Sequence[UnitSlice], effect: Effect, terms: Terms) -> Sequence[Discount]:
    """Apply the effect to each picked unit separately, unless the profile rounds per line or per order."""
    targets = [(Target(group_by_line(picked)), effect)] if picked else []
    if effect.kind == "percent" and terms.profile.round_on in ("line", "order_discount"):
        return apply_together(prices, targets, terms)
    return apply_per_unit(prices, targets, terms)


def pick_nth_of_each(filled: list[list[UnitSlice]], size: int, then: Then) -> list[UnitSlice]:
    """Return the nth cheapest or most expensive unit of each group, in the order in which groups were filled."""
    picked: list[UnitSlice] = []
    for group in filled:
        if len(group) == 1:
            picked.append(group[0]._replace(units=group[0].units // size))
            continue
        position = 0
        for piece in sort_by_price(group, then.pick):
            position += piece.units
            if position >= then.nth:
                picked.append(piece._replace(units=1))
                break
    return picked


def pick_nth_share(filled: list[list[UnitSlice]], size: int, then: Then) -> list[UnitSlice]:
    """Split the ordered units into shares of as many units as there are groups, and return the nth share."""
    ordered = sort_by_price(chain.from_iterable(filled), then.pick)
    share_size = sum(piece.units for piece in ordered) // size
    skipped = (then.nth - 1) * share_size
    return skip_units(ordered, skipped, share_size)


def sort_by_price(slices: Sequence[UnitSlice] | chain[UnitSlice], pick: str) -> list[UnitSlice]:
    """Sort units by price, the cheapest or the most expensive first."""
    sign = -1 if pick == "dearest" else 1
    return sorted(slices, key=lambda piece: (sign * piece.price, piece.line, piece.run))


def skip_units(slices: list[UnitSlice], skipped: int, number: int) -> list[UnitSlice]:
    """Return `number` units after the first `skipped` ones."""
    remaining: list[UnitSlice] = []
    for piece in slices:
        dropped = min(piece.units, skipped)
        skipped -= dropped
        if piece.units > dropped:
            remaining.append(piece._replace(units=piece.units - dropped))
    return take_first(remaining, number)
