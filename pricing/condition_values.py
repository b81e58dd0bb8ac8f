"""Selections of lines, and the conditions of offers, as values."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from pricing.currencies import MoneyAmount


@dataclass(frozen=True, slots=True)
class Select:
    """Selection of lines or shipping methods; an attribute that is empty or None does not restrict it.

    `unit_price_from` and `unit_price_to` (both inclusive) apply to the undiscounted price.
    """

    skus: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    brands: tuple[str, ...] = ()
    exclude_skus: tuple[str, ...] = ()
    exclude_categories: tuple[str, ...] = ()
    unit_price_from: MoneyAmount | None = None
    unit_price_to: MoneyAmount | None = None
    skip_already_discounted: bool = False
    shipping_ids: tuple[str, ...] = ()


EVERYTHING = Select()


@dataclass(frozen=True, slots=True)
class Subtotal:
    """`min_subtotal`, `max_subtotal`, `subtotal_equals`: value of selected lines `before` discounts or `running`."""

    kind: str
    value: MoneyAmount
    basis: str = "before"
    select: Select = EVERYTHING
    currency: str | None = None


@dataclass(frozen=True, slots=True)
class Quantity:
    """`min_quantity` and `max_quantity` (units of all selected lines), `min_line_quantity` (of one of them)."""

    kind: str
    value: int
    select: Select = EVERYTHING


@dataclass(frozen=True, slots=True)
class Contains:
    """`contains`: at least `quantity` units that the select matches."""

    kind: str
    select: Select
    quantity: int = 1


@dataclass(frozen=True, slots=True)
class OneOf:
    """`audience`, `currency`, `country`, `weekdays` and members of the cart, such as `channel`: one is among `any`."""

    kind: str
    any: tuple[str, ...]


AttributeValue = str | int | float | bool
"""Value of an attribute; a date is its ISO 8601 text."""


@dataclass(frozen=True, slots=True)
class Attribute:
    """`attribute`: a value of the cart, of a line or of the customer is among `any`, or from `start` to `end`."""

    kind: str
    name: str
    of: str = "cart"
    any: tuple[AttributeValue, ...] = ()
    start: AttributeValue | None = None
    end: AttributeValue | None = None


@dataclass(frozen=True, slots=True)
class NthOrder:
    """`nth_order`: the order is the shopper's `value`th with this brand; 1 is the first."""

    kind: str
    value: int


@dataclass(frozen=True, slots=True)
class Hours:
    """`hours`: from "HH:MM" (inclusive) to "HH:MM" (exclusive) in the brand's time zone; may pass midnight."""

    kind: str
    start: str
    end: str


@dataclass(frozen=True, slots=True)
class DateRange:
    """`date_range`: dates in the brand's time zone ("2026-12-01", both inclusive), or datetimes (end exclusive)."""

    kind: str
    start: str | None = None
    end: str | None = None


@dataclass(frozen=True, slots=True)
class NoneOf:
    """`none_of`: no line matches the select."""

    kind: str
    select: Select


@dataclass(frozen=True, slots=True)
class Not:
    """`not`: the condition does not hold."""

    kind: str
    condition: Condition


@dataclass(frozen=True, slots=True)
class AnyOf:
    """`any_of`: at least one of the conditions holds."""

    kind: str
    conditions: tuple[Condition, ...]


Condition = Subtotal | Quantity | Contains | OneOf | Attribute | NthOrder | Hours | DateRange | NoneOf | Not | AnyOf


def iter_conditions(conditions: Iterable[Condition]) -> Iterator[Condition]:
    """Yield the conditions and those inside `not` and `any_of`."""
    for condition in conditions:
        yield condition
        if isinstance(condition, Not):
            yield from iter_conditions([condition.condition])
        elif isinstance(condition, AnyOf):
            yield from iter_conditions(condition.conditions)
