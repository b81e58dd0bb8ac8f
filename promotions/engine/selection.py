"""Which lines of a cart a select takes. It looks only at what the caller sent, never at running prices."""

from __future__ import annotations

import re
from collections.abc import Iterable

from promotions.engine.offer import EVERYTHING, Select
from promotions.engine.rounding import to_minor
from promotions.engine.values import Cart, Line

DIGITS = re.compile(r"(\d+)")


def in_order(cart: Cart) -> list[int]:
    """The cart's lines in the order that breaks ties: by id, numbers inside ids compared as numbers.

    The engine works in this order, so the order of lines in a request changes nothing.
    """
    ids = [line.id for line in cart.lines]
    if len({len(each) for each in ids}) <= 1 or not any(map(DIGITS.search, ids)):
        return sorted(range(len(ids)), key=ids.__getitem__)
    return sorted(range(len(ids)), key=lambda index: (natural(ids[index]), ids[index]))


def natural(text: str) -> list[tuple[int, int, str]]:
    """A sort key under which "l2" comes before "l10"."""
    return [(0, int(part), "") if part.isdecimal() else (1, 0, part) for part in DIGITS.split(text) if part]


def selected(select: Select, lines: list[Line], brand: str | None, exponent: int) -> list[int]:
    """The indexes of the lines that an offer of `brand` may look at and that `select` takes.

    Raises DoesNotFit when a price limit has more decimals than the currency.
    """
    if select == EVERYTHING:
        if brand is None:
            return list(range(len(lines)))
        return [index for index, line in enumerate(lines) if line.brand is None or line.brand == brand]
    low = None if select.unit_price_from is None else to_minor(select.unit_price_from, exponent)
    high = None if select.unit_price_to is None else to_minor(select.unit_price_to, exponent)
    return [
        index
        for index, line in enumerate(lines)
        if (brand is None or line.brand is None or line.brand == brand)
        and (low is None or line.unit_price >= low)
        and (high is None or line.unit_price <= high)
        and takes(select, line)
    ]


def takes(select: Select, line: Line) -> bool:
    """Whether a select takes a line, its price limits apart."""
    if select.skus and line.sku not in select.skus:
        return False
    if select.categories and line.categories.isdisjoint(select.categories):
        return False
    if select.brands and line.brand not in select.brands:
        return False
    if line.sku in select.exclude_skus or not line.categories.isdisjoint(select.exclude_categories):
        return False
    return not (select.skip_already_discounted and line.already_discounted)


def selected_shipping(select: Select, ids: Iterable[str]) -> list[int]:
    """The indexes of the shipping methods that a select takes; of its keys only `shipping_ids` is read."""
    return [index for index, each in enumerate(ids) if not select.shipping_ids or each in select.shipping_ids]
