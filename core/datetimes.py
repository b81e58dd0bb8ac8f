"""Which instants the platform takes from outside: such as every time zone's calendar can show."""

from datetime import UTC, date, datetime

SUPPORTED_YEARS = range(1900, 9999)
UNSUPPORTED_MESSAGE = f"Choose one of the years {SUPPORTED_YEARS[0]} to {SUPPORTED_YEARS[-1]}."
_FIRST, _END = datetime(SUPPORTED_YEARS.start, 1, 1, tzinfo=UTC), datetime(SUPPORTED_YEARS.stop, 1, 1, tzinfo=UTC)


def is_supported_datetime(at: datetime) -> bool:
    """Whether the instant is one that the platform takes."""
    return _FIRST <= at < _END


def is_supported_date(day: date) -> bool:
    """Whether a day's midnight is one, wherever the day is."""
    return day.year in SUPPORTED_YEARS
