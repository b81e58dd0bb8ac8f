"""`percent`, `amount`, `set_price`: one effect on the order, lines, units, the cheapest line, bundles or shipping."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from pricing.benefits.base import (
    BenefitContext,
    BenefitFunction,
    BenefitResult,
    affected_pieces,
    apply_to_lines,
    shipping_result,
)
from pricing.effects import Effect, apply_to_cheapest, apply_to_shipping, apply_together
from pricing.offer import Amount, Percent, SetPrice
from pricing.prices import Prices
from pricing.rounding import to_basis_points
from pricing.selection import select_shipping
from pricing.units import Target, choose_units, pack_groups, to_target


def percent(benefit: Percent, context: BenefitContext) -> BenefitFunction:
    """Build a percentage off `on`."""
    return build_simple(benefit, Effect("percent", to_basis_points(benefit.value)), context)


def amount(benefit: Amount, context: BenefitContext) -> BenefitFunction:
    """Build an amount off `on`: at most the balance that is left, if the code keeps one."""
    value = context.to_minor_units(benefit.value)
    if benefit.keep_balance and context.balance_left is not None:
        value = min(value, context.balance_left)
    return build_simple(benefit, Effect("amount", value), context)


def set_price(benefit: SetPrice, context: BenefitContext) -> BenefitFunction:
    """Build a fixed price for `on`, where that is cheaper."""
    effect = Effect("price", context.to_minor_units(benefit.value))
    if benefit.on == "bundle":
        return build_bundles(benefit, effect, context)
    return build_simple(benefit, effect, context)


def build_simple(benefit: Percent | Amount | SetPrice, effect: Effect, context: BenefitContext) -> BenefitFunction:
    """Build any effect on anything but bundles."""
    if benefit.on == "shipping":
        return build_shipping(benefit, effect, context)
    terms, narrowing, on = context.terms_for(benefit.narrowing), benefit.narrowing, benefit.on
    lines = context.eligible_lines(narrowing.select)

    def calculate(prices: Prices) -> BenefitResult:
        pieces = affected_pieces(prices, on, lines, narrowing, context)
        return BenefitResult(apply_to_lines(prices, on, pieces, effect, terms))

    return calculate


def build_shipping(benefit: Percent | Amount | SetPrice, effect: Effect, context: BenefitContext) -> BenefitFunction:
    """Build an effect on shipping methods."""
    methods = select_shipping(benefit.narrowing.select, [method.id for method in context.shipping])
    initial = [context.shipping[index].price for index in methods]
    terms, each = context.terms_for(benefit.narrowing), benefit.each

    def calculate(prices: Prices) -> BenefitResult:
        current = [prices.shipping_left[index] for index in methods]
        if benefit.methods == "all" or not methods:
            amounts = apply_to_shipping(current, initial, effect, terms, each=each or prices.chosen_method is not None)
        else:
            amounts = apply_to_cheapest(current, initial, effect, terms, to_all=benefit.methods == "credit_cheapest")
        return shipping_result(prices, methods, amounts)

    return calculate


def build_bundles(benefit: SetPrice, effect: Effect, context: BenefitContext) -> BenefitFunction:
    """Build a price for each complete bundle of units. A bundle that would become more expensive keeps its price."""
    terms, narrowing = context.terms_for(benefit.narrowing), benefit.narrowing
    size = benefit.bundle_size or 1
    lines = context.eligible_lines(narrowing.select)

    def calculate(prices: Prices) -> BenefitResult:
        slices = choose_units(prices, lines, narrowing, (), narrowing.per or "order", least=0)
        targets = (to_target(group, size) for group in pack_groups(slices, size, None))
        reduced = list(targets_above_price(prices, targets, effect, context.max_applications))
        discounts = apply_together(prices, [(target, effect) for target in reduced], terms)
        return BenefitResult(discounts, used=[piece for target in reduced for piece in target.list_units()])

    return calculate


def targets_above_price(
    prices: Prices, targets: Iterable[Target], effect: Effect, max_targets: int | None
) -> Iterator[Target]:
    """Yield up to `max_targets` targets that cost more than the price of the effect."""
    left = max_targets
    for target in targets:
        if sum(map(prices.value, target.pieces)) <= effect.value:
            continue
        times = target.times if left is None else min(target.times, left)
        if times:
            yield target._replace(times=times)
        left = None if left is None else left - times
