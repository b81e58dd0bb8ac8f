"""What the conditions of offers are evaluated with, and the result of one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime

from pricing.condition_values import (
    EVERYTHING,
    AttributeValue,
    Contains,
    NoneOf,
    Quantity,
    Subtotal,
)
from pricing.currencies import CartCurrency
from pricing.rounding import from_minor
from pricing.selection import select_lines
from pricing.values import Cart, Checked, Facts, Line


@dataclass(frozen=True, slots=True)
class ConditionResult:
    """Result of one condition; `code` is None when the condition holds."""

    checked: Checked
    code: str | None = None
    detail: str = ""
    members: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ConditionContext:
    """Data that conditions use: the cart, its lines in the engine's order, the shopper, and the brand's local time.

    ``day`` is the day that the time belongs to: the day before, if the offer's hours pass midnight and began then.
    """

    cart: Cart
    lines: Sequence[Line]
    facts: Facts
    brand: str | None
    local_time: datetime
    day: date
    currency: CartCurrency

    def count_units(self, lines: Sequence[int]) -> int:
        """Return the number of units on these lines."""
        return sum(self.lines[line].quantity for line in lines)

    def format_amount(self, minor: int) -> str:
        """Format an amount in the currency of the cart."""
        return from_minor(minor, self.cart.exponent)

    def attribute_values(self, name: str, of: str) -> Iterator[AttributeValue]:
        """Yield the values of an attribute of the cart, of each line that the offer may use, or of the customer."""
        if of == "line":
            lines = select_lines(EVERYTHING, self.lines, self.brand, self.currency)
            yield from (self.lines[line].attributes[name] for line in lines if name in self.lines[line].attributes)
            return
        owners = [self.cart.attributes] if of == "cart" else [self.cart.customer_attributes, self.facts.attributes]
        owner = next((one for one in owners if name in one), None)
        if owner is not None:
            yield owner[name]

    def selected_lines(self, condition: Subtotal | Quantity | Contains | NoneOf) -> list[int]:
        """Return the lines that the condition applies to."""
        return select_lines(condition.select, self.lines, self.brand, self.currency)
