"""Reports over a year of redemptions: compared with scans of the rows, and the duration of roll-ups.

A year of ``BENCH_REDEMPTIONS`` (default 20 million) redemptions: one coupon runs all year and has a fourth of them, the
others run two months each. Reports use the platform's own services.
"""

import os
import statistics
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from django.db import connection

from accounts.models import Brand
from benchmarks import seed_data
from benchmarks.scenarios import Plan, print_line
from core import ids
from core.periods import Interval
from coupons.models import CouponDefinition
from coupons.services import reports
from redemptions.events.contracts import EventType, NewEvent
from redemptions.events.services import append_events
from redemptions.results.contracts import Grouping, ReportPeriod, ResultFilter
from redemptions.results.models import ResultBucket
from redemptions.results.selectors import read_totals
from redemptions.results.services import rollup
from redemptions.results.services.reports import build_report

Call = Callable[[], object]
COUPONS = 24  # in addition to the one that runs all year
MONTHS = 12
ZONE = ZoneInfo("Asia/Kathmandu")
FILL = """
INSERT INTO {table} (id, coupon_id, customer_id, redeemed_at, ended_at, changed_at, amount, status, currency)
SELECT uuidv7(at - clock_timestamp()), coupon, customer, at, CASE WHEN refunded THEN at + interval '3 days' END, at,
    amount, CASE WHEN refunded THEN 'returned' ELSE 'confirmed' END, 'EUR'
FROM (
    SELECT %(first)s::timestamptz + (n / %(rows)s::float8) * (%(until)s::timestamptz - %(first)s::timestamptz) AS at,
        (%(coupons)s::uuid[])[1 + CASE WHEN n %% 4 = 0 THEN 0 ELSE 1 + abs(hashint8(n)::bigint) %% 4 END] AS coupon,
        1 + abs(hashint8(n)::bigint) %% 1000000 AS customer, 100 + n %% 900 AS amount, n %% 50 = 0 AS refunded
    FROM generate_series(0, %(rows)s::bigint - 1) n
) generated
"""
SCANS = {
    "one coupon": "SELECT date_trunc(%s, redeemed_at, %s) AS start, count(*), sum(amount) FROM coupons_couponredemption"
    " WHERE coupon_id = %s AND redeemed_at IS NOT NULL GROUP BY 1 ORDER BY 1",
    "all coupons": "SELECT date_trunc(%s, redeemed_at, %s) AS start, count(*), sum(amount)"
    " FROM coupons_couponredemption WHERE redeemed_at IS NOT NULL GROUP BY 1 ORDER BY 1",
}
APPEND = """
INSERT INTO redemptions_event
    (id, tx, created_at, brand_id, offer_id, redemption_id, customer_id, amount, subtotal, type, kind, currency, data)
SELECT CASE WHEN returned THEN uuidv7(redeemed_at - clock_timestamp()) ELSE id END,
    %(tx)s + (row_number() OVER (ORDER BY id)) * %(span)s / %(rows)s, redeemed_at, %(brand)s, coupon_id, id,
    customer_id, amount, amount * 10, CASE WHEN returned THEN 'redemption.returned' ELSE 'redemption.confirmed' END,
    'coupon', currency, CASE WHEN returned THEN jsonb_build_object('confirmed_at', redeemed_at) ELSE '{{}}' END
FROM {table} CROSS JOIN (VALUES (false), (true)) AS change (returned)
WHERE status = 'returned' OR NOT returned
"""
TRANSACTIONS = 40_000  # that the events are spread over
BURN = "DO $$ BEGIN FOR i IN 1..%d LOOP PERFORM pg_current_xact_id(); COMMIT; END LOOP; END $$"


