"""Redemptions of a coupon with none, a million and ten million existing redemptions: whole transactions, by pgbench.

A transaction reads the snapshot, takes from the limit, and writes the customer's count, the row with its indexes and
the marker for reports. "The limit" is one row of that size without an index, inserted and committed. The existing
redemptions are spread over the last twelve months, each of another pair of coupon and customer, so there are as many
customer counts. New redemptions are of customers drawn from twice as many: with ten million rows, every second one has
redeemed the coupon before. A checkpoint precedes each measurement, so that each pays for its full-page writes.
"""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from django.db import connection

from benchmarks import seed_data
from benchmarks.coupons import CUSTOMERS, MAXIMUM, PROCESSES, build_transaction, to_sql
from benchmarks.load import pgbench
from benchmarks.scenarios import Plan, measure_interleaved, print_line, print_result
from coupons.models import CouponDefinition
from coupons.services.partitions import create_partitions
from redemptions.limits.models import Limit, Strategy
from redemptions.limits.rules import EXACT_TOTAL, SHARDS, TOTAL

LIMIT = "the limit: one row, commit"
COUPONS = 10  # with ten million redemptions, each of a million customers has each coupon
MONTHS = 12
BATCH_SIZE = 16  # redemptions per transaction
CHUNK = 1_000_000
TABLE = """
CREATE TABLE bench_coupon_row (
    id uuid NOT NULL, coupon_id uuid NOT NULL, customer_id bigint NOT NULL, redeemed_at timestamptz NOT NULL,
    changed_at timestamptz NOT NULL, unit integer NOT NULL, status text NOT NULL
)
"""
ROW = "INSERT INTO bench_coupon_row VALUES (uuidv7(), {coupon}, :customer, now(), now(), 0, 'confirmed');\n"
CUSTOMER_SQL = "(%(coupons)s::uuid[])[1 + n %% 10], 1 + n / 10 * 611953 %% 1000000"  # a prime: in no order
FILL = f"""
INSERT INTO coupons_couponredemption (id, coupon_id, customer_id, redeemed_at, changed_at, unit, status)
SELECT uuidv7(at - now()), {CUSTOMER_SQL}, at, at, 0, 'confirmed'
FROM (
    SELECT n, %(first)s::timestamptz + (n - %(low)s) / (%(high)s - %(low)s)::float8 * (now() - %(first)s) AS at
    FROM generate_series(%(low)s::bigint, %(high)s::bigint - 1) n
) numbered
"""
COUNT = f"""
INSERT INTO redemptions_limit AS l (owner, scope, slot, shard, taken, cap)
SELECT coupon, 'customer', customer::text, 0, 1, %(cap)s
FROM (SELECT {CUSTOMER_SQL} FROM generate_series(%(low)s::bigint, %(high)s::bigint - 1) n) AS r (coupon, customer)
ON CONFLICT (owner, scope, slot, shard) DO UPDATE SET taken = l.taken + 1
"""


def measure(plan: Plan) -> None:
    """Print redemptions per second at each size, and their ratio to the limit."""
    coupons = _create_coupons()
    with connection.cursor() as cursor:
        cursor.execute("SET statement_timeout = 0")
        cursor.execute(TABLE)
    filled = 0
    for size in (0, plan.choose_size(1_000_000, 1_000), plan.choose_size(10_000_000, 10_000)):
        started = time.perf_counter()
        for low in range(filled, size, CHUNK):
            _insert_redemptions(coupons, low, min(low + CHUNK, size))
        filled = size
        seed_data.vacuum()
        print_line(f"{size:,} redemptions, filled in {time.perf_counter() - started:,.0f} s")
        rounds = measure_interleaved(plan, _build_contenders(plan, coupons))
        print_result(f"Redemptions with {size:,} rows", rounds, unit="per second", against=LIMIT)
    _print_sizes()


def _create_coupons() -> list[CouponDefinition]:
    """Create coupons of one brand: the first with one counter, the second with shards, the others without a limit."""
    brand = seed_data.create_brand("size")
    offer = {"benefits": [{"kind": "percent", "value": "10", "on": "order"}]}
    dates = {"start_date": seed_data.START, "end_date": seed_data.END}
    coupons = CouponDefinition.objects.bulk_create(
        CouponDefinition(brand=brand, title=f"Coupon {n}", offer=offer, currency="EUR", **dates) for n in range(COUPONS)
    )
    shards = [(coupons[0], EXACT_TOTAL, 0), *((coupons[1], TOTAL, shard) for shard in range(SHARDS))]
    Limit.objects.bulk_create(
        Limit(owner=coupon.pk, scope=scope, slot="", shard=shard, cap=MAXIMUM) for coupon, scope, shard in shards
    )
    return coupons


def _build_contenders(plan: Plan, coupons: list[CouponDefinition]) -> dict[str, Callable[[], float]]:
    """Return the contenders: any of ten coupons, one coupon's shards, and batches on one counter."""
    keys = [to_sql(coupon.pk) for coupon in coupons]
    random_coupon = f"(ARRAY[{', '.join(keys)}])[:coupon]"
    run = partial(pgbench, seconds=plan.seconds)
    batch = _script(build_transaction(Strategy.EXACT, keys[0], count=BATCH_SIZE))
    return {
        LIMIT: partial(run, _script(ROW.format(coupon=random_coupon))),
        "no limit, any of ten coupons": partial(run, _script(build_transaction(None, random_coupon))),
        "sharded": partial(run, _script(build_transaction(Strategy.SHARDED, keys[1]))),
        f"exact, {BATCH_SIZE} per transaction": lambda: BATCH_SIZE * run(batch, clients=PROCESSES),
    }


def _script(transaction: str) -> str:
    variables = {"customer": 2 * CUSTOMERS, "coupon": COUPONS, "home": SHARDS}
    return "".join(f"\\set {name} random(1, {maximum})\n" for name, maximum in variables.items()) + transaction


def _insert_redemptions(coupons: list[CouponDefinition], low: int, high: int) -> None:
    """Insert redemptions ``low`` to ``high`` - 1 and their customers' counts, without markers for reports."""
    now = datetime.now(UTC)
    first = now - timedelta(days=30 * MONTHS)
    for month in range(MONTHS + 1):
        create_partitions(at=first + timedelta(days=30 * month))
    parameters: dict[str, Any] = {
        "coupons": [coupon.pk for coupon in coupons],
        "first": first,
        "low": low,
        "high": high,
        "cap": MAXIMUM,
    }
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE coupons_couponredemption DISABLE TRIGGER USER")
        cursor.execute(FILL, parameters)
        cursor.execute(COUNT, parameters)
        cursor.execute("ALTER TABLE coupons_couponredemption ENABLE TRIGGER USER")


def _print_sizes() -> None:
    print("\n| table | rows, MB | indexes, MB |\n|---|---|---|")
    for title, tables in (("redemptions", "coupons_couponredemption_%"), ("limits", "redemptions_limit")):
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT sum(pg_table_size(oid)), sum(pg_indexes_size(oid)) FROM pg_class"
                " WHERE relkind = 'r' AND relname LIKE %s",
                [tables],
            )
            heap, indexes = cursor.fetchone()
        print(f"| {title} | {float(heap) / 1e6:,.0f} | {float(indexes) / 1e6:,.0f} |", flush=True)
