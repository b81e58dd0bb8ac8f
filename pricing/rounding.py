"""Rounding: the only two places where fractions of a minor unit disappear, a rounded division and a split.

All calculations use whole numbers; see docs/algorithms/sharing-and-rounding.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

BASIS_POINTS = 10_000
"""Basis points of 100%. Percentages are stored as basis points: 12.5% is 1,250 of them."""


class TooManyDecimals(ValueError):
    """Raised when an amount has more decimals than the currency of the cart."""


def divide(numerator: int, denominator: int, rounding: str) -> int:
    """Divide two non-negative numbers and round to a whole number: half_up, half_down, half_even or down."""
    whole, rest = divmod(numerator, denominator)
    if rounding == "down" or not rest:
        return whole
    twice = 2 * rest
    if twice == denominator:
        return whole + (1 if rounding == "half_up" or (rounding == "half_even" and whole % 2) else 0)
    return whole + (1 if twice > denominator else 0)


def to_minor(amount: Decimal, exponent: int) -> int:
    """Convert an amount to minor units.

    Raises TooManyDecimals when the amount has more decimals than the currency.
    """
    scaled = amount.scaleb(exponent)
    minor = int(scaled)
    if minor != scaled:
        raise TooManyDecimals(f"{amount} has more than {exponent} decimals")
    return minor


def from_minor(minor: int, exponent: int) -> str:
    """Convert a non-negative number of minor units to a decimal string with all decimals of the currency."""
    if not exponent:
        return str(minor)
    digits = str(minor).zfill(exponent + 1)
    return f"{digits[:-exponent]}.{digits[-exponent:]}"


def to_basis_points(percent: Decimal) -> int:
    """Convert a percentage with at most two decimals to basis points."""
    return int(percent * 100)


def share(total: int, weights: Sequence[int], capacities: Sequence[int], remainder: str) -> list[int]:
    """Split `total` by weight so that the shares add up exactly and no share exceeds its capacity.

    What exceeds a capacity is split over the other shares, again by weight; what exceeds all capacities is dropped.
    The units left over by the whole-number division go where `remainder` says: one each to the largest fractions (ties
    to the earlier), or all to the first or to the last share (then to the next one, once that share is full).
    """
    shares = [0] * len(capacities)
    unfilled = [index for index, capacity in enumerate(capacities) if capacity > 0]
    left = min(total, sum(capacities))
    while left and unfilled:
        weight = sum(weights[index] for index in unfilled)
        if not weight:
            weights = capacities
            continue
        full = [index for index in unfilled if left * weights[index] >= capacities[index] * weight]
        if not full:
            distribute_remainder(left, unfilled, weights, shares, capacities=capacities, remainder=remainder)
            break
        for index in full:
            shares[index] = capacities[index]
            left -= capacities[index]
        filled = set(full)
        unfilled = [index for index in unfilled if index not in filled]
    return shares


def distribute_remainder(
    total: int,
    unfilled: list[int],
    weights: Sequence[int],
    shares: list[int],
    *,
    capacities: Sequence[int],
    remainder: str,
) -> None:
    """Run the last round of a split, in which no share reaches its capacity: whole shares first, then the remainder."""
    weight = sum(weights[index] for index in unfilled)
    fractions: list[tuple[int, int]] = []
    left = total
    for index in unfilled:
        shares[index], fraction = divmod(total * weights[index], weight)
        left -= shares[index]
        fractions.append((-fraction, index))
    if not left:
        return
    if remainder == "largest_fraction":
        for _, index in sorted(fractions)[:left]:
            shares[index] += 1
        return
    for index in unfilled if remainder == "first" else reversed(unfilled):
        extra = min(left, capacities[index] - shares[index])
        shares[index] += extra
        left -= extra
