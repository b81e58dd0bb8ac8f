"""The range of dates and datetimes that the platform accepts: those that every time zone can represent."""

from datetime import UTC, date, datetime

SUPPORTED_YEARS = range(1900, 9999)
_FIRST, _END = datetime(SUPPORTED_YEARS.start, 1, 1, tzinfo=UTC), datetime(SUPPORTED_YEARS.stop, 1, 1, tzinfo=UTC)


def is_supported_datetime(at: datetime) -> bool:
    """Return whether the platform accepts the datetime."""
    return _FIRST <= at < _END


def is_supported_date(day: date) -> bool:
    """Return whether the platform accepts the midnight of the date in every time zone."""
    return day.year in SUPPORTED_YEARS
