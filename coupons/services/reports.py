"""Reports of redemptions by hour, day, week or month in any time zone, exact even before the sums are up to date.

Each redemption belongs to the period of its confirmation or, if it was never confirmed, of the end of its reservation.
A later change, such as a return, changes the numbers of that period.
"""

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from django.utils.translation import gettext as _

from accounts.models import Brand
from core import db, money
from core.datetimes import format_iso
from core.errors import InvalidRequest
from core.periods import QUARTER_HOUR, Interval, quarter_hour_start
from coupons import selectors
from coupons.models import CouponDefinition, CouponRedemption
from coupons.selectors.codes import KIND
from redemptions.codes.selectors.codes import find_code_of_brand
from redemptions.results.contracts import NO_OFFER, ReportPeriod
from redemptions.results.models import ResultBucket
from redemptions.results.services.reports import check_period
from redemptions.statuses import RedemptionStatus

DEFAULT_BRAND_DAYS = 30


@dataclass(slots=True)
class Sums:
    """Sums of a period.

    ``redemptions`` counts confirmations, ``released`` the returns, releases and expired reservations, and ``refunded``
    the returns alone. ``discount`` is that of the redemptions that are still confirmed, in minor units by currency.
    """

    redemptions: int = 0
    released: int = 0
    refunded: int = 0
    discount: dict[str, int] = field(default_factory=dict)

    def add(self, row: db.Row) -> None:
        """Add a row of the report's statement."""
        self.redemptions += row["redemptions"]
        self.released += row["released"]
        self.refunded += row["refunded"]
        if row["currency"]:
            self.discount[row["currency"]] = self.discount.get(row["currency"], 0) + row["discount_total"]


@dataclass(frozen=True, slots=True)
class Period:
    """Hour, day, week or month, given by its start, with its sums."""

    start: datetime
    sums: Sums


@dataclass(frozen=True, slots=True)
class Report:
    """Report of the redemptions from ``start`` to before ``end``, by period, including empty periods.

    The first and the last period cover only what lies between the two. ``currency`` is that of the coupon or the brand.
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
    """Return the report of a coupon, by default from its beginning until now. Raises InvalidRequest."""
    end = end or at
    if start is None:
        buckets = ResultBucket.objects.filter(brand_id=coupon.brand_id, kind=KIND, offer_id=coupon.pk)
        oldest = buckets.order_by("starts_at").values_list("starts_at", flat=True).first()
        start = min(coupon.start_date, oldest or end, end)
    return _report(
        coupon.brand_id, coupon.pk, coupon.currency, unit=unit, timezone=timezone, start=start, end=end, at=at
    )


def brand_report(
    *, brand: Brand, unit: Interval, timezone: ZoneInfo, start: datetime | None, end: datetime | None, at: datetime
) -> Report:
    """Return the report of all coupons of a brand, by default of the last ``DEFAULT_BRAND_DAYS`` days.

    Raises InvalidRequest.
    """
    end = end or at
    start = start or end - timedelta(days=DEFAULT_BRAND_DAYS)
    return _report(brand.pk, None, brand.currency, unit=unit, timezone=timezone, start=start, end=end, at=at)


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
    """Return the report of a code (normalized) of the brand's coupons.

    For a generic code, this is the report of its coupon, including redemptions by the coupon's ID. For a single-use
    code, it covers the redemptions of the code, by default from the first. Raises InvalidRequest.
    """
    found = find_code_of_brand(code=code, kind=KIND, brand_id=brand.pk)
    if found is None:
        raise InvalidRequest.field("code", _("No coupon of the brand has this code."))
    if not found.single_use:
        coupon = CouponDefinition.objects.select_related("brand").get(pk=found.offer)
        return coupon_report(coupon=coupon, unit=unit, timezone=timezone, start=start, end=end, at=at)
    end = end or at
    redemptions = selectors.list_redemptions_of_code(coupon=found.offer, code=found.text)
    rows = [_row(redemption) for redemption in redemptions if _to_datetime(redemption)]
    start = start or min((*(row["at"] for row in rows), end))
    starts, end = check_period(ReportPeriod(unit, timezone, start, end)), _effective_end(end, at)
    return _fill_gaps(
        Report(unit, timezone, start, end, brand.currency, Sums(), _empty_periods(starts)),
        [row | {"period": bisect_right(starts, row["at"])} for row in rows if start <= row["at"] < end],
    )


def _to_datetime(redemption: CouponRedemption) -> datetime | None:
    return redemption.redeemed_at or redemption.ended_at


def _row(redemption: CouponRedemption) -> db.Row:
    """Return what a redemption adds to its period, in the form of the report's statement."""
    return {
        "at": _to_datetime(redemption),
        "currency": redemption.currency or "",
        "redemptions": int(redemption.redeemed_at is not None),
        "released": int(redemption.ended_at is not None),
        "refunded": int(redemption.status == RedemptionStatus.RETURNED),
        "discount_total": (redemption.amount or 0) if redemption.status == RedemptionStatus.CONFIRMED else 0,
    }


