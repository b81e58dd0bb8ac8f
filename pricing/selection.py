"""Selection of cart lines. It uses only what the caller sent, never running prices."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence

from pricing.condition_values import EVERYTHING, Select
from pricing.currencies import CartCurrency
from pricing.values import Cart, Line

DIGITS = re.compile(r"(\d+)")


def sort_lines(cart: Cart) -> list[int]:
    """Return the line indexes in the order that breaks ties: by id, with numbers inside ids compared as numbers.

    The engine works in this order, so the order of lines in a request has no effect.
    """
    ids = [line.id for line in cart.lines]
    if len({len(line_id) for line_id in ids}) <= 1 or not any(map(DIGITS.search, ids)):
        return sorted(range(len(ids)), key=ids.__getitem__)
    return sorted(range(len(ids)), key=lambda index: (natural_key(ids[index]), ids[index]))


def natural_key(text: str) -> list[tuple[int, int, str]]:
    """Return a sort key that places "l2" before "l10"."""
    return [(0, int(part), "") if part.isdecimal() else (1, 0, part) for part in DIGITS.split(text) if part]


def select_lines(select: Select, lines: Sequence[Line], brand: str | None, currency: CartCurrency) -> list[int]:
    """Return the indexes of the lines that `select` matches and an offer of `brand` may use.

    Raises CurrencyMismatch when a price limit has no value in the currency.
    """
    indexes = range(len(lines))
    found = indexes if brand is None else [index for index in indexes if lines[index].brand in (None, brand)]
    if select == EVERYTHING:
        return list(found)
    matches = compile_select(select, currency)
    return [index for index in found if matches(lines[index])]


def compile_select(select: Select, currency: CartCurrency) -> Callable[[Line], bool]:
    """Return a predicate that tells whether `select` matches a line."""
    low = None if select.unit_price_from is None else currency.to_minor(select.unit_price_from)
    high = None if select.unit_price_to is None else currency.to_minor(select.unit_price_to)
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


def select_shipping(select: Select, ids: Iterable[str]) -> list[int]:
    """Return the indexes of the shipping methods that `select` matches. Only its `shipping_ids` are used."""
    return [index for index, method_id in enumerate(ids) if not select.shipping_ids or method_id in select.shipping_ids]
