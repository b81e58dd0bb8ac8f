"""What is done to pots: a percentage, an amount, or a price, exact to the minor unit.

The size of the discount comes first (rounded once, as the profile says), its split over the lines second.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from pricing.prices import Discount, Piece, Prices
from pricing.profile import Profile
from pricing.rounding import BASIS_POINTS, divide, share
from pricing.units import Pot, multiplied


class Effect(NamedTuple):
    """`percent`: hundredths of a per cent; `amount`: minor units off; `price`: minor units left."""

    kind: str
    value: int


class Terms(NamedTuple):
    """How discounts are worked out: the brand's profile, and the benefit's `split` (by value or quantity)."""

    profile: Profile
    split: str = "value"


def percentage(base: int, points: int, profile: Profile) -> int:
    """`points` hundredths of a per cent of `base`, rounded once: the amount off, or for `price` the price left."""
    if profile.round_on == "price":
        return base - divide(base * (BASIS_POINTS - points), BASIS_POINTS, profile.rounding)
    return divide(base * points, BASIS_POINTS, profile.rounding)


def discount(effect: Effect, now: int, base: int, profile: Profile) -> int:
    """What an effect takes off something that costs `now`; a percentage is of `base`. Never negative."""
    if effect.kind == "percent":
        return percentage(base, effect.value, profile)
    return effect.value if effect.kind == "amount" else max(0, now - effect.value)


def base_of(prices: Prices, piece: Piece, profile: Profile) -> int:
    """What a percentage of the piece is taken of."""
    return prices.initial(piece) if profile.percent_base == "initial" else prices.value(piece)


def apply_together(prices: Prices, pots: Iterable[tuple[Pot, Effect]], terms: Terms) -> list[Discount]:
    """Each pot gets its effect once, shared over its lines; `round_on` may ask for a finer or coarser rounding."""
    round_on = terms.profile.round_on
    given = list(pots)
    if given and given[0][1].kind == "percent":
        if round_on == "unit":
            return apply_per_unit(prices, given, terms)
        if round_on in ("line", "order_discount"):
            return round_per_group(prices, given, terms, per_line=round_on == "line")
    return [take for pot, effect in given for take in apply_to_total(prices, pot, effect, terms)]


def apply_to_total(prices: Prices, pot: Pot, effect: Effect, terms: Terms) -> list[Discount]:
    """One effect on one pot."""
    values = [prices.value(piece) for piece in pot.pieces]
    initial = terms.profile.percent_base == "initial" and effect.kind == "percent"
    bases = [prices.initial(piece) for piece in pot.pieces] if initial else values
    return shared(prices, pot, discount(effect, sum(values), sum(bases), terms.profile), bases, terms)


def shared(prices: Prices, pot: Pot, off: int, values: Sequence[int], terms: Terms) -> list[Discount]:
    """`off` split over the pieces of a pot, each within its room; what one refuses is offered to the others."""
    rooms = [prices.discountable_amount(piece) for piece in pot.pieces]
    weights = values if terms.split == "value" else [prices.count(piece) for piece in pot.pieces]
    shares = [min(off, rooms[0])] if len(rooms) == 1 else share(off, weights, rooms, terms.profile.remainder)
    return [
        Discount(piece.line, None if piece.parts is None else multiplied(piece.parts, pot.times), amount * pot.times)
        for piece, amount in zip(pot.pieces, shares, strict=True)
        if amount
    ]


def round_per_group(
    prices: Prices, pots: Sequence[tuple[Pot, Effect]], terms: Terms, *, per_line: bool
) -> list[Discount]:
    """Percentages rounded once for each line, or once for all of them together."""
    joined = joined_by_line(pots)
    pot = Pot([piece for piece, _ in joined])
    exact = [base_of(prices, piece, terms.profile) * points for piece, points in joined]
    if not per_line:
        off = divide(sum(exact), BASIS_POINTS, terms.profile.rounding)
        return shared(prices, pot, off, exact, terms)
    wanted = [divide(each, BASIS_POINTS, terms.profile.rounding) for each in exact]
    rooms = [prices.discountable_amount(piece) for piece in pot.pieces]
    given = [min(want, room) for want, room in zip(wanted, rooms, strict=True)]
    spare = [room - got for room, got in zip(rooms, given, strict=True)]
    more = share(sum(wanted) - sum(given), exact, spare, terms.profile.remainder)
    return [
        Discount(piece.line, piece.parts, got + extra)
        for piece, got, extra in zip(pot.pieces, given, more, strict=True)
        if got + extra
    ]


def joined_by_line(pots: Sequence[tuple[Pot, Effect]]) -> list[tuple[Piece, int]]:
    """The units of all pots by line and percentage."""
    whole: list[tuple[Piece, int]] = []
    some: dict[tuple[int, int], dict[int, int]] = {}
    for pot, effect in pots:
        for piece in pot.pieces:
            if piece.parts is None:
                whole.append((piece, effect.value))
                continue
            runs = some.setdefault((piece.line, effect.value), {})
            for run, count in multiplied(piece.parts, pot.times):
                runs[run] = runs.get(run, 0) + count
    return whole + [(Piece(line, sorted(runs.items())), points) for (line, points), runs in sorted(some.items())]


def apply_per_unit(prices: Prices, pots: Iterable[tuple[Pot, Effect]], terms: Terms) -> list[Discount]:
    """Each unit gets the effect for itself: rounded per unit, floored per unit."""
    takes: list[Discount] = []
    for pot, effect in pots:
        for piece in pot.pieces:
            floor = prices.floor(piece.line)
            initial = prices.lines[piece.line].unit_price
            parts = prices.parts(piece)
            runs = prices.runs(piece.line)
            for run, count in multiplied(parts, pot.times):
                now = runs[run].now
                base = initial if terms.profile.percent_base == "initial" else now
                off = min(discount(effect, now, base, terms.profile), now - floor)
                if off:
                    takes.append(Discount(piece.line, [(run, count)], off * count))
    return takes


def on_shipping(
    freight: Sequence[int], before: Sequence[int], effect: Effect, terms: Terms, *, each: bool
) -> list[int]:
    """What an effect takes off some shipping methods: off each of them, or off all together by what they cost."""
    bases = before if terms.profile.percent_base == "initial" else freight
    if each or (terms.profile.round_on in ("unit", "line") and effect.kind == "percent"):
        return [min(discount(effect, now, base, terms.profile), now) for now, base in zip(freight, bases, strict=True)]
    off = discount(effect, sum(freight), sum(bases), terms.profile)
    return share(off, bases if effect.kind == "percent" else freight, freight, terms.profile.remainder)
