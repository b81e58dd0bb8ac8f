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
from coupons import selectors
from coupons.models import CouponDefinition, CouponRedemption, RedemptionBucket, Status
from promoplatform.kernel import db, money
from promoplatform.kernel.errors import Invalid
from promoplatform.kernel.periods import QUARTER, Unit, count_at_least, quarter, starts

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
    given: dict[str, int] = field(default_factory=dict)

    def add(self, row: db.Row) -> None:
        """Add what a row of the report's statement says."""
        self.redemptions += row["redemptions"]
        self.released += row["released"]
        self.refunded += row["refunded"]
        if row["currency"]:
            self.given[row["currency"]] = self.given.get(row["currency"], 0) + row["discount_total"]


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

    unit: Unit
    zone: ZoneInfo
    first: datetime
    until: datetime
    currency: str
    total: Sums
    periods: Sequence[Period]


def of_coupon(
    *,
    coupon: CouponDefinition,
    unit: Unit,
    zone: ZoneInfo,
    first: datetime | None,
    until: datetime | None,
    at: datetime,
) -> Report:
    """A coupon's report: from its beginning and until now where nothing else is said. Raises Invalid."""
    until = until or at
    if first is None:
        summed = RedemptionBucket.objects.filter(coupon_id=coupon.pk).order_by("starts_at")
        oldest = summed.values_list("starts_at", flat=True).first()
        first = min(coupon.start_date, oldest or until, until)
    return _report([coupon.pk], coupon.currency, unit=unit, zone=zone, first=first, until=until, at=at)


def of_brand(
    *, brand: Brand, unit: Unit, zone: ZoneInfo, first: datetime | None, until: datetime | None, at: datetime
) -> Report:
    """The report of all of a brand's coupons: of the last ``BRAND_DAYS`` days where nothing else is said.

    Raises Invalid.
    """
    until = until or at
    coupons = CouponDefinition.objects.filter(brand=brand).values_list("pk", flat=True)
    first = first or until - timedelta(days=BRAND_DAYS)
    return _report(list(coupons), brand.currency, unit=unit, zone=zone, first=first, until=until, at=at)


def of_code(
    *,
    brand: Brand,
    code: str,
    unit: Unit,
    zone: ZoneInfo,
    first: datetime | None,
    until: datetime | None,
    at: datetime,
) -> Report:
    """The report of a code (normalised) of the brand's coupons: of one for everyone, that of its coupon, redeemed by
    the code or without; of one that is good once, what became of its own redemptions, from the first of them where
    nothing else is said.

    Raises Invalid.
    """
    shared = CouponDefinition.objects.filter(brand=brand, code_id=code).first()
    if shared is not None:
        return of_coupon(coupon=shared, unit=unit, zone=zone, first=first, until=until, at=at)
    if not selectors.is_code(brand_id=brand.pk, code=code):
        raise Invalid.field("code", "No coupon of the brand has this code.")
    until = until or at
    rows = [_row(it) for it in selectors.redemptions_of_code(brand_id=brand.pk, code=code) if _moment(it)]
    first = first or min((*(row["moment"] for row in rows), until))
    begins, end = _starts(first, until, unit, zone), _end(until, at)
    within = [row for row in rows if first <= row["moment"] < end]
    return _filled(
        Report(unit, zone, first, until, brand.currency, Sums(), [Period(start, Sums()) for start in begins]),
        [row | {"period": bisect_right(begins, row["moment"])} for row in within],
    )


def _moment(redemption: CouponRedemption) -> datetime | None:
    return redemption.redeemed_at or redemption.ended_at


def _row(redemption: CouponRedemption) -> db.Row:
    """What a redemption adds to its period, as the report's statement says it of many."""
    return {
        "moment": _moment(redemption),
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
    unit: Unit,
    zone: ZoneInfo,
    first: datetime,
    until: datetime,
    at: datetime,
) -> Report:
    begins = _starts(first, until, unit, zone)
    empty = Report(unit, zone, first, until, currency, Sums(), [Period(start, Sums()) for start in begins])
    return _filled(empty, _sums(coupons, begins, first, _end(until, at)) if begins and coupons else ())


def _filled(report: Report, rows: Iterable[db.Row]) -> Report:
    for row in rows:
        report.periods[row["period"] - 1].sums.add(row)
        report.total.add(row)
    return report


def _starts(first: datetime, until: datetime, unit: Unit, zone: ZoneInfo) -> list[datetime]:
    """The starts of the report's periods. Raises Invalid when there are too many, or none could be."""
    for name, instant in (("from", first), ("to", until)):
        if not EARLIEST <= instant <= LATEST:
            raise Invalid.field(name, f"A report is of the years {EARLIEST.year} to {LATEST.year}.")
    if until < first:
        raise Invalid.field("to", "A report ends after it begins.")
    found = list(starts(first, until, unit, zone)) if count_at_least(first, until, unit) <= MAX_PERIODS else []
    if len(found) > MAX_PERIODS or (not found and first < until):
        raise Invalid.field(
            "unit", f"That is more than {MAX_PERIODS:,} periods: choose a longer unit or a shorter time."
        )
    return found


def _end(until: datetime, at: datetime) -> datetime:
    """Where to stop counting: nothing has happened after now, so the quarter of an hour that is under way is whole."""
    return until if until < at or quarter(until) == until else quarter(until) + QUARTER


def _sums(coupons: Sequence[UUID], begins: Sequence[datetime], first: datetime, until: datetime) -> Iterable[db.Row]:
    """Rows of ``{"period", "currency", "redemptions", "released", "refunded", "discount_total"}``, numbered from 1."""
    cuts = [quarter(edge) for edge in (first, until) if quarter(edge) != edge]
    return db.many(
        "coupons/sql/report_redemptions.sql",
        {"coupons": list(coupons), "edges": list(begins), "cuts": cuts, "first": first, "until": until},
    )


# --- as a table ------------------------------------------------------------------------------------------------------
HEADER = ("start", "local", "redemptions", "released", "refunded", "discount_total", "currency", "discount_totals")


def lines(report: Report) -> Iterator[tuple[object, ...]]:
    """A line a period, as ``HEADER`` says: its first instant in UTC and as the zone's clocks show it, and its sums."""
    for period in report.periods:
        sums = period.sums
        local = period.start.astimezone(report.zone)
        given = money.render(sums.given.get(report.currency, 0), report.currency)
        every = ", ".join(f"{its} {money.render(minor, its)}" for its, minor in sorted(sums.given.items()))
        counts = (sums.redemptions, sums.released, sums.refunded)
        yield (instant(period.start), local.isoformat(timespec="minutes"), *counts, given, report.currency, every)


def instant(at: datetime) -> str:
    """An instant as the API writes it."""
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")
