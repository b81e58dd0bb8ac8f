"""Redemptions of a code with none, a million and ten million existing redemptions: the statement alone, by pgbench.

"The limit" is a one-row insert and its commit. The platform's table is compared with a design that was rejected: a
table keyed by a 16-byte hash of code and shopper. A checkpoint precedes each measurement, so that each pays for its
full-page writes.
"""

from collections.abc import Callable, Mapping

from django.db import connection

from benchmarks import seed_data
from benchmarks.load import pgbench
from benchmarks.scenarios import Plan, measure_interleaved, print_result
from core import db

LIMIT = "the limit: one row, commit"
OLD, NEW = 1_000, 1_000  # codes with redemptions, and codes of this month
TABLES = """
CREATE TABLE bench_row (code bigint NOT NULL, customer bigint NOT NULL, at timestamptz NOT NULL);
CREATE TABLE bench_hashed (h uuid PRIMARY KEY WITH (fillfactor = 70), at timestamptz NOT NULL);
"""
ROW = "INSERT INTO bench_row VALUES (:code, :customer, now());\n"
KEYED = (
    "INSERT INTO discounts_usage (code_id, customer_id, id, used_at) VALUES (:code, :customer, uuidv7(), now())"
    " ON CONFLICT (code_id, customer_id) DO NOTHING;\n"
)
HASHED = "INSERT INTO bench_hashed VALUES (md5(:code || '/' || :customer)::uuid, now()) ON CONFLICT DO NOTHING;\n"


def measure(plan: Plan) -> None:
    """Print accepted and rejected redemptions per second at each size, and their ratio to the limit."""
    shoppers = seed_data.create_shoppers(plan.choose_size(50_000, 500))
    codes = seed_data.create_discount_codes(seed_data.create_brand("size"), OLD + NEW)
    low, high = min(shoppers.customers), max(shoppers.customers)
    with connection.cursor() as cursor:
        cursor.execute("SET statement_timeout = 0")
        cursor.execute(TABLES)
    first_customer, filled = 10**9, 0
    new_codes = f"\\set code random({codes[OLD]}, {codes[-1]})\n\\set customer random({low}, {high})\n"
    for size in (0, plan.choose_size(1_000_000, 1_000), plan.choose_size(10_000_000, 10_000)):
        _insert_redemptions(codes[:OLD], first_customer + filled // OLD, first_customer + size // OLD)
        filled = size
        seed_data.vacuum()
        old_codes = f"\\set code random({codes[0]}, {codes[OLD - 1]})\n\\set customer random({low}, {high})\n"
        contenders = {
            LIMIT: new_codes + ROW,
            "redemption: (code, shopper), this month's codes": new_codes + KEYED,
            "redemption: 16-byte hash": new_codes + HASHED,
            "the platform's statement, this month's codes": new_codes + _platform_sql(codes[0]),
        }
        if size:
            repeated = f"\\set code random({codes[0]}, {codes[OLD - 1]})\n"
            repeated += f"\\set customer random({first_customer}, {first_customer + size // OLD - 1})\n"
            contenders |= {
                "redemption: (code, shopper), any old code (worst)": old_codes + KEYED,
                "the platform's statement, any old code (worst)": old_codes + _platform_sql(codes[0]),
                "rejection: (code, shopper)": repeated + KEYED,
                "rejection: 16-byte hash": repeated + HASHED,
            }
        rounds = measure_interleaved(plan, {name: _run(plan, script) for name, script in contenders.items()})
        print_result(f"Redemptions with {size:,} rows, statements prepared", rounds, unit="per second", against=LIMIT)
    _measure_planning(plan, new_codes + _platform_sql(codes[0]))
    _print_sizes()


def _measure_planning(plan: Plan, script: str) -> None:
    """Measure the platform's statement as Django sends it: as one text, which is planned each time."""
    contenders: Mapping[str, Callable[[], float]] = {
        "prepared": _run(plan, script),
        "planned each time (as Django sends it)": _run(plan, script, mode="simple"),
    }
    print_result(
        "The platform's statement", measure_interleaved(plan, contenders), unit="per second", against="prepared"
    )


def _run(plan: Plan, script: str, mode: str = "prepared") -> Callable[[], float]:
    return lambda: pgbench(script, seconds=plan.seconds, mode=mode)


def _platform_sql(first: int) -> str:
    """Return ``redeem_codes.sql`` for one shopper in pgbench's syntax; ``first`` is the key of the first code."""
    parameters = {
        "codes": f"ARRAY['BENCH' || (:code - {first} + 1)]", "customers": "ARRAY[:customer]", "ids": "ARRAY[uuidv7()]",
        "ats": "ARRAY[now()]", "amounts": "ARRAY[NULL]::bigint[]", "currencies": "ARRAY[NULL]::text[]",
        "brands": "ARRAY[NULL]::text[]", "have_users": "ARRAY[true]", "takes_limits": "false",
    }  # fmt: skip
    return db.load_sql("discounts/sql/redeem_codes.sql") % parameters + ";\n"


def _insert_redemptions(codes: list[int], first: int, last: int) -> None:
    """Insert a redemption of each code by customers ``first`` to ``last`` - 1, in no order, and its hash."""
    with connection.cursor() as cursor:
        for start in range(0, len(codes), 100):
            parameters = (codes[start : start + 100], first, last - 1)
            cursor.execute(
                "INSERT INTO discounts_usage (code_id, customer_id, id, used_at) SELECT code, customer, uuidv7(), now()"
                " FROM unnest(%s::bigint[]) code, generate_series(%s::bigint, %s::bigint) customer"
                " ORDER BY code, hashint8(customer)",
                parameters,
            )
            cursor.execute(
                "INSERT INTO bench_hashed SELECT md5(code || '/' || customer)::uuid, now()"
                " FROM unnest(%s::bigint[]) code, generate_series(%s::bigint, %s::bigint) customer",
                parameters,
            )


def _print_sizes() -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT CASE WHEN relname LIKE 'discounts%%' THEN '(code, shopper)' ELSE '16-byte hash' END AS what,"
            " sum(pg_table_size(oid)), sum(pg_indexes_size(oid)) FROM pg_class"
            " WHERE relname ~ '^(discounts_usage_p|bench_hashed$)' AND relkind = 'r' GROUP BY 1 ORDER BY 1"
        )
        print("\n| table | rows, MB | indexes, MB |\n|---|---|---|")
        for what, heap, indexes in cursor.fetchall():
            print(f"| {what} | {float(heap) / 1e6:,.0f} | {float(indexes) / 1e6:,.0f} |")
