"""A redemption of a coupon when none, a million and ten million redemptions are there: whole transactions, by pgbench.

Each is the look, what is taken, the customer's count, the row with its indexes, and the note for reports. "The limit"
is one row of that size without an index, inserted and committed. The redemptions that are there are spread over the
last twelve months, each by another pair of coupon and customer, so that there are as many customers' counts. The new
ones are by customers drawn from twice as many: with ten million there, every second one has the coupon already. Before
each measurement there is a checkpoint, so that each pays for the whole pages that PostgreSQL logs after it.
"""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from django.db import connection

from benchmarks import seed_data
from benchmarks.coupons import CUSTOMERS, MAXIMUM, PROCESSES, key, redeeming
from benchmarks.load import pgbench
from benchmarks.scenarios import Plan, interleaved, say, tell
from coupons.models import CouponCounter, CouponDefinition, Strategy
from coupons.services.partitions import create_partitions
from promotions.limit_rules import SHARDS

LIMIT = "the limit: one row, commit"
COUPONS = 10  # with ten million redemptions each of them was had by each of the million customers
MONTHS = 12
TOGETHER = 16  # redemptions in one transaction
CHUNK = 1_000_000
TABLE = """
CREATE TABLE bench_row (
    id uuid NOT NULL, coupon_id uuid NOT NULL, customer_id bigint NOT NULL, redeemed_at timestamptz NOT NULL,
    changed_at timestamptz NOT NULL, unit integer NOT NULL, status text NOT NULL
)
"""
ROW = "INSERT INTO bench_row VALUES (uuidv7(), {coupon}, :customer, now(), now(), 0, 'confirmed');\n"
WHO = "(%(coupons)s::uuid[])[1 + n %% 10], 1 + n / 10 * 611953 %% 1000000"  # a prime: in no order
FILL = f"""
INSERT INTO coupons_couponredemption (id, coupon_id, customer_id, redeemed_at, changed_at, unit, status)
SELECT uuidv7(at - now()), {WHO}, at, at, 0, 'confirmed'
FROM (
    SELECT n, %(first)s::timestamptz + (n - %(low)s) / (%(high)s - %(low)s)::float8 * (now() - %(first)s) AS at
    FROM generate_series(%(low)s::bigint, %(high)s::bigint - 1) n
) numbered
"""
COUNT = f"""
INSERT INTO coupons_usercouponredemption AS u (coupon_id, customer_id, redemption_count, cap)
SELECT {WHO}, 1, %(cap)s FROM generate_series(%(low)s::bigint, %(high)s::bigint - 1) n
ON CONFLICT (coupon_id, customer_id) DO UPDATE SET redemption_count = u.redemption_count + 1
"""


def measure(plan: Plan) -> None:
    """Prints redemptions a second at each size, as ratios to the limit."""
    coupons = _coupons()
    with connection.cursor() as cursor:
        cursor.execute("SET statement_timeout = 0")
        cursor.execute(TABLE)
    filled = 0
    for size in (0, plan.size(1_000_000, 1_000), plan.size(10_000_000, 10_000)):
        started = time.perf_counter()
        for low in range(filled, size, CHUNK):
            _fill(coupons, low, min(low + CHUNK, size))
        filled = size
        seed_data.vacuum()
        say(f"{size:,} redemptions, filled in {time.perf_counter() - started:,.0f} s")
        rounds = interleaved(plan, _contenders(plan, coupons))
        tell(f"Redemptions with {size:,} there", rounds, unit="a second", against=LIMIT)
    _sizes()


def _coupons() -> list[CouponDefinition]:
    """Coupons of one brand: the first with one counter, the second with shards, the others without a maximum."""
    owner = seed_data.brand("size")
    offer = {"benefits": [{"kind": "percent", "value": "10", "on": "order"}]}
    dates = {"start_date": seed_data.START, "end_date": seed_data.END}
    made = CouponDefinition.objects.bulk_create(
        CouponDefinition(brand=owner, title=f"Coupon {n}", offer=offer, currency="EUR", **dates) for n in range(COUPONS)
    )
    shards = [(made[0], 0), *((made[1], shard) for shard in range(SHARDS))]
    CouponCounter.objects.bulk_create(CouponCounter(coupon=it, shard=shard, cap=MAXIMUM) for it, shard in shards)
    return made


def _contenders(plan: Plan, coupons: list[CouponDefinition]) -> dict[str, Callable[[], float]]:
    """Beside the limit: customers of any coupon, one coupon's shards, one counter's batches."""
    keys = [key(coupon.pk) for coupon in coupons]
    one = f"(ARRAY[{', '.join(keys)}])[:coupon]"
    run = partial(pgbench, seconds=plan.seconds)
    batch = _script(redeeming(Strategy.EXACT, keys[0], many=TOGETHER))
    return {
        LIMIT: partial(run, _script(ROW.format(coupon=one))),
        "no maximum, any of ten coupons": partial(run, _script(redeeming(None, one))),
        "sharded": partial(run, _script(redeeming(Strategy.SHARDED, keys[1]))),
        f"exact, {TOGETHER} in a transaction": lambda: TOGETHER * run(batch, clients=PROCESSES),
    }


def _script(transaction: str) -> str:
    drawn = {"customer": 2 * CUSTOMERS, "coupon": COUPONS, "home": SHARDS}
    return "".join(f"\\set {name} random(1, {most})\n" for name, most in drawn.items()) + transaction


def _fill(coupons: list[CouponDefinition], low: int, high: int) -> None:
    """Redemptions ``low`` to ``high`` - 1, and their customers' counts; nothing is noted for reports."""
    now = datetime.now(UTC)
    first = now - timedelta(days=30 * MONTHS)
    for month in range(MONTHS + 1):
        create_partitions(at=first + timedelta(days=30 * month))
    words: dict[str, Any] = {
        "coupons": [coupon.pk for coupon in coupons],
        "first": first,
        "low": low,
        "high": high,
        "cap": MAXIMUM,
    }
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE coupons_couponredemption DISABLE TRIGGER USER")
        cursor.execute(FILL, words)
        cursor.execute(COUNT, words)
        cursor.execute("ALTER TABLE coupons_couponredemption ENABLE TRIGGER USER")


def _sizes() -> None:
    print("\n| table | rows, MB | indexes, MB |\n|---|---|---|")
    for what, tables in (("redemptions", "coupons_couponredemption_%"), ("counts", "coupons_usercouponredemption")):
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT sum(pg_table_size(oid)), sum(pg_indexes_size(oid)) FROM pg_class"
                " WHERE relkind = 'r' AND relname LIKE %s",
                [tables],
            )
            heap, indexes = cursor.fetchone()
        print(f"| {what} | {float(heap) / 1e6:,.0f} | {float(indexes) / 1e6:,.0f} |", flush=True)
