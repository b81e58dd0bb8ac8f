"""Formats of amounts, percentages, dates, numbers and lists in descriptions."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date
from decimal import Decimal

from core.money import format_currency, iso_exponent
from pricing.currencies import MoneyAmount, PerCurrency
from pricing.fields import parse_datetime
from pricing.rounding import to_minor

MAX_NAMES_SHOWN = 4
"""Number of names of a list that are shown; of the others, only their number is shown."""


def join_or(names: Sequence[str]) -> str:
    """Join alternatives with commas and "or"."""
    shown = list(names[:MAX_NAMES_SHOWN])
    if len(names) > MAX_NAMES_SHOWN:
        return f"{', '.join(shown)} or {len(names) - MAX_NAMES_SHOWN:,} more"
    return ", ".join(shown[:-1]) + (" or " if len(shown) > 1 else "") + shown[-1]


def format_amount(value: MoneyAmount, currency: str) -> str:
    """Format an amount with its currency, or all values of an amount per currency.

    An amount that does not fit the currency is formatted as the author wrote it.
    """
    if isinstance(value, PerCurrency):
        return join_or([format_amount(amount, code) for code, amount in value.values])
    try:
        return format_currency(to_minor(value, iso_exponent(currency)), currency)
    except ValueError:
        return f"{value:f} {currency}"


def format_percent(value: Decimal) -> str:
    """Format a percentage without trailing zeros."""
    return f"{value.normalize():f}%"


def format_date(text: str) -> str:
    """Format an ISO 8601 date, or a datetime in UTC."""
    if len(text) == 10:
        day = date.fromisoformat(text)
        return f"{day.day} {day:%b %Y}"
    time = parse_datetime(text).astimezone(UTC)
    return f"{time.day} {time:%b %Y, %H:%M} UTC"


def pluralize(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def format_times(limit: int) -> str:
    return "once" if limit == 1 else f"up to {limit:,} times"


def format_ordinal(position: int) -> str:
    """Format an ordinal number such as "3rd"."""
    suffix = "th" if position % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(position % 10, "th")
    return f"{position}{suffix}"
