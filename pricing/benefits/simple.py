"""`percent`, `amount`, `set_price`: one effect on the order, lines, units, the cheapest line, bundles or shipping."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from pricing.benefits.base import BenefitContext, BenefitFunction, BenefitResult, affected_pieces, on_lines
from pricing.effects import Effect, apply_together, on_shipping
from pricing.offer import Amount, Percent, SetPrice
from pricing.prices import Prices
from pricing.rounding import to_basis_points
from pricing.selection import selected_shipping
from pricing.units import Pot, chosen, pack_groups, pot_of


def percent(benefit: Percent, ground: BenefitContext) -> BenefitFunction:
    """A percentage of `on`."""
    return simple(benefit, Effect("percent", to_basis_points(benefit.value)), ground)


def amount(benefit: Amount, ground: BenefitContext) -> BenefitFunction:
    """An amount off `on`."""
    return simple(benefit, Effect("amount", ground.minor(benefit.value)), ground)


def set_price(benefit: SetPrice, ground: BenefitContext) -> BenefitFunction:
    """`on` costs an amount, where that is cheaper."""
    effect = Effect("price", ground.minor(benefit.value))
    if benefit.on == "bundle":
        return bundles(benefit, effect, ground)
    return simple(benefit, effect, ground)


def simple(benefit: Percent | Amount | SetPrice, effect: Effect, ground: BenefitContext) -> BenefitFunction:
    """Any effect on anything but bundles."""
    if benefit.on == "shipping":
        return freight(benefit, effect, ground)
    terms, narrow, on = ground.terms(benefit.narrow), benefit.narrow, benefit.on
    lines = ground.eligible(narrow.select)

    def give(prices: Prices) -> BenefitResult:
        return BenefitResult(on_lines(prices, on, affected_pieces(prices, on, lines, narrow, ground), effect, terms))

    return give


def freight(benefit: Percent | Amount | SetPrice, effect: Effect, ground: BenefitContext) -> BenefitFunction:
    """An effect on shipping."""
    methods = selected_shipping(benefit.narrow.select, [method.id for method in ground.shipping])
    before = [ground.shipping[index].price for index in methods]
    terms, each = ground.terms(benefit.narrow), benefit.each

    def give(prices: Prices) -> BenefitResult:
        amounts = on_shipping([prices.freight[index] for index in methods], before, effect, terms, each=each)
        return BenefitResult(shipping=[(index, off) for index, off in zip(methods, amounts, strict=True) if off])

    return give


def bundles(benefit: SetPrice, effect: Effect, ground: BenefitContext) -> BenefitFunction:
    """Each whole bundle of units costs an amount; a bundle that would become dearer stays as it is."""
    terms, narrow = ground.terms(benefit.narrow), benefit.narrow
    size = benefit.bundle_size or 1
    lines = ground.eligible(narrow.select)

    def give(prices: Prices) -> BenefitResult:
        slots = chosen(prices, lines, narrow, (), narrow.per or "order")
        pots = (pot_of(group, size) for group in pack_groups(slots, size, None))
        return BenefitResult(
            apply_together(prices, [(pot, effect) for pot in cheaper(prices, pots, effect, ground.most)], terms)
        )

    return give


def cheaper(prices: Prices, pots: Iterable[Pot], effect: Effect, most: int | None) -> Iterator[Pot]:
    """The pots that cost more than the effect's price, `most` of them at most."""
    left = most
    for pot in pots:
        if sum(map(prices.value, pot.pieces)) <= effect.value:
            continue
        times = pot.times if left is None else min(pot.times, left)
        if times:
            yield pot._replace(times=times)
        left = None if left is None else left - times
