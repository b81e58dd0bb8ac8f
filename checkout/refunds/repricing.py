"""Refunds that price the kept rest of an order again: what its offers give on the rest, and so what comes back.

An offer never gives more than it had left, and a refund never asks for money back: if the rest costs more than was paid
for it, nothing is paid out, and the rest keeps as much of its discount.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from operator import sub

from checkout.contracts import Repricing, Shares
from checkout.refunds.parts import LineState, OrderState
from pricing.rounding import share


@dataclass(frozen=True, slots=True)
class RestPrice:
    """What one item gives on the kept rest of an order: on its lines, for their kept units, and on the shipping."""

    lines: Mapping[str, int]
    shipping: int = 0


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
    kept = [_limit(shares, most) for shares, most in zip(kept, before.kept_shares, strict=True)]
    kept = _avoid_claims(before, after, kept)
    by_part: list[Shares] = list(zip(*kept, strict=True)) if kept else [() for _ in (*after.lines, "")]
    lines = {
        line.id: replace(line, repricing=Repricing(line.returned_value, _difference(line.shares, shares), shares))
        for line, shares in zip(after.lines.values(), by_part, strict=False)
    }
    shipping = after.shipping
    if not shipping.is_returned:
        returned = _difference(shipping.shares, by_part[-1])
        shipping = replace(shipping, repricing=Repricing(0, returned, by_part[-1]))
    return OrderState(lines, shipping)


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
    """Return the discounts with as much of the rest's former discount as keeps the refund from being negative."""
    parts = [*(line.kept_shares for line in after.lines.values()), after.shipping.kept_shares]
    former = list(zip(*parts, strict=True))
    returned = sum(before.kept_shares) - sum(map(sum, kept))
    claim = returned - (after.returned_value - before.returned_value)
    if claim <= 0:
        return [list(shares) for shares in kept]
    losses = [max(0, sum(then) - sum(now)) for then, now in zip(former, kept, strict=True)]
    result = []
    for then, now, part in zip(former, kept, share(claim, losses, losses, "largest_fraction"), strict=True):
        differences = [max(0, difference) for difference in map(sub, then, now)]
        added = share(part, differences, differences, "largest_fraction")
        result.append([share_ + more for share_, more in zip(now, added, strict=True)])
    return result


def _difference(shares: Shares, kept: Shares) -> Shares:
    return tuple(map(sub, shares, kept))
