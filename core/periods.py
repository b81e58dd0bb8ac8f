"""Hours, days, weeks and months as a time zone's clocks and calendars have them; instants in, instants out.

Every boundary between two of them lies on a whole quarter of an hour (UTC) for every zone of the IANA database since
1990: no zone has had another offset since. So sums of quarters of an hour, which know no zone, add up to any zone's
days. A day starts with its first instant, which is not midnight where the clocks are put forward at midnight; an hour
that the clocks show twice is two hours.
"""

import enum
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

QUARTER_HOUR = timedelta(minutes=15)
_MOMENT = timedelta(microseconds=1)


class Interval(enum.StrEnum):
    """How long a period is. Weeks are those of ISO 8601: they start on Monday."""

    HOUR = "hour"
    DAY = "day"
    WEEK = "week"
    MONTH = "month"


def quarter_hour_start(at: datetime) -> datetime:
    """The start of the quarter of an hour (UTC) that holds this instant."""
    at = at.astimezone(UTC)
    return at.replace(minute=at.minute // 15 * 15, second=0, microsecond=0)


def start_of(at: datetime, unit: Interval, zone: ZoneInfo) -> datetime:
    """The first instant of the period that holds ``at``."""
    if unit is not Interval.HOUR:
        return _first_instant(_first_day(at.astimezone(zone).date(), unit), zone)
    start = quarter_hour_start(at)
    while _same_hour(start - QUARTER_HOUR, start, zone):
        start -= QUARTER_HOUR
    return start


def next_start(start: datetime, unit: Interval, zone: ZoneInfo) -> datetime:
    """The first instant of the period after the one that starts at ``start``."""
    if unit is Interval.HOUR:
        return _next_hour(start, zone)
    day = _next_day(start.astimezone(zone).date(), unit)
    while (following := _first_instant(day, zone)) <= start:  # a day that the zone's calendar left out
        day = _next_day(day, unit)
    return following


def iter_starts(first: datetime, until: datetime, unit: Interval, zone: ZoneInfo) -> Iterator[datetime]:
    """The starts of the periods that lie, at least in part, in [first, until); none when that is empty."""
    start = start_of(first, unit, zone)
    while first < until and start < until:
        yield start
        start = next_start(start, unit, zone)


def min_period_count(first: datetime, until: datetime, unit: Interval) -> int:
    """A number of periods that [first, until) surely has, without going through them."""
    max_length = {Interval.HOUR: 1, Interval.DAY: 26, Interval.WEEK: 24 * 8, Interval.MONTH: 24 * 32}[unit]
    return max(0, int((until - first) / timedelta(hours=max_length)))


def _next_hour(start: datetime, zone: ZoneInfo) -> datetime:
    local = start.astimezone(zone)
    following = start + timedelta(hours=1) - timedelta(minutes=local.minute)
    if following.astimezone(zone).utcoffset() == local.utcoffset():
        return following
    following = start + QUARTER_HOUR  # the clocks are changed in this hour or at its end
    while _same_hour(following - QUARTER_HOUR, following, zone):
        following += QUARTER_HOUR
    return following


def _same_hour(one: datetime, other: datetime, zone: ZoneInfo) -> bool:
    """Whether the clocks show one hour at both instants and were not changed in between."""
    here, there = one.astimezone(zone), other.astimezone(zone)
    return (here.date(), here.hour, here.utcoffset()) == (there.date(), there.hour, there.utcoffset())


def _first_day(day: date, unit: Interval) -> date:
    if unit is Interval.WEEK:
        return day - timedelta(days=day.weekday())
    return day.replace(day=1) if unit is Interval.MONTH else day


def _next_day(day: date, unit: Interval) -> date:
    """The first day of the next period, for a day in this one."""
    first = _first_day(day, unit)
    if unit is Interval.MONTH:
        return (first.replace(day=28) + timedelta(days=4)).replace(day=1)
    return first + timedelta(days=7 if unit is Interval.WEEK else 1)


def _first_instant(day: date, zone: ZoneInfo) -> datetime:
    """The first instant at which the zone's calendar shows this day, or a later one where it left this day out."""
    found = datetime.combine(day, time.min, zone).astimezone(UTC)
    while (found - _MOMENT).astimezone(zone).date() >= day:  # midnight lies within the hour that was skipped
        found -= QUARTER_HOUR
    return found
