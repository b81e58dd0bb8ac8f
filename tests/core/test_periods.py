"""Hours, days, weeks and months in time zones."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.periods import (
    QUARTER_HOUR,
    Interval,
    iter_starts,
    min_period_count,
    next_start,
    quarter_hour_start,
    start_of,
)

MADRID = ZoneInfo("Europe/Madrid")
ZONES = sorted(available_timezones())
INSTANTS = st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001


def instant(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


def local(first: str, until: str, unit: Interval, zone: str) -> list[str]:
    """Return the local starts of the periods between two datetimes."""
    place = ZoneInfo(zone)
    found = iter_starts(instant(first), instant(until), unit, place)
    return [start.astimezone(place).isoformat(timespec="minutes") for start in found]


@pytest.mark.parametrize(
    ("zone", "first", "until", "unit", "expected"),
    [
        # clocks go forward: the third hour is skipped
        ("Europe/Madrid", "2027-03-28T01:00+01:00", "2027-03-28T04:00+02:00", Interval.HOUR,
         ["2027-03-28T01:00+01:00", "2027-03-28T03:00+02:00"]),
        # clocks go back: the third hour occurs twice
        ("Europe/Madrid", "2027-10-31T01:00+02:00", "2027-10-31T04:00+01:00", Interval.HOUR,
         ["2027-10-31T01:00+02:00", "2027-10-31T02:00+02:00", "2027-10-31T02:00+01:00", "2027-10-31T03:00+01:00"]),
        # by half an hour
        ("Australia/Lord_Howe", "2027-10-03T01:00+10:30", "2027-10-03T04:00+11:00", Interval.HOUR,
         ["2027-10-03T01:00+10:30", "2027-10-03T02:30+11:00", "2027-10-03T03:00+11:00"]),
        ("Australia/Lord_Howe", "2027-04-04T01:00+11:00", "2027-04-04T03:00+10:30", Interval.HOUR,
         ["2027-04-04T01:00+11:00", "2027-04-04T01:30+10:30", "2027-04-04T02:00+10:30"]),
        # an offset of a quarter of an hour
        ("Asia/Kathmandu", "2027-03-17T00:10+05:45", "2027-03-17T02:00+05:45", Interval.HOUR,
         ["2027-03-17T00:00+05:45", "2027-03-17T01:00+05:45"]),
        ("Asia/Kathmandu", "2027-03-17T05:00+00:00", "2027-03-19T00:00+05:45", Interval.DAY,
         ["2027-03-17T00:00+05:45", "2027-03-18T00:00+05:45"]),
        # days of 23 and of 25 hours
        ("Europe/Madrid", "2027-03-27T12:00+01:00", "2027-03-29T12:00+02:00", Interval.DAY,
         ["2027-03-27T00:00+01:00", "2027-03-28T00:00+01:00", "2027-03-29T00:00+02:00"]),
        ("Europe/Madrid", "2027-10-31T12:00+01:00", "2027-11-01T00:00+01:00", Interval.DAY, ["2027-10-31T00:00+02:00"]),
        # a day without midnight
        ("Africa/Cairo", "2026-04-23T12:00+02:00", "2026-04-24T12:00+03:00", Interval.DAY,
         ["2026-04-23T00:00+02:00", "2026-04-24T01:00+03:00"]),
        # a skipped day
        ("Pacific/Apia", "2011-12-29T12:00-10:00", "2011-12-31T12:00+14:00", Interval.DAY,
         ["2011-12-29T00:00-10:00", "2011-12-31T00:00+14:00"]),
        # weeks start on Monday, whatever the year
        ("Europe/Madrid", "2026-12-31T12:00+01:00", "2027-01-11T00:00+01:00", Interval.WEEK,
         ["2026-12-28T00:00+01:00", "2027-01-04T00:00+01:00"]),
        # a leap year's February
        ("Europe/Madrid", "2028-01-31T23:59+01:00", "2028-03-01T00:01+01:00", Interval.MONTH,
         ["2028-01-01T00:00+01:00", "2028-02-01T00:00+01:00", "2028-03-01T00:00+01:00"]),
        ("UTC", "2028-02-28T12:00+00:00", "2028-03-01T00:00+00:00", Interval.DAY,
         ["2028-02-28T00:00+00:00", "2028-02-29T00:00+00:00"]),
        ("America/New_York", "2026-12-31T23:59-05:00", "2027-01-01T00:00-05:00", Interval.MONTH,
         ["2026-12-01T00:00-05:00"]),
    ],
)  # fmt: skip
def test_periods_start_by_the_clock_and_calendar_of_the_time_zone(
    zone: str, first: str, until: str, unit: Interval, expected: list[str]
) -> None:
    assert local(first, until, unit, zone) == expected


def test_an_empty_range_has_no_periods(at: datetime) -> None:
    assert list(iter_starts(at, at, Interval.HOUR, MADRID)) == []
    assert list(iter_starts(at, at - timedelta(days=1), Interval.DAY, MADRID)) == []


def quarters(first: datetime, until: datetime) -> Iterator[datetime]:
    while first < until:
        yield first
        first += QUARTER_HOUR


def seen(at: datetime, unit: Interval, zone: ZoneInfo) -> object:
    """Return what identifies the period of the datetime on clocks and calendars."""
    there = at.astimezone(zone)
    return {
        Interval.HOUR: (there.date(), there.hour, there.utcoffset()),
        Interval.DAY: there.date(),
        Interval.WEEK: there.isocalendar()[:2],
        Interval.MONTH: (there.year, there.month),
    }[unit]


def test_period_starts_match_a_scan_of_every_quarter_of_an_hour() -> None:
    """Compare every clock change from 2025 to 2027 in every time zone with a scan of the clock."""
    changes = 0
    for zone in map(ZoneInfo, ZONES):
        for day in (datetime(2025, 1, 1, tzinfo=UTC) + timedelta(days=days) for days in range(0, 1095, 3)):
            ends = day + timedelta(days=3)
            if day.astimezone(zone).utcoffset() == ends.astimezone(zone).utcoffset():
                continue
            changes += 1
            for unit in Interval:
                found = [start for start in iter_starts(day, ends, unit, zone) if start > day]
                clock = [(now, seen(now, unit, zone)) for now in quarters(day, ends)]
                assert found == [now for (_, last), (now, shown) in pairwise(clock) if shown != last], (zone, day)
    assert changes > 1_000


@given(at=INSTANTS, unit=st.sampled_from(Interval), name=st.sampled_from(ZONES))
def test_a_time_is_in_its_period_and_periods_are_adjacent(at: datetime, unit: Interval, name: str) -> None:
    zone = ZoneInfo(name)
    start = start_of(at, unit, zone)
    following = next_start(start, unit, zone)

    assert start <= at < following
    assert start_of(start, unit, zone) == start_of(following - QUARTER_HOUR, unit, zone) == start
    assert start_of(following, unit, zone) == following
    assert quarter_hour_start(start) == start
    assert quarter_hour_start(following) == following


@given(first=INSTANTS, hours=st.integers(0, 2_000), unit=st.sampled_from(Interval), name=st.sampled_from(ZONES))
def test_the_minimum_period_count_is_a_lower_bound(first: datetime, hours: int, unit: Interval, name: str) -> None:
    until = first + timedelta(hours=hours)

    assert min_period_count(first, until, unit) <= len(list(iter_starts(first, until, unit, ZoneInfo(name))))


def test_hours_have_at_least_half_an_hour_and_a_year_has_all_its_hours() -> None:
    first, until = instant("2028-01-01T00:00+01:00"), instant("2029-01-01T00:00+01:00")

    assert len(list(iter_starts(first, until, Interval.HOUR, MADRID))) == 8_784
    assert min_period_count(first, until, Interval.HOUR) == 8_784
    assert quarter_hour_start(instant("2027-03-17T15:44:59.999999+00:00")) == instant("2027-03-17T15:30+00:00")
