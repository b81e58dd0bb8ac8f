"""Formats of amounts, percentages, dates, numbers and lists in descriptions."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date
from decimal import Decimal

from django.utils import formats
from django.utils.translation import get_language, ngettext
from django.utils.translation import gettext as _

from backoffice.base.formatting import format_amount as format_minor_units
from backoffice.base.formatting import format_date as format_day
from backoffice.base.formatting import format_datetime, format_number
from core.money import iso_exponent
from pricing.currencies import MoneyAmount, PerCurrency
from pricing.fields import parse_datetime
from pricing.rounding import to_minor

MAX_NAMES_SHOWN = 4  # of a list; of the others, only their number is shown
ORDINALS = {"de": "{}.", "es": "{}.º"}


def join_or(names: Sequence[str]) -> str:
    """Join alternatives with commas and "or"."""
    shown = list(names[:MAX_NAMES_SHOWN])
    if len(names) > MAX_NAMES_SHOWN:
        rest = format_number(len(names) - MAX_NAMES_SHOWN)
        return _("%(names)s or %(count)s more") % {"names": ", ".join(shown), "count": rest}
    if len(shown) == 1:
        return shown[0]
    return _("%(first)s or %(second)s") % {"first": ", ".join(shown[:-1]), "second": shown[-1]}


def format_amount(value: MoneyAmount, currency: str) -> str:
    """Format an amount with its currency, or all values of an amount per currency.

    An amount that does not fit the currency is formatted as the author wrote it.
    """
    if isinstance(value, PerCurrency):
        return join_or([format_amount(amount, code) for code, amount in value.values])
    try:
        return format_minor_units(to_minor(value, iso_exponent(currency)), currency)
    except ValueError:
        return f"{value:f} {currency}"


def format_percent(value: Decimal) -> str:
    """Format a percentage without trailing zeros."""
    digits = max(0, -int(value.normalize().as_tuple().exponent))
    return _("%(number)s%%") % {"number": formats.number_format(value, digits)}


def format_date(text: str) -> str:
    """Format an ISO 8601 date, or a datetime in UTC."""
    if len(text) == len("2026-12-31"):
        return format_day(date.fromisoformat(text))
    return f"{format_datetime(parse_datetime(text).astimezone(UTC), 'UTC')} UTC"


def format_units(count: int) -> str:
    """Format a number of units of goods."""
    return ngettext("%(count)s unit", "%(count)s units", count) % {"count": format_number(count)}


def format_times(limit: int) -> str:
    """Format how often something applies at most."""
    return _("once") if limit == 1 else _("up to %(count)s times") % {"count": format_number(limit)}


def format_ordinal(position: int) -> str:
    """Format an ordinal number such as "3rd"."""
    if pattern := ORDINALS.get((get_language() or "").partition("-")[0]):
        return pattern.format(position)
    suffix = "th" if position % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(position % 10, "th")
    return f"{position}{suffix}"
