"""Reports of coupons over a year of redemptions: against scanning them, what keeping sums costs, and what a note costs.

A year of ``BENCH_REDEMPTIONS`` (default 20 million) redemptions: one coupon runs all year and has a fourth of them, the
others run two months each. Reports run through the platform's own services.
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
from benchmarks.scenarios import Plan, interleaved, say, tell
from core import ids
from core.periods import Interval
from coupons.models import CouponDefinition, RedemptionBucket
from coupons.services import reports, rollup

Call = Callable[[], object]
LIMIT = "the limit: one row, commit"
COUPONS = 24  # besides the one that runs all year
MONTHS = 12
ZONE = ZoneInfo("Asia/Kathmandu")
FILL = """
INSERT INTO {table} (id, coupon_id, customer_id, redeemed_at, ended_at, changed_at, amount, status, currency)
SELECT uuidv7(at - clock_timestamp()), coupon, customer, at, CASE WHEN refunded THEN at + interval '3 days' END, at,
    amount, CASE WHEN refunded THEN 'refunded' ELSE 'confirmed' END, 'EUR'
FROM (
    SELECT %(first)s::timestamptz + (n / %(rows)s::float8) * (%(until)s::timestamptz - %(first)s::timestamptz) AS at,
        (%(coupons)s::uuid[])[1 + CASE WHEN n %% 4 = 0 THEN 0 ELSE 1 + abs(hashint8(n)::bigint) %% 4 END] AS coupon,
        1 + abs(hashint8(n)::bigint) %% 1000000 AS customer, 100 + n %% 900 AS amount, n %% 50 = 0 AS refunded
    FROM generate_series(0, %(rows)s::bigint - 1) n
) made
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
    """Prints milliseconds of reports and roll-ups, and redemptions a second with and without their notes."""
    rows = plan.size(int(os.environ.get("BENCH_REDEMPTIONS", "20000000")), 20_000)
    coupons = _coupons()
    with connection.cursor() as cursor:
        cursor.execute("SET statement_timeout = 0")
        cursor.execute("CREATE TABLE IF NOT EXISTS bench_row (code bigint, customer bigint, at timestamptz)")
    done = 0
    for size in (0, rows // 20, rows // 2, rows):
        started = time.perf_counter()
        _fill(coupons, done, size, rows)
        done = size
        seed_data.vacuum()
        say(f"{size:,} redemptions, filled in {time.perf_counter() - started:,.0f} s")
        _write_cost(plan, coupons[0], size)
    _from_scratch()
    _reports(plan, coupons[0])
    _increments(plan, rows)


def _coupons() -> list[UUID]:
    """The coupon that runs all year, and the others."""
    owner = seed_data.brand("reports")
    dates = {"start_date": _first(), "end_date": seed_data.END}
    offer = {"benefits": [{"kind": "percent", "value": "10", "on": "order"}]}
    made = CouponDefinition.objects.bulk_create(
        CouponDefinition(brand=owner, title=f"Coupon {n}", offer=offer, currency="EUR", **dates)
        for n in range(1 + COUPONS)
    )
    return [coupon.pk for coupon in made]


def _first() -> datetime:
    """The first instant of the year: twelve whole months until this one."""
    now = datetime.now(UTC)
    return datetime(now.year - 1, now.month, 1, tzinfo=UTC)


def _fill(coupons: list[UUID], done: int, size: int, rows: int) -> None:
    """Add redemptions to the year, as its share of each month; the tables of months are filled, so nothing is noted."""
    first = _first()
    for month in range(MONTHS):
        until = (first + timedelta(days=31)).replace(day=1)
        table = f"coupons_couponredemption_{first:%Y_%m}"
        some = 2 * month  # two new coupons a month, each for two months
        running = [coupons[0], *(coupons[1 + (some + n) % COUPONS] for n in (-2, -1, 0, 1))]
        with connection.cursor() as cursor:
            cursor.execute(
                f"CREATE TABLE IF NOT EXISTS {table} PARTITION OF coupons_couponredemption"
                f" FOR VALUES FROM ('{ids.min_uuid7_at(first)}') TO ('{ids.min_uuid7_at(until)}')"
            )
            if share := (size - done) // MONTHS:
                cursor.execute(
                    FILL.format(table=table),
                    {"first": first, "until": until - timedelta(seconds=1), "rows": share, "coupons": running},
                )
        first = until


# --- what a note costs -----------------------------------------------------------------------------------------------
def _write_cost(plan: Plan, coupon: UUID, size: int) -> None:
    script = "\\set customer random(1, 1000000)\n" + REDEEM.format(coupon=coupon)
    contenders: dict[str, Callable[[], float]] = {
        LIMIT: lambda: pgbench("\\set customer random(1, 1000000)\n" + ROW, seconds=plan.seconds),
        "a redemption, with its note": lambda: pgbench(script, seconds=plan.seconds),
        "a redemption, without triggers": lambda: _without_triggers(lambda: pgbench(script, seconds=plan.seconds)),
    }
    tell(f"Redemptions with {size:,} there", interleaved(plan, contenders), unit="a second", against=LIMIT)


def _without_triggers(call: Callable[[], float]) -> float:
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE coupons_couponredemption DISABLE TRIGGER USER")
        try:
            return call()
        finally:
            cursor.execute("ALTER TABLE coupons_couponredemption ENABLE TRIGGER USER")


# --- sums ------------------------------------------------------------------------------------------------------------
def _note(where: str = "true") -> int:
    """Note the buckets of redemptions as their triggers would; how many."""
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO coupons_touchedbucket (coupon_id, starts_at)"
            " SELECT DISTINCT coupon_id, date_bin('15 minutes', coalesce(redeemed_at, ended_at), 'epoch')"
            f" FROM coupons_couponredemption WHERE {where}"
        )
        return int(cursor.rowcount)


