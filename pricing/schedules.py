"""Local times of conditions, and the days that they belong to."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from pricing.condition_values import Condition, Hours


def to_local_time(at: datetime, timezone: str) -> datetime:
    """Convert a datetime to the time zone of a brand."""
    return at.astimezone(ZoneInfo(timezone))


def find_day(conditions: Iterable[Condition], local_time: datetime) -> date:
    """Return the day that a time belongs to: hours that pass midnight belong to the day on which they begin."""
    is_past_midnight = any(
        isinstance(condition, Hours) and passes_midnight(condition) and clock(local_time) < condition.end
        for condition in conditions
    )
    return local_time.date() - timedelta(days=1 if is_past_midnight else 0)


def passes_midnight(condition: Hours) -> bool:
    """Return whether the hours begin on one day and end on the next."""
    return condition.end <= condition.start


def clock(local_time: datetime) -> str:
    """Return the time of day as HH:MM, which sorts by time."""
    return local_time.strftime("%H:%M")
