"""Which instants the platform takes from outside: such as every time zone's calendar can show."""

from datetime import UTC, date, datetime

YEARS = range(1900, 9999)
REFUSAL = f"Choose one of the years {YEARS[0]} to {YEARS[-1]}."
_FIRST, _END = datetime(YEARS.start, 1, 1, tzinfo=UTC), datetime(YEARS.stop, 1, 1, tzinfo=UTC)


def taken(at: datetime) -> bool:
    """Whether the instant is one that the platform takes."""
    return _FIRST <= at < _END


def day_taken(day: date) -> bool:
    """Whether a day's midnight is one, wherever the day is."""
    return day.year in YEARS
