"""A use of a code when none, a million and ten million uses are there: the statement alone, by pgbench.

"The limit" is a one-row insert and its commit. Beside the platform's table stands the one that it was not given:
a table keyed by a 16-byte hash of code and shopper. Before each measurement there is a checkpoint, so that
each pays for the whole pages that PostgreSQL logs after it.
"""

from collections.abc import Callable, Mapping

from django.db import connection

from benchmarks import seed_data
from benchmarks.load import pgbench
from benchmarks.scenarios import Plan, interleaved, tell
from core import db

LIMIT = "the limit: one row, commit"
OLD, NEW = 1_000, 1_000  # codes that were used before, and codes of this month
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
    """Prints uses and refusals a second at each size, as ratios to the limit."""
    shoppers = seed_data.shoppers(plan.size(50_000, 500))
    codes = seed_data.discount_codes(seed_data.brand("size"), OLD + NEW)
    low, high = min(shoppers.customers), max(shoppers.customers)
    with connection.cursor() as cursor:
        cursor.execute("SET statement_timeout = 0")
        cursor.execute(TABLES)
    known, filled = 10**9, 0
    newest = f"\\set code random({codes[OLD]}, {codes[-1]})\n\\set customer random({low}, {high})\n"
    for size in (0, plan.size(1_000_000, 1_000), plan.size(10_000_000, 10_000)):
        _fill(codes[:OLD], known + filled // OLD, known + size // OLD)
        filled = size
        seed_data.vacuum()
        oldest = f"\\set code random({codes[0]}, {codes[OLD - 1]})\n\\set customer random({low}, {high})\n"
        contenders = {
            LIMIT: newest + ROW,
            "use: (code, shopper), this month's codes": newest + KEYED,
            "use: 16-byte hash": newest + HASHED,
            "the platform's statement, this month's codes": newest + _whole(codes[0]),
        }
        if size:
            again = f"\\set code random({codes[0]}, {codes[OLD - 1]})\n"
            again += f"\\set customer random({known}, {known + size // OLD - 1})\n"
            contenders |= {
                "use: (code, shopper), any old code (worst)": oldest + KEYED,
                "the platform's statement, any old code (worst)": oldest + _whole(codes[0]),
                "refusal: (code, shopper)": again + KEYED,
                "refusal: 16-byte hash": again + HASHED,
            }
        rounds = interleaved(plan, {name: _run(plan, script) for name, script in contenders.items()})
        tell(f"Uses with {size:,} there, statements prepared", rounds, unit="a second", against=LIMIT)
    _planned_anew(plan, newest + _whole(codes[0]))
    _sizes()


def _planned_anew(plan: Plan, script: str) -> None:
    """The platform's statement as Django sends it: as one text, which is planned each time."""
    contenders: Mapping[str, Callable[[], float]] = {
        "prepared": _run(plan, script),
        "planned anew each time (as Django sends it)": _run(plan, script, mode="simple"),
    }
    tell("The platform's statement", interleaved(plan, contenders), unit="a second", against="prepared")


def _run(plan: Plan, script: str, mode: str = "prepared") -> Callable[[], float]:
    return lambda: pgbench(script, seconds=plan.seconds, mode=mode)


def _whole(first: int) -> str:
    """``use_codes.sql`` for one shopper in pgbench's words; ``first`` is the key of the first code."""
    words = {
        "codes": f"ARRAY['BENCH' || (:code - {first} + 1)]", "customers": "ARRAY[:customer]", "ids": "ARRAY[uuidv7()]",
        "ats": "ARRAY[now()]", "amounts": "ARRAY[NULL]::bigint[]", "currencies": "ARRAY[NULL]::text[]",
    }  # fmt: skip
    return db.load_sql("discounts/sql/redeem_codes.sql") % words + ";\n"


def _fill(codes: list[int], first: int, last: int) -> None:
    """Each of the codes is used by customers ``first`` to ``last`` - 1, in no order; so is its hash."""
    with connection.cursor() as cursor:
        for start in range(0, len(codes), 100):
            some = (codes[start : start + 100], first, last - 1)
            cursor.execute(
                "INSERT INTO discounts_usage (code_id, customer_id, id, used_at) SELECT code, customer, uuidv7(), now()"
                " FROM unnest(%s::bigint[]) code, generate_series(%s::bigint, %s::bigint) customer"
                " ORDER BY code, hashint8(customer)",
                some,
            )
            cursor.execute(
                "INSERT INTO bench_hashed SELECT md5(code || '/' || customer)::uuid, now()"
                " FROM unnest(%s::bigint[]) code, generate_series(%s::bigint, %s::bigint) customer",
                some,
            )


def _sizes() -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT CASE WHEN relname LIKE 'discounts%%' THEN '(code, shopper)' ELSE '16-byte hash' END AS what,"
            " sum(pg_table_size(oid)), sum(pg_indexes_size(oid)) FROM pg_class"
            " WHERE relname ~ '^(discounts_usage_p|bench_hashed$)' AND relkind = 'r' GROUP BY 1 ORDER BY 1"
        )
        print("\n| table | rows, MB | indexes, MB |\n|---|---|---|")
        for what, heap, indexes in cursor.fetchall():
            print(f"| {what} | {float(heap) / 1e6:,.0f} | {float(indexes) / 1e6:,.0f} |")