def _report(
    brand: UUID,
    coupon: UUID | None,
    currency: str,
    *,
    unit: Interval,
    timezone: ZoneInfo,
    start: datetime,
    end: datetime,
    at: datetime,
) -> Report:
    starts = check_period(ReportPeriod(unit, timezone, start, end))
    empty = Report(unit, timezone, start, end, currency, Sums(), _empty_periods(starts))
    sums = _sums(brand, coupon, starts, start, _effective_end(end, at)) if starts else ()
    return _fill_gaps(empty, sums)


def _empty_periods(starts: Sequence[datetime]) -> list[Period]:
    return [Period(start, Sums()) for start in starts]


def _fill_gaps(report: Report, rows: Iterable[db.Row]) -> Report:
    for row in rows:
        report.periods[row["period"] - 1].sums.add(row)
        report.total.add(row)
    return report


def _effective_end(end: datetime, at: datetime) -> datetime:
    """Return the time to stop counting at: for the current quarter hour its end, since nothing happens after now."""
    return end if end < at or quarter_hour_start(end) == end else quarter_hour_start(end) + QUARTER_HOUR


def _sums(
    brand: UUID, coupon: UUID | None, starts: Sequence[datetime], start: datetime, end: datetime
) -> Iterable[db.Row]:
    """Return the sums of a coupon, or of all coupons of the brand.

    These are ``{"period", "currency", "redemptions", "released", "refunded", "discount_total"}``, numbered from 1.
    """
    cuts = [quarter_hour_start(edge) for edge in (start, end) if quarter_hour_start(edge) != edge]
    coupons = [] if coupon is None else [coupon]
    if coupon is None and cuts:  # whose redemptions in a divided quarter hour are counted
        coupons = list(CouponDefinition.objects.filter(brand=brand).values_list("pk", flat=True))
    return db.fetch_all(
        "coupons/sql/report_redemptions.sql",
        {
            "brand": brand,
            "offer": coupon or NO_OFFER,
            "coupons": coupons,
            "edges": list(starts),
            "cuts": cuts,
            "first": start,
            "until": end,
        },
    )


# --- CSV --------------------------------------------------------------------------------------------------------------
HEADER = ("start", "local", "redemptions", "released", "refunded", "discount_total", "currency", "discount_totals")


def iter_lines(report: Report) -> Iterator[tuple[object, ...]]:
    """Yield a line per period as in ``HEADER``: its start in UTC and in the report's time zone, and its sums."""
    for period in report.periods:
        sums = period.sums
        local = period.start.astimezone(report.timezone)
        discount = money.format_decimal(sums.discount.get(report.currency, 0), report.currency)
        totals = ", ".join(
            f"{currency} {money.format_decimal(minor, currency)}" for currency, minor in sorted(sums.discount.items())
        )
        counts = (sums.redemptions, sums.released, sums.refunded)
        start = format_iso(period.start)
        yield (start, local.isoformat(timespec="minutes"), *counts, discount, report.currency, totals)
