"""Reports of redemptions by hour, day, week or month in any time zone: exact at any moment, whatever is summed up yet.

Each redemption belongs to one moment: when it was redeemed, or, when it never was, when its reservation ended. What
becomes of it later, such as a refund, changes the period of that moment and no other.
"""

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from accounts.models import Brand
from core import db, money
from core.errors import InvalidRequest
from core.periods import QUARTER_HOUR, Interval, iter_starts, min_period_count, quarter_hour_start
from coupons import selectors
from coupons.models import CouponDefinition, CouponRedemption, RedemptionBucket, Status

MAX_PERIODS = 9_000  # a year of hours
BRAND_DAYS = 30
EARLIEST, LATEST = datetime(2000, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)


@dataclass(slots=True)
class Sums:
    """``redemptions`` that were made; ``released``: how many places came back, by refunds and by reservations that were
    let go of or expired; ``refunded``: refunds alone. ``given`` is what those that stand took off, in minor units by
    currency.
    """

    redemptions: int = 0
    released: int = 0
    refunded: int = 0
    discount: dict[str, int] = field(default_factory=dict)

    def add(self, row: db.Row) -> None:
        """Add what a row of the report's statement says."""
        self.redemptions += row["redemptions"]
        self.released += row["released"]
        self.refunded += row["refunded"]
        if row["currency"]:
            self.discount[row["currency"]] = self.discount.get(row["currency"], 0) + row["discount_total"]


@dataclass(frozen=True, slots=True)
class Period:
    """An hour, day, week or month, by its first instant."""

    start: datetime
    sums: Sums


@dataclass(frozen=True, slots=True)
class Report:
    """What became of redemptions in [first, until), period by period, those with nothing in them too.

    The first and the last period hold only what lies between the two instants. ``currency`` is the coupon's or brand's
    own.
    """

    unit: Interval
    timezone: ZoneInfo
    start: datetime
    end: datetime
    currency: str
    total: Sums
    periods: Sequence[Period]


def coupon_report(
    *,
    coupon: CouponDefinition,
    unit: Interval,
    timezone: ZoneInfo,
    start: datetime | None,
    end: datetime | None,
    at: datetime,
) -> Report:
    """A coupon's report: from its beginning and until now where nothing else is said. Raises Invalid."""
    end = end or at
    if start is None:
        summed = RedemptionBucket.objects.filter(coupon_id=coupon.pk).order_by("starts_at")
        oldest = summed.values_list("starts_at", flat=True).first()
        start = min(coupon.start_date, oldest or end, end)
    return _report([coupon.pk], coupon.currency, unit=unit, timezone=timezone, start=start, end=end, at=at)


def brand_report(
    *, brand: Brand, unit: Interval, timezone: ZoneInfo, start: datetime | None, end: datetime | None, at: datetime
) -> Report:
    """The report of all of a brand's coupons: of the last ``BRAND_DAYS`` days where nothing else is said.

    Raises Invalid.
    """
    end = end or at
    coupons = CouponDefinition.objects.filter(brand=brand).values_list("pk", flat=True)
    start = start or end - timedelta(days=BRAND_DAYS)
    return _report(list(coupons), brand.currency, unit=unit, timezone=timezone, start=start, end=end, at=at)


def code_report(
    *,
    brand: Brand,
    code: str,
    unit: Interval,
    timezone: ZoneInfo,
    start: datetime | None,
    end: datetime | None,
    at: datetime,
) -> Report:
    """The report of a code (normalised) of the brand's coupons: of one for everyone, that of its coupon, redeemed by
    the code or without; of one that is good once, what became of its own redemptions, from the first of them where
    nothing else is said.

    Raises Invalid.
    """
    shared = CouponDefinition.objects.filter(brand=brand, code_id=code).first()
    if shared is not None:
        return coupon_report(coupon=shared, unit=unit, timezone=timezone, start=start, end=end, at=at)
    if not selectors.is_code(brand_id=brand.pk, code=code):
        raise InvalidRequest.field("code", "No coupon of the brand has this code.")
    end = end or at
    rows = [_row(it) for it in selectors.redemptions_of_code(brand_id=brand.pk, code=code) if _to_datetime(it)]
    start = start or min((*(row["moment"] for row in rows), end))
    begins, end = _starts(start, end, unit, timezone), _end(end, at)
    within = [row for row in rows if start <= row["moment"] < end]
    return _fill_gaps(
        Report(unit, timezone, start, end, brand.currency, Sums(), [Period(start, Sums()) for start in begins]),
        [row | {"period": bisect_right(begins, row["moment"])} for row in within],
    )


