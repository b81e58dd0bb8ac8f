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

QUARTER = timedelta(minutes=15)
_MOMENT = timedelta(microseconds=1)


class Unit(enum.StrEnum):
    """How long a period is. Weeks are those of ISO 8601: they start on Monday."""

    HOUR = "hour"
    DAY = "day"
    WEEK = "week"
    MONTH = "month"


def quarter(at: datetime) -> datetime:
    """The start of the quarter of an hour (UTC) that holds this instant."""
    at = at.astimezone(UTC)
    return at.replace(minute=at.minute // 15 * 15, second=0, microsecond=0)


def start_of(at: datetime, unit: Unit, zone: ZoneInfo) -> datetime:
    """The first instant of the period that holds ``at``."""
    if unit is not Unit.HOUR:
        return _first_instant(_first_day(at.astimezone(zone).date(), unit), zone)
    start = quarter(at)
    while _same_hour(start - QUARTER, start, zone):
        start -= QUARTER
    return start


def after(start: datetime, unit: Unit, zone: ZoneInfo) -> datetime:
    """The first instant of the period after the one that starts at ``start``."""
    if unit is Unit.HOUR:
        return _next_hour(start, zone)
    day = _next_day(start.astimezone(zone).date(), unit)
    while (following := _first_instant(day, zone)) <= start:  # a day that the zone's calendar left out
        day = _next_day(day, unit)
    return following


def starts(first: datetime, until: datetime, unit: Unit, zone: ZoneInfo) -> Iterator[datetime]:
    """The starts of the periods that lie, at least in part, in [first, until); none when that is empty."""
    start = start_of(first, unit, zone)
    while first < until and start < until:
        yield start
        start = after(start, unit, zone)


def count_at_least(first: datetime, until: datetime, unit: Unit) -> int:
    """A number of periods that [first, until) surely has, without going through them."""
    longest = {Unit.HOUR: 1, Unit.DAY: 26, Unit.WEEK: 24 * 8, Unit.MONTH: 24 * 32}[unit]
    return max(0, int((until - first) / timedelta(hours=longest)))


def _next_hour(start: datetime, zone: ZoneInfo) -> datetime:
    local = start.astimezone(zone)
    following = start + timedelta(hours=1) - timedelta(minutes=local.minute)
    if following.astimezone(zone).utcoffset() == local.utcoffset():
        return following
    following = start + QUARTER  # the clocks are changed in this hour or at its end
    while _same_hour(following - QUARTER, following, zone):
        following += QUARTER
    return following


def _same_hour(one: datetime, other: datetime, zone: ZoneInfo) -> bool:
    """Whether the clocks show one hour at both instants and were not changed in between."""
    here, there = one.astimezone(zone), other.astimezone(zone)
    return (here.date(), here.hour, here.utcoffset()) == (there.date(), there.hour, there.utcoffset())


def _first_day(day: date, unit: Unit) -> date:
    if unit is Unit.WEEK:
        return day - timedelta(days=day.weekday())
    return day.replace(day=1) if unit is Unit.MONTH else day


def _next_day(day: date, unit: Unit) -> date:
    """The first day of the next period, for a day in this one."""
    first = _first_day(day, unit)
    if unit is Unit.MONTH:
        return (first.replace(day=28) + timedelta(days=4)).replace(day=1)
    return first + timedelta(days=7 if unit is Unit.WEEK else 1)


def _first_instant(day: date, zone: ZoneInfo) -> datetime:
    """The first instant at which the zone's calendar shows this day, or a later one where it left this day out."""
    found = datetime.combine(day, time.min, zone).astimezone(UTC)
    while (found - _MOMENT).astimezone(zone).date() >= day:  # midnight lies within the hour that was skipped
        found -= QUARTER
    return found
