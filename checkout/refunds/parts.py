"""What comes back of an order that is refunded in parts: units, amounts and shipping, and their shares of the discount.

With the policy `keep`, the share of the first units that come back is rounded half up, so that of the next units is the
share of all of them minus what has come back before. So the shares of all refunds add up to the discount, however an
order is divided. The discounts of a line are rounded together, so that what comes back of the line never differs from
the exact share by more than half a minor unit. `checkout.refunds.repricing` has the policy `recompute`.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from fractions import Fraction
from operator import add, sub

from checkout.contracts import Repricing, Shares


def round_half_up(numerator: int, denominator: int) -> int:
    """Return a fraction, which is not negative, as a whole number."""
    return (2 * numerator + denominator) // (2 * denominator)


def divide(weights: Sequence[int], amount: int) -> list[int]:
    """Divide an amount in proportion to whole weights, of which it is at most the sum (the method of Sainte-Laguë).

    A greater amount gives no part less, and the sum of the weights gives each its weight.
    """
    total = sum(weights)
    if not total:
        return [0] * len(weights)
    parts = [round_half_up(weight * amount, total) for weight in weights]
    while sum(parts) < amount:
        index = max(range(len(parts)), key=lambda i: (Fraction(weights[i], 2 * parts[i] + 1), -weights[i], -i))
        parts[index] += 1
    while sum(parts) > amount:
        given = [i for i, part in enumerate(parts) if part]
        index = min(given, key=lambda i: (Fraction(weights[i], 2 * parts[i] - 1), -weights[i], -i))
        parts[index] -= 1
    return parts


@dataclass(frozen=True, slots=True)
class LineState:
    """A line of an order, with what has come back of it. ``value`` is its subtotal, in minor units.

    ``shares`` are the discounts that the order's items give on the line, and ``units`` how many of its units get one,
    by item. ``repricing`` is that of the last refund which priced the rest of the order again, if any. Orders of an
    earlier release round each discount alone (``is_rounded_together``).
    """

    id: str
    quantity: int
    value: int
    shares: Shares
    returned_quantity: int = 0
    returned_value: int = 0
    repricing: Repricing | None = None
    units: tuple[int, ...] = ()
    is_rounded_together: bool = True

    @property
    def is_returned(self) -> bool:
        """Whether all of the line has come back. A line without a price comes back with its last unit."""
        return self.returned_value == self.value if self.value else self.returned_quantity == self.quantity

    @property
    def returned_shares(self) -> Shares:
        """The discounts that have come back, by item."""
        base = self.repricing or Repricing(0, tuple(0 for _ in self.shares), self.shares)
        part, whole = self.returned_value - base.value, self.value - base.value
        if not whole:
            return base.returned
        if self.is_rounded_together:
            parts: Sequence[int] = divide(base.left, round_half_up(sum(base.left) * part, whole))
        else:
            parts = [round_half_up(left * part, whole) for left in base.left]
        return tuple(map(add, base.returned, parts))

    @property
    def kept_shares(self) -> Shares:
        """The discounts that have not come back, by item."""
        return tuple(map(sub, self.shares, self.returned_shares))

    @property
    def kept_units(self) -> tuple[int, ...]:
        """The discounted units that have not come back, by item: units without a discount come back first."""
        units = self.units if self.repricing is None or self.repricing.units is None else self.repricing.units
        kept = self.quantity - self.returned_quantity
        return tuple(min(count, kept) for count in units)


@dataclass(frozen=True, slots=True)
class ShippingState:
    """The shipping of an order: its subtotal, the items' discounts on it, and whether it came back."""

    value: int
    shares: Shares
    is_returned: bool = False
    repricing: Repricing | None = None

    @property
    def returned_shares(self) -> Shares:
        """The discounts that have come back, by item."""
        if self.is_returned:
            return self.shares
        return self.repricing.returned if self.repricing else tuple(0 for _ in self.shares)

    @property
    def kept_shares(self) -> Shares:
        """The discounts that have not come back, by item."""
        return tuple(map(sub, self.shares, self.returned_shares))


