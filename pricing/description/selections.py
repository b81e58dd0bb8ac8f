"""Descriptions of the products that a select matches."""

from __future__ import annotations

from pricing import condition_values as c
from pricing.description.formats import format_amount, join_or, pluralize


def describe_selection(select: c.Select, currency: str) -> str:
    """Describe the products that a select matches."""
    names = join_or(select.categories or select.skus) if select.categories or select.skus else ""
    if select.categories and select.skus:
        names += f" with SKU {join_or(select.skus)}"
    if select.brands:
        names = f"{names or 'items'} by {join_or(select.brands)}"
    excluded = [*select.exclude_categories, *select.exclude_skus]
    details = [f"excluding {join_or(excluded)}"] if excluded else []
    if select.unit_price_from is not None:
        details.append(f"from {format_amount(select.unit_price_from, currency)}")
    if select.unit_price_to is not None:
        details.append(f"up to {format_amount(select.unit_price_to, currency)}")
    if select.skip_already_discounted:
        details.append("excluding sale items")
    return f"{names or 'any item'} ({', '.join(details)})" if details else names or "any item"


def of_selection(select: c.Select, currency: str) -> str:
    """Return the selection after "of", or nothing where it matches all products."""
    return "" if select == c.EVERYTHING else f" of {describe_selection(select, currency)}"


def count_of(count: int, select: c.Select, currency: str) -> str:
    """Return a number of units with their selection, or the number alone where it matches all products."""
    return str(count) if select == c.EVERYTHING else f"{pluralize(count, 'unit')}{of_selection(select, currency)}"