def _from_scratch() -> None:
    _note()
    started = time.perf_counter()
    rollup.roll_up(budget=3600)
    took = time.perf_counter() - started
    seed_data.vacuum()
    say(f"All summed up from scratch: {RedemptionBucket.objects.count():,} buckets in {took:,.1f} s")


def _increments(plan: Plan, rows: int) -> None:
    """What a minute's changes cost: new redemptions of a few coupons, and refunds all over the year."""
    print("\n### A roll-up after changes\n\n| changed | buckets | milliseconds, median of rounds |\n|---|---|---|")
    changes = {
        "the newest quarter of an hour": f"id > '{ids.min_uuid7_at(datetime.now(UTC) - timedelta(minutes=15))}'",
        "1,000 redemptions all over the year": f"random() < {min(1.0, 1_000 / rows)}",
    }
    for name, where in changes.items():
        taken, buckets = [], 0
        for _ in range(plan.rounds):
            buckets = _note(where)
            started = time.perf_counter()
            rollup.roll_up()
            taken.append((time.perf_counter() - started) * 1000)
        print(f"| {name} | {buckets:,} | {statistics.median(taken):,.1f} |", flush=True)


# --- reports ---------------------------------------------------------------------------------------------------------
def _reports(plan: Plan, coupon_id: UUID) -> None:
    coupon = CouponDefinition.objects.select_related("brand").get(pk=coupon_id)
    at = datetime.now(UTC)
    begins = {"a year": _first(), "from an odd second": _first() + timedelta(days=9, minutes=7, seconds=13)}
    print("\n### Reports\n\n| what | milliseconds, median | 95 of 100 within |\n|---|---|---|")
    for unit in (Interval.DAY, Interval.WEEK, Interval.MONTH):
        for name, first in begins.items():
            one, every = _asked(coupon, unit, first, at)
            _told(plan, f"one coupon, {name} by {unit}", one)
            _told(plan, f"all coupons, {name} by {unit}", every)
    one, every = _asked(coupon, Interval.HOUR, at - timedelta(days=30), at)
    _told(plan, "one coupon, 30 days by hour", one)
    _told(plan, "all coupons, 30 days by hour", every)
    zone: list[Any] = ["day", ZONE.key]
    _told(plan, "one coupon, by day, scanning its rows", _scan(SCANS["one coupon"], [*zone, coupon.pk]), most=3)
    _told(plan, "all coupons, by day, scanning the rows", _scan(SCANS["all coupons"], zone), most=3)


def _asked(coupon: CouponDefinition, unit: Interval, first: datetime, at: datetime) -> tuple[Call, Call]:
    """A coupon's report and its brand's."""
    return (
        lambda: reports.coupon_report(coupon=coupon, unit=unit, timezone=ZONE, start=first, end=None, at=at),
        lambda: reports.brand_report(brand=coupon.brand, unit=unit, timezone=ZONE, start=first, end=None, at=at),
    )


def _scan(statement: str, params: list[Any]) -> Call:
    def run() -> object:
        with connection.cursor() as cursor:
            cursor.execute(statement, params)
            return cursor.fetchall()

    return run


def _told(plan: Plan, what: str, call: Call, most: int = 500) -> None:
    call()
    taken: list[float] = []
    ends = time.perf_counter() + plan.seconds
    while len(taken) < 3 or (time.perf_counter() < ends and len(taken) < most):
        started = time.perf_counter()
        call()
        taken.append((time.perf_counter() - started) * 1000)
    taken.sort()
    print(f"| {what} | {statistics.median(taken):,.1f} | {taken[int(len(taken) * 0.95)]:,.1f} |", flush=True)
