"""Which lines of a cart a select takes. It looks only at what the caller sent, never at running prices."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence

from pricing.offer import EVERYTHING, Select
from pricing.rounding import to_minor
from pricing.values import Cart, Line

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


def selected(select: Select, lines: Sequence[Line], brand: str | None, exponent: int) -> list[int]:
    """The indexes of the lines that an offer of `brand` may look at and that `select` takes.

    Raises DoesNotFit when a price limit has more decimals than the currency.
    """
    own = range(len(lines))
    found = own if brand is None else [index for index in own if lines[index].brand in (None, brand)]
    if select == EVERYTHING:
        return list(found)
    takes = tester(select, exponent)
    return [index for index in found if takes(lines[index])]


def tester(select: Select, exponent: int) -> Callable[[Line], bool]:
    """Whether a select takes a line."""
    low = None if select.unit_price_from is None else to_minor(select.unit_price_from, exponent)
    high = None if select.unit_price_to is None else to_minor(select.unit_price_to, exponent)
    skus, categories, brands = frozenset(select.skus), frozenset(select.categories), frozenset(select.brands)
    not_skus, not_categories = frozenset(select.exclude_skus), frozenset(select.exclude_categories)

    def included(line: Line) -> bool:
        return (
            (not skus or line.sku in skus)
            and (not categories or not categories.isdisjoint(line.categories))
            and (not brands or line.brand in brands)
        )

    def excluded(line: Line) -> bool:
        return (
            line.sku in not_skus
            or not not_categories.isdisjoint(line.categories)
            or (select.skip_already_discounted and line.already_discounted)
        )

    def priced(line: Line) -> bool:
        return (low is None or line.unit_price >= low) and (high is None or line.unit_price <= high)

    return lambda line: included(line) and not excluded(line) and priced(line)


def selected_shipping(select: Select, ids: Iterable[str]) -> list[int]:
    """The indexes of the shipping methods that a select takes; of its keys only `shipping_ids` is read."""
    return [index for index, each in enumerate(ids) if not select.shipping_ids or each in select.shipping_ids]
