"""Reports of coupons over a year of redemptions: compared with scans of the rows, and the cost of roll-ups and markers.

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

from benchmarks import seed_data
from benchmarks.load import pgbench
from benchmarks.scenarios import Plan, measure_interleaved, print_line, print_result
from core import ids
from core.periods import Interval
from coupons.models import CouponDefinition, RedemptionBucket
from coupons.services import reports, rollup

Call = Callable[[], object]
LIMIT = "the limit: one row, commit"
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
ROW = "INSERT INTO bench_row VALUES (:customer, 1, now());\n"
REDEEM = (
    "INSERT INTO coupons_couponredemption (id, coupon_id, customer_id, redeemed_at, changed_at, status)"
    " VALUES (uuidv7(), '{coupon}', :customer, now(), now(), 'confirmed');\n"
)


def measure(plan: Plan) -> None:
    """Print milliseconds of reports and roll-ups, and redemptions per second with and without markers."""
    rows = plan.choose_size(int(os.environ.get("BENCH_REDEMPTIONS", "20000000")), 20_000)
    coupons = _create_coupons()
    with connection.cursor() as cursor:
        cursor.execute("SET statement_timeout = 0")
        cursor.execute("CREATE TABLE IF NOT EXISTS bench_row (code bigint, customer bigint, at timestamptz)")
    filled = 0
    for size in (0, rows // 20, rows // 2, rows):
        started = time.perf_counter()
        _insert_redemptions(coupons, filled, size, rows)
        filled = size
        seed_data.vacuum()
        print_line(f"{size:,} redemptions, filled in {time.perf_counter() - started:,.0f} s")
        _measure_writes(plan, coupons[0], size)
    _roll_up_all()
    _measure_reports(plan, coupons[0])
    _measure_increments(plan, rows)


def _create_coupons() -> list[UUID]:
    """Create the coupon that runs all year, and the others."""
    brand = seed_data.create_brand("reports")
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


def _insert_redemptions(coupons: list[UUID], filled: int, size: int, rows: int) -> None:
    """Insert redemptions of the year, equally in each month.

    The partitions are filled directly, so no marker is written.
    """
    first = _year_start()
    for month in range(MONTHS):
        until = (first + timedelta(days=31)).replace(day=1)
        table = f"coupons_couponredemption_{first:%Y_%m}"
        offset = 2 * month  # two new coupons a month, each for two months
        running = [coupons[0], *(coupons[1 + (offset + n) % COUPONS] for n in (-2, -1, 0, 1))]
        with connection.cursor() as cursor:
            cursor.execute(
                f"CREATE TABLE IF NOT EXISTS {table} PARTITION OF coupons_couponredemption"
                f" FOR VALUES FROM ('{ids.min_uuid7_at(first)}') TO ('{ids.min_uuid7_at(until)}')"
            )
            if share := (size - filled) // MONTHS:
                cursor.execute(
                    FILL.format(table=table),
                    {"first": first, "until": until - timedelta(seconds=1), "rows": share, "coupons": running},
                )
        first = until


# --- cost of a marker -------------------------------------------------------------------------------------------------
def _measure_writes(plan: Plan, coupon: UUID, size: int) -> None:
    script = "\\set customer random(1, 1000000)\n" + REDEEM.format(coupon=coupon)
    contenders: dict[str, Callable[[], float]] = {
        LIMIT: lambda: pgbench("\\set customer random(1, 1000000)\n" + ROW, seconds=plan.seconds),
        "a redemption with its marker": lambda: pgbench(script, seconds=plan.seconds),
        "a redemption without triggers": lambda: _without_triggers(lambda: pgbench(script, seconds=plan.seconds)),
    }
    print_result(
        f"Redemptions with {size:,} rows", measure_interleaved(plan, contenders), unit="per second", against=LIMIT
    )


def _without_triggers(call: Callable[[], float]) -> float:
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE coupons_couponredemption DISABLE TRIGGER USER")
        try:
            return call()
        finally:
            cursor.execute("ALTER TABLE coupons_couponredemption ENABLE TRIGGER USER")


# --- roll-ups ---------------------------------------------------------------------------------------------------------
def _insert_markers(condition: str = "true") -> int:
    """Insert the markers of redemptions, as their triggers do; return their number."""
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO coupons_touchedbucket (coupon_id, starts_at)"
            " SELECT DISTINCT coupon_id, date_bin('15 minutes', coalesce(redeemed_at, ended_at), 'epoch')"
            f" FROM coupons_couponredemption WHERE {condition}"
        )
        return int(cursor.rowcount)


def _roll_up_all() -> None:
    _insert_markers()
    started = time.perf_counter()
    rollup.roll_up(budget=3600)
    duration = time.perf_counter() - started
    seed_data.vacuum()
    print_line(f"Roll-up of all rows: {RedemptionBucket.objects.count():,} buckets in {duration:,.1f} s")


def _measure_increments(plan: Plan, rows: int) -> None:
    """Measure a roll-up of a minute's changes: new redemptions of a few coupons, and returns of the whole year."""
    print("\n### A roll-up after changes\n\n| changes | buckets | milliseconds, median of rounds |\n|---|---|---|")
    changes = {
        "the newest quarter hour": f"id > '{ids.min_uuid7_at(datetime.now(UTC) - timedelta(minutes=15))}'",
        "1,000 redemptions of the whole year": f"random() < {min(1.0, 1_000 / rows)}",
    }
    for name, condition in changes.items():
        durations, buckets = [], 0
        for _ in range(plan.rounds):
            buckets = _insert_markers(condition)
            started = time.perf_counter()
            rollup.roll_up()
            durations.append((time.perf_counter() - started) * 1000)
        print(f"| {name} | {buckets:,} | {statistics.median(durations):,.1f} |", flush=True)


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
