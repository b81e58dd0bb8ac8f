"""Hours, days, weeks and months in a time zone, with datetimes as input and output.

Since 1990, all UTC offsets in the IANA database have been multiples of 15 minutes. So every boundary between two
periods is at a quarter of an hour (UTC), and totals per quarter of an hour add up to the days of any time zone. A day
starts with its first instant, which is after midnight where clocks are put forward at midnight. An hour that clocks
show twice counts as two hours.
"""

import enum
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

QUARTER_HOUR = timedelta(minutes=15)
_TICK = timedelta(microseconds=1)


class Interval(enum.StrEnum):
    """Length of a period. Weeks start on Monday (ISO 8601)."""

    HOUR = "hour"
    DAY = "day"
    WEEK = "week"
    MONTH = "month"


def quarter_hour_start(at: datetime) -> datetime:
    """Return the start of the quarter of an hour (UTC) that contains ``at``."""
    at = at.astimezone(UTC)
    return at.replace(minute=at.minute // 15 * 15, second=0, microsecond=0)


def start_of_day(day: date, zone: ZoneInfo) -> datetime:
    """Return the first instant of a day in a time zone, or of the next day if the time zone skipped it."""
    instant = datetime.combine(day, time.min, zone).astimezone(UTC)
    while (instant - _TICK).astimezone(zone).date() >= day:  # midnight is within the skipped hour
        instant -= QUARTER_HOUR
    return instant


def end_of_day(day: date, zone: ZoneInfo) -> datetime:
    """Return the end (exclusive) of a day in a time zone: the first instant of the next day."""
    return start_of_day(day + timedelta(days=1), zone)


def start_of(at: datetime, unit: Interval, zone: ZoneInfo) -> datetime:
    """Return the start of the period that contains ``at``."""
    if unit is not Interval.HOUR:
        return start_of_day(_first_day(at.astimezone(zone).date(), unit), zone)
    start = quarter_hour_start(at)
    while _same_hour(start - QUARTER_HOUR, start, zone):
        start -= QUARTER_HOUR
    return start


def next_start(start: datetime, unit: Interval, zone: ZoneInfo) -> datetime:
    """Return the start of the period after the one that starts at ``start``."""
    if unit is Interval.HOUR:
        return _next_hour(start, zone)
    day = _next_day(start.astimezone(zone).date(), unit)
    while (following := start_of_day(day, zone)) <= start:  # a date that the time zone skipped
        day = _next_day(day, unit)
    return following


def iter_starts(first: datetime, until: datetime, unit: Interval, zone: ZoneInfo) -> Iterator[datetime]:
    """Yield the starts of the periods that overlap [first, until)."""
    start = start_of(first, unit, zone)
    while first < until and start < until:
        yield start
        start = next_start(start, unit, zone)


def min_period_count(first: datetime, until: datetime, unit: Interval) -> int:
    """Return a lower bound of the number of periods in [first, until), without iterating over them."""
    max_length = {Interval.HOUR: 1, Interval.DAY: 26, Interval.WEEK: 24 * 8, Interval.MONTH: 24 * 32}[unit]
    return max(0, int((until - first) / timedelta(hours=max_length)))


def _next_hour(start: datetime, zone: ZoneInfo) -> datetime:
    local = start.astimezone(zone)
    following = start + timedelta(hours=1) - timedelta(minutes=local.minute)
    if following.astimezone(zone).utcoffset() == local.utcoffset():
        return following
    following = start + QUARTER_HOUR  # the clocks change within this hour or at its end
    while _same_hour(following - QUARTER_HOUR, following, zone):
        following += QUARTER_HOUR
    return following


def _same_hour(first: datetime, second: datetime, zone: ZoneInfo) -> bool:
    """Return whether the clocks show the same hour at both datetimes and do not change in between."""
    one, other = first.astimezone(zone), second.astimezone(zone)
    return (one.date(), one.hour, one.utcoffset()) == (other.date(), other.hour, other.utcoffset())


def _first_day(day: date, unit: Interval) -> date:
    if unit is Interval.WEEK:
        return day - timedelta(days=day.weekday())
    return day.replace(day=1) if unit is Interval.MONTH else day


def _next_day(day: date, unit: Interval) -> date:
    """Return the first day of the next period, for a day of this period."""
    first = _first_day(day, unit)
    if unit is Interval.MONTH:
        return (first.replace(day=28) + timedelta(days=4)).replace(day=1)
    return first + timedelta(days=7 if unit is Interval.WEEK else 1)
