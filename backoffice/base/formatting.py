"""Numbers, money, dates and plain values as people read them in the admin."""

import zoneinfo
from collections.abc import Mapping
from datetime import date, datetime

from django.conf import settings
from django.utils import formats
from django.utils.translation import get_language, pgettext
from django.utils.translation import gettext as _

from core import money

EMPTY_VALUE = "\N{EN DASH}"


def format_datetime(at: datetime | None, zone: str) -> str:
    """Return a date and time in a time zone (``21 Nov 2026, 14:05``); a dash for none."""
    pattern = pgettext("format of a date and time", "j M Y, H:i")
    return formats.date_format(at.astimezone(zoneinfo.ZoneInfo(zone)), pattern) if at else EMPTY_VALUE


def format_date(day: date) -> str:
    """Return a date (``21 Nov 2026``)."""
    return formats.date_format(day, pgettext("format of a date", "j M Y"))


def format_period(start: datetime | None, end: datetime | None, zone: str) -> str:
    """Return the start and the end of a period in a time zone."""
    return _("%(start)s to %(end)s") % {"start": format_datetime(start, zone), "end": format_datetime(end, zone)}


def format_date_range(first: date, last: date) -> str:
    """Return the first and the last day of a period."""
    return _("%(start)s to %(end)s") % {"start": format_date(first), "end": format_date(last)}


def local_date(at: datetime, zone: str) -> date:
    """Return the calendar day of a datetime in a time zone."""
    return at.astimezone(zoneinfo.ZoneInfo(zone)).date()


def format_number(number: float, digits: int = 0) -> str:
    """Return a number with thousands separators and a fixed number of decimal digits."""
    return formats.number_format(number, digits, force_grouping=True)


def format_capped_count(number: int, cap: int) -> str:
    """Return a number that was counted up to ``cap`` only (``10,000+``)."""
    return f"{format_number(cap)}+" if number > cap else format_number(number)


def get_percentage(part: int, whole: int) -> int:
    """Return a part as a whole percentage from 0 to 100; of nothing it is 100."""
    return max(0, min(100, 100 * part // whole)) if whole else 100


def format_percentage(part: float, whole: float, digits: int = 1) -> str:
    """Return a part of a whole as a percentage (``12.5%``); of nothing it is zero."""
    return f"{format_number(100 * part / whole if whole else 0, digits)}%"


def format_amount(minor_units: int | None, currency: str | None) -> str:
    """Return an amount, given in minor units, with its currency; a dash for none."""
    if minor_units is None or not currency:
        return EMPTY_VALUE
    return money.format_currency(minor_units, currency, get_language() or settings.LANGUAGE_CODE)


def format_totals(by_currency: Mapping[str, int]) -> str:
    """Return the amounts of several currencies, given in minor units, joined by plus signs."""
    amounts = [
        format_amount(minor_units, currency) for currency, minor_units in sorted(by_currency.items()) if minor_units
    ]
    return " + ".join(amounts) or EMPTY_VALUE


def humanize_pair(name: str, value: object) -> str:
    """Return a name and a plain value as text instead of data."""
    return f"{name.replace('_', ' ')}: {humanize_value(value)}"


def humanize_value(value: object) -> str:
    """Return a plain value, also a list or a mapping, as text."""
    if isinstance(value, Mapping):
        return ", ".join(f"{name.replace('_', ' ')} {humanize_value(part)}" for name, part in value.items())
    if isinstance(value, list):
        return ", ".join(humanize_value(part) for part in value) or _("none")
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    return _("none") if value is None else str(value)