def measure(plan: Plan) -> None:
    """Print milliseconds of reports, and the duration of roll-ups."""
    rows = plan.choose_size(int(os.environ.get("BENCH_REDEMPTIONS", "20000000")), 20_000)
    brand = seed_data.create_brand("reports")
    coupons = _create_coupons(brand)
    with connection.cursor() as cursor:
        cursor.execute("SET statement_timeout = 0")
        cursor.execute(BURN % (2 * TRANSACTIONS))
    started = time.perf_counter()
    _insert_redemptions(brand, coupons, rows)
    seed_data.vacuum()
    print_line(f"{rows:,} redemptions with their events, filled in {time.perf_counter() - started:,.0f} s")
    _roll_up_all()
    _measure_reports(plan, coupons[0])
    _measure_increments(plan, brand, coupons[0])


def _create_coupons(brand: Brand) -> list[UUID]:
    """Create the coupon that runs all year, and the others."""
    dates = {"start_date": _year_start(), "end_date": seed_data.END}
    offer = {"benefits": [{"kind": "percent", "value": "10", "on": "order"}]}
    coupons = CouponDefinition.objects.bulk_create(
        CouponDefinition(brand=brand, title=f"Coupon {n}", offer=offer, currency="EUR", **dates)
        for n in range(1 + COUPONS)
    )
    return [coupon.pk for coupon in coupons]


def _year_start() -> datetime:
    """Return the start of the year: twelve whole months before the current one."""
    now = datetime.now(UTC)
    return datetime(now.year - 1, now.month, 1, tzinfo=UTC)


def _insert_redemptions(brand: Brand, coupons: list[UUID], rows: int) -> None:
    """Insert redemptions of the year and their events, equally in each month."""
    first = _year_start()
    for month in range(MONTHS):
        until = (first + timedelta(days=31)).replace(day=1)
        table, events = f"coupons_couponredemption_{first:%Y_%m}", f"redemptions_event_{first:%Y_%m}"
        offset = 2 * month  # two new coupons a month, each for two months
        running = [coupons[0], *(coupons[1 + (offset + n) % COUPONS] for n in (-2, -1, 0, 1))]
        with connection.cursor() as cursor:
            for name, parent in ((table, "coupons_couponredemption"), (events, "redemptions_event")):
                cursor.execute(
                    f"CREATE TABLE IF NOT EXISTS {name} PARTITION OF {parent}"
                    f" FOR VALUES FROM ('{ids.min_uuid7_at(first)}') TO ('{ids.min_uuid7_at(until)}')"
                )
            share, span = rows // MONTHS, TRANSACTIONS // MONTHS
            params: dict[str, Any] = {
                "first": first,
                "until": until - timedelta(seconds=1),
                "rows": share,
                "coupons": running,
            }
            cursor.execute(FILL.format(table=table), params)
            cursor.execute(
                APPEND.format(table=table),
                {"tx": 100 + month * span, "span": span, "rows": share, "brand": brand.pk},
            )
        first = until


# --- roll-ups ---------------------------------------------------------------------------------------------------------
def _roll_up_all() -> None:
    started = time.perf_counter()
    rollup.roll_up(budget=3600)
    duration = time.perf_counter() - started
    seed_data.vacuum()
    print_line(f"Roll-up of all events: {ResultBucket.objects.count():,} sums in {duration:,.1f} s")


def _measure_increments(plan: Plan, brand: Brand, coupon: UUID) -> None:
    """Measure a roll-up of new events: of one coupon in a transaction each, and reports that count them themselves."""
    print("\n### A roll-up of new events\n\n| events | report before, ms | roll-up, ms |\n|---|---|---|")
    definition = CouponDefinition.objects.select_related("brand").get(pk=coupon)
    for count in (100, 1_000, 10_000):
        reported, rolled = [], []
        for _ in range(plan.rounds):
            at = datetime.now(UTC)
            for _ in range(count):
                confirmed = NewEvent(
                    EventType.REDEMPTION_CONFIRMED, at, brand.pk, "coupon", offer=coupon, redemption=ids.uuid7(at),
                    amount=100, subtotal=1_000, currency="EUR",
                )  # fmt: skip
                append_events([confirmed])
            started = time.perf_counter()
            _report_calls(definition, Interval.DAY, _year_start(), at)[0]()
            reported.append((time.perf_counter() - started) * 1000)
            started = time.perf_counter()
            rollup.roll_up()
            rolled.append((time.perf_counter() - started) * 1000)
        print(f"| {count:,} | {statistics.median(reported):,.1f} | {statistics.median(rolled):,.1f} |", flush=True)


