"""Refunds that price the kept rest of an order again: what its offers give on the rest, and so what comes back.

An offer never gives more than it had left, and a refund never asks for money back: if the rest costs more than was paid
for it, nothing is paid out, and the rest keeps the greater part of its former discount.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from operator import sub

from checkout.contracts import Repricing, Shares
from checkout.refunds.parts import LineState, OrderState
from pricing.rounding import share


@dataclass(frozen=True, slots=True)
class RestPrice:
    """What one item gives on the kept rest of an order: on its lines, for their kept units, and on the shipping.

    ``units`` are the discounted units of the lines.
    """

    lines: Mapping[str, int]
    shipping: int = 0
    units: Mapping[str, int] = field(default_factory=dict)


def count_kept_units(state: OrderState) -> dict[str, int]:
    """Return the units of each line that have not come back; lines without any are absent."""
    units = {line.id: line.quantity - line.returned_quantity for line in state.lines.values()}
    return {line: number for line, number in units.items() if number}


def reprice_rest(before: OrderState, after: OrderState, prices: Sequence[RestPrice]) -> OrderState:
    """Return the state after a refund whose rest is priced again.

    ``after`` is the state that the parts alone lead to. ``prices`` has an entry for each item.
    """
    units = count_kept_units(after)
    kept = [_scale(after, price, item, units) for item, price in enumerate(prices)]
    limited = [_limit(shares, most) for shares, most in zip(kept, before.kept_shares, strict=True)]
    kept = _avoid_claims(before, after, limited)
    if kept == limited:
        units_left = _count_units(before, after, prices)
    else:  # the rest keeps former discounts
        units_left = {line.id: line.kept_units for line in after.lines.values()}
    by_part: list[Shares] = list(zip(*kept, strict=True)) if kept else [() for _ in (*after.lines, "")]
    lines = {
        line.id: replace(
            line,
            repricing=Repricing(line.returned_value, _difference(line.shares, shares), shares, units_left[line.id]),
        )
        for line, shares in zip(after.lines.values(), by_part, strict=False)
    }
    shipping = after.shipping
    if not shipping.is_returned:
        returned = _difference(shipping.shares, by_part[-1])
        shipping = replace(shipping, repricing=Repricing(0, returned, by_part[-1]))
    return OrderState(lines, shipping)


def _count_units(before: OrderState, after: OrderState, prices: Sequence[RestPrice]) -> dict[str, tuple[int, ...]]:
    """Return the discounted units of each line of the rest, by item; an item never has more of them than before."""
    left = list(before.kept_units)
    units: dict[str, tuple[int, ...]] = {}
    for line in after.lines:
        units[line] = tuple(min(price.units.get(line, 0), most) for price, most in zip(prices, left, strict=True))
        left = [most - count for most, count in zip(left, units[line], strict=True)]
    return units


def _scale(state: OrderState, price: RestPrice, item: int, units: Mapping[str, int]) -> list[int]:
    """Return an item's discounts on the rest, by line, then on the shipping.

    The rest of a line whose price was reduced by refunds of amounts has as much less of the discount.
    """
    shares = [_scale_line(line, price.lines.get(line.id, 0), item, units) for line in state.lines.values()]
    return [*shares, 0 if state.shipping.is_returned else price.shipping]


def _scale_line(line: LineState, discount: int, item: int, units: Mapping[str, int]) -> int:
    value = line.value - line.returned_value
    full = line.value * units.get(line.id, 0) // line.quantity
    if not full:
        return line.kept_shares[item]
    return min(discount, discount * value // full)


def _limit(shares: Sequence[int], most: int) -> list[int]:
    return list(shares) if sum(shares) <= most else share(most, shares, shares, "largest_fraction")


def _avoid_claims(before: OrderState, after: OrderState, kept: Sequence[Sequence[int]]) -> list[list[int]]:
    """Return the discounts, or, if the refund were negative, the former ones less what makes it nothing."""
    parts = [*(line.kept_shares for line in after.lines.values()), after.shipping.kept_shares]
    former = list(zip(*parts, strict=True))
    value, given = after.returned_value - before.returned_value, sum(before.kept_shares)
    if value >= given - sum(map(sum, kept)):
        return [list(shares) for shares in kept]
    losses = [
        max(0, then - now)
        for item, shares in zip(former, kept, strict=True)
        for then, now in zip(item, shares, strict=True)
    ]
    payable = max(0, value - (given - sum(map(sum, former))))
    lost = iter(share(payable, losses, losses, "largest_fraction"))
    return [[then - next(lost) for then in item] for item in former]


def _difference(shares: Shares, kept: Shares) -> Shares:
    return tuple(map(sub, shares, kept))
