"""Effects on targets: a percentage, an amount or a price, exact to the minor unit.

The discount is calculated first (rounded once, as the profile requires) and split over the lines second.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from pricing.prices import Discount, Piece, Prices
from pricing.profile import Profile
from pricing.rounding import BASIS_POINTS, divide, share
from pricing.units import Target, multiply


class Effect(NamedTuple):
    """Effect of a benefit: `percent` in basis points, or `amount` off or remaining `price` in minor units."""

    kind: str
    value: int


class Terms(NamedTuple):
    """Rules of calculation: the brand's profile, and the benefit's `split` (by value or quantity)."""

    profile: Profile
    split: str = "value"


def calculate_percentage(base: int, points: int, profile: Profile) -> int:
    """Return the discount of `points` basis points of `base`.

    It is rounded once: the discount itself, or the remaining price where the profile rounds on the price.
    """
    if profile.round_on == "price":
        return base - divide(base * (BASIS_POINTS - points), BASIS_POINTS, profile.rounding)
    return divide(base * points, BASIS_POINTS, profile.rounding)


def calculate_discount(effect: Effect, now: int, base: int, profile: Profile) -> int:
    """Return the discount of an effect on a price `now`; a percentage is of `base`. Never negative."""
    if effect.kind == "percent":
        return calculate_percentage(base, effect.value, profile)
    return effect.value if effect.kind == "amount" else max(0, now - effect.value)


def percentage_base(prices: Prices, piece: Piece, profile: Profile) -> int:
    """Return the amount that a percentage of the piece is calculated from."""
    return prices.initial_value(piece) if profile.percent_base == "initial" else prices.value(piece)


def apply_together(prices: Prices, targets: Iterable[tuple[Target, Effect]], terms: Terms) -> list[Discount]:
    """Apply each effect once to its target and share it over the lines. `round_on` may require another rounding."""
    round_on = terms.profile.round_on
    items = list(targets)
    if items and items[0][1].kind == "percent":
        if round_on == "unit":
            return apply_per_unit(prices, items, terms)
        if round_on in ("line", "order_discount"):
            return round_per_group(prices, items, terms, per_line=round_on == "line")
    return [discount for target, effect in items for discount in apply_to_total(prices, target, effect, terms)]


def apply_to_total(prices: Prices, target: Target, effect: Effect, terms: Terms) -> list[Discount]:
    """Apply one effect to one target."""
    values = [prices.value(piece) for piece in target.pieces]
    initial = terms.profile.percent_base == "initial" and effect.kind == "percent"
    bases = [prices.initial_value(piece) for piece in target.pieces] if initial else values
    return share_discount(
        prices, target, calculate_discount(effect, sum(values), sum(bases), terms.profile), bases, terms
    )


def share_discount(prices: Prices, target: Target, amount: int, values: Sequence[int], terms: Terms) -> list[Discount]:
    """Split an amount over the pieces of a target. What exceeds the capacity of a piece goes to the others."""
    capacities = [prices.discountable_amount(piece) for piece in target.pieces]
    weights = values if terms.split == "value" else [prices.count_units(piece) for piece in target.pieces]
    shares = (
        [min(amount, capacities[0])]
        if len(capacities) == 1
        else share(amount, weights, capacities, terms.profile.remainder)
    )
    return [
        Discount(piece.line, None if piece.parts is None else multiply(piece.parts, target.times), part * target.times)
        for piece, part in zip(target.pieces, shares, strict=True)
        if part
    ]


def round_per_group(
    prices: Prices, targets: Sequence[tuple[Target, Effect]], terms: Terms, *, per_line: bool
) -> list[Discount]:
    """Apply percentages that are rounded once for each line, or once for all lines together."""
    pieces = join_by_line(targets)
    target = Target([piece for piece, _ in pieces])
    exact = [percentage_base(prices, piece, terms.profile) * points for piece, points in pieces]
    if not per_line:
        amount = divide(sum(exact), BASIS_POINTS, terms.profile.rounding)
        return share_discount(prices, target, amount, exact, terms)
    requested = [divide(value, BASIS_POINTS, terms.profile.rounding) for value in exact]
    capacities = [prices.discountable_amount(piece) for piece in target.pieces]
    granted = [min(amount, capacity) for amount, capacity in zip(requested, capacities, strict=True)]
    spare = [capacity - granted_amount for capacity, granted_amount in zip(capacities, granted, strict=True)]
    extras = share(sum(requested) - sum(granted), exact, spare, terms.profile.remainder)
    return [
        Discount(piece.line, piece.parts, granted_amount + extra)
        for piece, granted_amount, extra in zip(target.pieces, granted, extras, strict=True)
        if granted_amount + extra
    ]


def join_by_line(targets: Sequence[tuple[Target, Effect]]) -> list[tuple[Piece, int]]:
    """Combine the units of all targets by line and percentage."""
    full_lines: list[tuple[Piece, int]] = []
    partial_lines: dict[tuple[int, int], dict[int, int]] = {}
    for target, effect in targets:
        for piece in target.pieces:
            if piece.parts is None:
                full_lines.append((piece, effect.value))
                continue
            runs = partial_lines.setdefault((piece.line, effect.value), {})
            for run, count in multiply(piece.parts, target.times):
                runs[run] = runs.get(run, 0) + count
    return full_lines + [
        (Piece(line, sorted(runs.items())), points) for (line, points), runs in sorted(partial_lines.items())
    ]


def apply_per_unit(prices: Prices, targets: Iterable[tuple[Target, Effect]], terms: Terms) -> list[Discount]:
    """Apply the effect to each unit separately, rounded and limited per unit."""
    discounts: list[Discount] = []
    for target, effect in targets:
        for piece in target.pieces:
            unit_floor = prices.unit_floor(piece.line)
            initial = prices.lines[piece.line].unit_price
            parts = prices.parts(piece)
            runs = prices.runs(piece.line)
            for run, count in multiply(parts, target.times):
                now = runs[run].now
                base = initial if terms.profile.percent_base == "initial" else now
                amount = min(calculate_discount(effect, now, base, terms.profile), now - unit_floor)
                if amount:
                    discounts.append(Discount(piece.line, [(run, count)], amount * count))
    return discounts


def apply_to_cheapest(
    current: Sequence[int], initial: Sequence[int], effect: Effect, terms: Terms, *, to_all: bool
) -> list[int]:
    """Return the discount of an effect on the cheapest shipping method; with `to_all` as much off each method."""
    cheapest = min(range(len(current)), key=current.__getitem__)
    (amount,) = apply_to_shipping([current[cheapest]], [initial[cheapest]], effect, terms, each=False)
    return [min(amount, now) if to_all or index == cheapest else 0 for index, now in enumerate(current)]


def apply_to_shipping(
    current: Sequence[int], initial: Sequence[int], effect: Effect, terms: Terms, *, each: bool
) -> list[int]:
    """Return the discount of an effect on each shipping method: applied to each of them, or to their total."""
    bases = initial if terms.profile.percent_base == "initial" else current
    if each or (terms.profile.round_on in ("unit", "line") and effect.kind == "percent"):
        return [
            min(calculate_discount(effect, now, base, terms.profile), now)
            for now, base in zip(current, bases, strict=True)
        ]
    amount = calculate_discount(effect, sum(current), sum(bases), terms.profile)
    return share(amount, bases if effect.kind == "percent" else current, current, terms.profile.remainder)
