"""Rules of results: the periods of a report, and the time to compare it with."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from core.periods import QUARTER_HOUR, iter_starts, min_period_count, quarter_hour_start
from redemptions.results.contracts import ReportPeriod

MAX_PERIODS = 9_000  # more than the hours of a year
EARLIEST, LATEST = datetime(2000, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)


def list_period_starts(period: ReportPeriod) -> Sequence[datetime] | None:
    """Return the starts of the periods of a report, the first one cut to its start. None for too many periods."""
    if min_period_count(period.start, period.end, period.unit) > MAX_PERIODS:
        return None
    starts = list(iter_starts(period.start, period.end, period.unit, period.timezone))
    return starts if len(starts) <= MAX_PERIODS else None


def align_to_quarters(period: ReportPeriod) -> ReportPeriod:
    """Return the period from the start of its first quarter of an hour to the end of its last one."""
    start, end = quarter_hour_start(period.start), quarter_hour_start(period.end)
    if end < period.end:
        end += QUARTER_HOUR
    return ReportPeriod(period.unit, period.timezone, start, end)


def shift_to_previous(period: ReportPeriod) -> ReportPeriod:
    """Return the period of the same length right before this one, by the clocks of its time zone.

    Whole months are compared with as many months before, however long these are.
    """
    start, end = (at.astimezone(period.timezone).replace(tzinfo=None) for at in (period.start, period.end))
    if _is_month_start(start) and _is_month_start(end):
        months = (end.year - start.year) * 12 + end.month - start.month
        first = start.year * 12 + start.month - 1 - months
        before = datetime(first // 12, first % 12 + 1, 1)  # noqa: DTZ001  (local)
    else:
        before = start - (end - start)
    previous_start = before.replace(tzinfo=period.timezone).astimezone(UTC)
    return ReportPeriod(period.unit, period.timezone, previous_start, period.start)


def _is_month_start(local: datetime) -> bool:
    return local.day == 1 and local - local.replace(hour=0, minute=0, second=0, microsecond=0) == timedelta(0)