def _to_datetime(redemption: CouponRedemption) -> datetime | None:
    return redemption.redeemed_at or redemption.ended_at


def _row(redemption: CouponRedemption) -> db.Row:
    """What a redemption adds to its period, as the report's statement says it of many."""
    return {
        "moment": _to_datetime(redemption),
        "currency": redemption.currency or "",
        "redemptions": int(redemption.redeemed_at is not None),
        "released": int(redemption.ended_at is not None),
        "refunded": int(redemption.status == Status.REFUNDED),
        "discount_total": (redemption.amount or 0) if redemption.status == Status.CONFIRMED else 0,
    }


def _report(
    coupons: Sequence[UUID],
    currency: str,
    *,
    unit: Interval,
    timezone: ZoneInfo,
    start: datetime,
    end: datetime,
    at: datetime,
) -> Report:
    begins = _starts(start, end, unit, timezone)
    empty = Report(unit, timezone, start, end, currency, Sums(), [Period(start, Sums()) for start in begins])
    return _fill_gaps(empty, _sums(coupons, begins, start, _end(end, at)) if begins and coupons else ())


def _fill_gaps(report: Report, rows: Iterable[db.Row]) -> Report:
    for row in rows:
        report.periods[row["period"] - 1].sums.add(row)
        report.total.add(row)
    return report


def _starts(start: datetime, end: datetime, unit: Interval, timezone: ZoneInfo) -> list[datetime]:
    """The starts of the report's periods. Raises Invalid when there are too many, or none could be."""
    for name, instant in (("from", start), ("to", end)):
        if not EARLIEST <= instant <= LATEST:
            raise InvalidRequest.field(name, f"A report is of the years {EARLIEST.year} to {LATEST.year}.")
    if end < start:
        raise InvalidRequest.field("to", "A report ends after it begins.")
    found = list(iter_starts(start, end, unit, timezone)) if min_period_count(start, end, unit) <= MAX_PERIODS else []
    if len(found) > MAX_PERIODS or (not found and start < end):
        raise InvalidRequest.field(
            "unit", f"That is more than {MAX_PERIODS:,} periods: choose a longer unit or a shorter time."
        )
    return found


def _end(end: datetime, at: datetime) -> datetime:
    """Where to stop counting: nothing has happened after now, so the quarter of an hour that is under way is whole."""
    return end if end < at or quarter_hour_start(end) == end else quarter_hour_start(end) + QUARTER_HOUR


def _sums(coupons: Sequence[UUID], begins: Sequence[datetime], start: datetime, end: datetime) -> Iterable[db.Row]:
    """Rows of ``{"period", "currency", "redemptions", "released", "refunded", "discount_total"}``, numbered from 1."""
    cuts = [quarter_hour_start(edge) for edge in (start, end) if quarter_hour_start(edge) != edge]
    return db.fetch_all(
        "coupons/sql/report_redemptions.sql",
        {"coupons": list(coupons), "edges": list(begins), "cuts": cuts, "first": start, "until": end},
    )


# --- as a table ------------------------------------------------------------------------------------------------------
HEADER = ("start", "local", "redemptions", "released", "refunded", "discount_total", "currency", "discount_totals")


def lines(report: Report) -> Iterator[tuple[object, ...]]:
    """A line a period, as ``HEADER`` says: its first instant in UTC and as the zone's clocks show it, and its sums."""
    for period in report.periods:
        sums = period.sums
        local = period.start.astimezone(report.timezone)
        discount = money.format_decimal(sums.discount.get(report.currency, 0), report.currency)
        every = ", ".join(f"{its} {money.format_decimal(minor, its)}" for its, minor in sorted(sums.discount.items()))
        counts = (sums.redemptions, sums.released, sums.refunded)
        yield (instant(period.start), local.isoformat(timespec="minutes"), *counts, discount, report.currency, every)


def instant(at: datetime) -> str:
    """An instant as the API writes it."""
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")
