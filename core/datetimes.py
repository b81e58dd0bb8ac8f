"""The dates and datetimes that the platform accepts: those that every time zone can represent."""

import re
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from core import periods

SUPPORTED_YEARS = range(1900, 9999)
DATE = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_FIRST, _END = datetime(SUPPORTED_YEARS.start, 1, 1, tzinfo=UTC), datetime(SUPPORTED_YEARS.stop, 1, 1, tzinfo=UTC)


def is_supported_datetime(at: datetime) -> bool:
    """Return whether the platform accepts the datetime."""
    return _FIRST <= at < _END


def is_supported_date(day: date, *, is_end: bool = False) -> bool:
    """Return whether the platform accepts the start of the date in every time zone, and its end with ``is_end``."""
    return day.year in SUPPORTED_YEARS and (not is_end or (day + timedelta(days=1)).year in SUPPORTED_YEARS)


def parse_end(text: str, zone: ZoneInfo) -> datetime | None:
    """Return the end (exclusive, UTC) that a text means, or None if it means none.

    The text is an ISO 8601 datetime with a UTC offset, or a date, the whole of which is included in the time zone.
    """
    try:
        if DATE.fullmatch(text):
            day = date.fromisoformat(text)
            return periods.end_of_day(day, zone) if is_supported_date(day, is_end=True) else None
        at = datetime.fromisoformat(text)
    except ValueError:
        return None
    return at.astimezone(UTC) if at.tzinfo is not None and is_supported_datetime(at) else None


def format_iso(at: datetime) -> str:
    """Return a datetime in UTC as the API writes it."""
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")