# --- reports ----------------------------------------------------------------------------------------------------------
def _measure_reports(plan: Plan, coupon_id: UUID) -> None:
    coupon = CouponDefinition.objects.select_related("brand").get(pk=coupon_id)
    at = datetime.now(UTC)
    starts = {
        "a year": _year_start(),
        "from an arbitrary second": _year_start() + timedelta(days=9, minutes=7, seconds=13),
    }
    print("\n### Reports\n\n| report | milliseconds, median | 95th percentile |\n|---|---|---|")
    for unit in (Interval.DAY, Interval.WEEK, Interval.MONTH):
        for name, first in starts.items():
            coupon_report, brand_report = _report_calls(coupon, unit, first, at)
            _print_duration(plan, f"one coupon, {name} by {unit}", coupon_report)
            _print_duration(plan, f"all coupons, {name} by {unit}", brand_report)
    coupon_report, brand_report = _report_calls(coupon, Interval.HOUR, at - timedelta(days=30), at)
    _print_duration(plan, "one coupon, 30 days by hour", coupon_report)
    _print_duration(plan, "all coupons, 30 days by hour", brand_report)
    for grouping in (None, Grouping.KIND, Grouping.OFFER):
        name = f"by {grouping}" if grouping else "total"
        _print_duration(plan, f"results of the brand, a year by day, {name}", _results_call(coupon.brand, at, grouping))
    brands, offers = [coupon.brand_id], list(CouponDefinition.objects.values_list("pk", flat=True))
    _print_duration(plan, f"totals of {len(offers)} offers", lambda: read_totals(brands=brands, offers=offers))
    zone: list[Any] = ["day", ZONE.key]
    _print_duration(
        plan, "one coupon, by day, scanning its rows", _scan(SCANS["one coupon"], [*zone, coupon.pk]), max_calls=3
    )
    _print_duration(plan, "all coupons, by day, scanning the rows", _scan(SCANS["all coupons"], zone), max_calls=3)


def _report_calls(coupon: CouponDefinition, unit: Interval, start: datetime, at: datetime) -> tuple[Call, Call]:
    """Return calls of the reports of a coupon and of its brand."""
    return (
        lambda: reports.coupon_report(coupon=coupon, unit=unit, timezone=ZONE, start=start, end=None, at=at),
        lambda: reports.brand_report(brand=coupon.brand, unit=unit, timezone=ZONE, start=start, end=None, at=at),
    )


def _results_call(brand: Brand, at: datetime, grouping: Grouping | None) -> Call:
    period = ReportPeriod(Interval.DAY, ZONE, _year_start(), at)
    wanted = ResultFilter((brand.pk,))
    return lambda: build_report(wanted=wanted, period=period, by=grouping, is_compared=False)


def _scan(statement: str, params: list[Any]) -> Call:
    def run() -> object:
        with connection.cursor() as cursor:
            cursor.execute(statement, params)
            return cursor.fetchall()

    return run


def _print_duration(plan: Plan, title: str, call: Call, max_calls: int = 500) -> None:
    call()
    durations: list[float] = []
    deadline = time.perf_counter() + plan.seconds
    while len(durations) < 3 or (time.perf_counter() < deadline and len(durations) < max_calls):
        started = time.perf_counter()
        call()
        durations.append((time.perf_counter() - started) * 1000)
    durations.sort()
    print(
        f"| {title} | {statistics.median(durations):,.1f} | {durations[int(len(durations) * 0.95)]:,.1f} |", flush=True
    )
