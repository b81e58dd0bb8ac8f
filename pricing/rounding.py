"""The only two places where a fraction of a minor unit disappears: a rounded division and a split.

Everything is whole numbers; see docs/algorithms/sharing-and-rounding.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

BASIS_POINTS = 10_000
"""A percentage is held as hundredths of a per cent: 12.5 % is 1,250 of these."""


class TooManyDecimals(ValueError):
    """An amount has more decimals than the currency of the cart."""


def divide(numerator: int, denominator: int, rounding: str) -> int:
    """numerator / denominator (neither negative) as a whole number: half_up, half_down, half_even or down."""
    whole, rest = divmod(numerator, denominator)
    if rounding == "down" or not rest:
        return whole
    twice = 2 * rest
    if twice == denominator:
        return whole + (1 if rounding == "half_up" or (rounding == "half_even" and whole % 2) else 0)
    return whole + (1 if twice > denominator else 0)


def to_minor(amount: Decimal, exponent: int) -> int:
    """The minor units of an amount. Raises DoesNotFit when it has more decimals than the currency."""
    scaled = amount.scaleb(exponent)
    minor = int(scaled)
    if minor != scaled:
        raise TooManyDecimals(f"{amount} has more than {exponent} decimals")
    return minor


def from_minor(minor: int, exponent: int) -> str:
    """Minor units (not negative) as a decimal string with exactly the currency's decimals."""
    if not exponent:
        return str(minor)
    digits = str(minor).zfill(exponent + 1)
    return f"{digits[:-exponent]}.{digits[-exponent:]}"


def to_basis_points(percent: Decimal) -> int:
    """A percentage with at most two decimals as hundredths of a per cent."""
    return int(percent * 100)


def share(total: int, weights: Sequence[int], rooms: Sequence[int], remainder: str) -> list[int]:
    """Splits `total` by weight so that it adds up exactly, nobody above their room.

    What a full one cannot take is offered to the others, again by weight; what nobody has room for is not given.
    The leftover units of the whole-number division go as `remainder` says: one each to the largest fractions (ties
    to the earlier), or all to the first or the last (on to the next one when that one is full).
    """
    shares = [0] * len(rooms)
    open_ = [index for index, room in enumerate(rooms) if room > 0]
    left = min(total, sum(rooms))
    while left and open_:
        weight = sum(weights[index] for index in open_)
        if not weight:
            weights = rooms
            continue
        full = [index for index in open_ if left * weights[index] >= rooms[index] * weight]
        if not full:
            distribute_remainder(left, open_, weights, shares, rooms=rooms, remainder=remainder)
            break
        for index in full:
            shares[index] = rooms[index]
            left -= rooms[index]
        gone = set(full)
        open_ = [index for index in open_ if index not in gone]
    return shares


def distribute_remainder(
    total: int, open_: list[int], weights: Sequence[int], shares: list[int], *, rooms: Sequence[int], remainder: str
) -> None:
    """The last round of a split, in which nobody gets full: whole shares first, then the leftover units."""
    weight = sum(weights[index] for index in open_)
    fractions: list[tuple[int, int]] = []
    left = total
    for index in open_:
        shares[index], fraction = divmod(total * weights[index], weight)
        left -= shares[index]
        fractions.append((-fraction, index))
    if not left:
        return
    if remainder == "largest_fraction":
        for _, index in sorted(fractions)[:left]:
            shares[index] += 1
        return
    for index in open_ if remainder == "first" else reversed(open_):
        more = min(left, rooms[index] - shares[index])
        shares[index] += more
        left -= more