@dataclass(frozen=True, slots=True)
class OrderState:
    """The lines and the shipping of an order."""

    lines: Mapping[str, LineState]
    shipping: ShippingState

    @property
    def is_returned(self) -> bool:
        """Whether everything has come back."""
        shipping = self.shipping
        return all(line.is_returned for line in self.lines.values()) and (shipping.is_returned or not shipping.value)

    @property
    def returned_shares(self) -> Shares:
        """The discounts that have come back, by item."""
        parts = [*(line.returned_shares for line in self.lines.values()), self.shipping.returned_shares]
        return tuple(map(sum, zip(*parts, strict=True)))

    @property
    def kept_shares(self) -> Shares:
        """The discounts that have not come back, by item."""
        parts = [*(line.kept_shares for line in self.lines.values()), self.shipping.kept_shares]
        return tuple(map(sum, zip(*parts, strict=True)))

    @property
    def kept_units(self) -> tuple[int, ...]:
        """The discounted units of lines that have not come back, by item."""
        none = tuple(0 for _ in self.shipping.shares)
        return tuple(map(sum, zip(*(line.kept_units or none for line in self.lines.values()), none, strict=True)))

    def restrict(self, lines: Collection[str], positions: Collection[int]) -> "OrderState":
        """Return the state of these lines, and of the shipping if it has a discount, with the items at these positions.

        The others' discounts are 0.
        """

        def keep(shares: Shares) -> Shares:
            return tuple(share if position in positions else 0 for position, share in enumerate(shares))

        def keep_repricing(repricing: Repricing | None) -> Repricing | None:
            if repricing is None:
                return None
            return replace(repricing, returned=keep(repricing.returned), left=keep(repricing.left))

        restricted = {
            name: replace(line, shares=keep(line.shares), repricing=_keep_returned(line, keep))
            for name, line in self.lines.items()
            if name in lines
        }
        shares, repricing = keep(self.shipping.shares), keep_repricing(self.shipping.repricing)
        value = self.shipping.value if sum(shares) else 0
        return OrderState(restricted, replace(self.shipping, value=value, shares=shares, repricing=repricing))

    @property
    def returned_value(self) -> int:
        """The part of the subtotal, including shipping, that has come back."""
        shipping = self.shipping.value if self.shipping.is_returned else 0
        return shipping + sum(line.returned_value for line in self.lines.values())


def _keep_returned(line: LineState, keep: Callable[[Shares], Shares]) -> Repricing:
    """Return what has come back of some discounts of a line: the shares of them that all discounts together have."""
    units = line.repricing.units if line.repricing else None
    return Repricing(line.returned_value, keep(line.returned_shares), keep(line.kept_shares), units)


class RefundPolicy(StrEnum):
    """What comes back: the parts' own shares of the discount, or what the kept rest costs less at the terms of then."""

    KEEP = "keep"
    RECOMPUTE = "recompute"


@dataclass(frozen=True, slots=True)
class LineRefund:
    """A part of a line: ``quantity`` units, an ``amount`` of its subtotal, or the rest without both.

    With both, the units come back at this amount. ``position`` is that in the request.
    """

    id: str
    quantity: int | None = None
    amount: int | None = None
    position: int = 0


@dataclass(frozen=True, slots=True)
class RefundRequest:
    """The parts of an order that come back.

    ``lines`` None stands for all that is left of all lines, and ``shipping`` None for what comes with them: the
    shipping comes back with all that is left, and not with lines that are named.
    """

    lines: Sequence[LineRefund] | None = None
    shipping: bool | None = None
    policy: RefundPolicy = RefundPolicy.KEEP

    @property
    def includes_shipping(self) -> bool:
        """Whether the shipping comes back."""
        return self.lines is None if self.shipping is None else self.shipping

    @property
    def names_shipping(self) -> bool:
        """Whether the shipping comes back as a part of its own, not as one of all that is left."""
        return self.includes_shipping and self.lines is not None


class UnknownLine(Exception):
    """Raised for a line that the order doesn't have."""

    def __init__(self, refund: LineRefund) -> None:
        super().__init__(refund.id)
        self.refund = refund


class NoShipping(Exception):
    """Raised for the shipping of an order whose shipping has no price."""


class TooMuch(Exception):
    """Raised for more units, or a greater amount, than is left of a line. ``name`` is that of the request's member."""

    def __init__(self, refund: LineRefund, name: str, left: int) -> None:
        super().__init__(refund.id)
        self.refund, self.name, self.left = refund, name, left


def apply_refund(state: OrderState, request: RefundRequest) -> OrderState:
    """Return the state after a refund. Raises UnknownLine, TooMuch and NoShipping."""
    if request.names_shipping and not state.shipping.value:
        raise NoShipping
    lines = dict(state.lines)
    refunds: Iterable[LineRefund] = [LineRefund(name) for name in lines] if request.lines is None else request.lines
    for refund in refunds:
        if refund.id not in lines:
            raise UnknownLine(refund)
        lines[refund.id] = _return_part(lines[refund.id], refund)
    has_shipping = state.shipping.is_returned or (request.includes_shipping and state.shipping.value > 0)
    return OrderState(lines, replace(state.shipping, is_returned=has_shipping))


def _return_part(line: LineState, refund: LineRefund) -> LineState:
    units, value = line.quantity - line.returned_quantity, line.value - line.returned_value
    quantity, amount = refund.quantity, refund.amount
    if quantity is not None and (quantity > units or line.is_returned):
        raise TooMuch(refund, "quantity", 0 if line.is_returned else units)
    if amount is not None and amount > value:
        raise TooMuch(refund, "amount", value)
    if quantity is None and amount is None:
        quantity, amount = units, value
    elif quantity is not None and amount is None:
        amount = value * quantity // units  # all that is left, with the last unit
    returned = replace(
        line,
        returned_quantity=line.returned_quantity + (quantity or 0),
        returned_value=line.returned_value + (amount or 0),
    )
    return replace(returned, returned_quantity=line.quantity) if returned.is_returned else returned
