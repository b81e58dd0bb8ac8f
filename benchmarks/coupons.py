"""One coupon with many redemptions, with each limit strategy: redemptions per second compared with plain inserts.

Measured are the database alone, by pgbench (the whole transaction of a redemption, and one transaction for many
customers, as each web process runs it), and the platform over HTTP. The coupon has a usage limit in total and per
customer, and neither is ever reached.
"""

import uuid
from collections.abc import Callable, Mapping
from datetime import timedelta
from functools import partial
from itertools import product

from django.db import connection
from django.utils import timezone

from benchmarks import seed_data
from benchmarks.environment import serve
from benchmarks.load import pgbench, wrk
from benchmarks.scenarios import Plan, measure_interleaved, print_result
from core import db
from coupons.models import CouponDefinition
from coupons.services import create
from redemptions.limits.models import Limit, LimitUnit, Strategy
from redemptions.limits.rules import APPROXIMATE_TOTAL, TOTALS
from redemptions.uses.services import pools

LIMIT = "the limit: plain inserts"
CONNECTIONS = (16, 64)
BATCH_SIZES = (16, 64)  # redemptions per transaction
PROCESSES = 2  # each web process has one connection for batches
MIN_SECONDS = 3  # pgbench counts the time in which its connections open, and a single lock needs time under many
THREADS = 16  # as in the Procfile; the number of threads limits the batch size
MAXIMUM = 1_000_000_000
CUSTOMERS = 1_000_000
STRIDE = 7_919  # between the customers of one transaction
FLUSH_SIZE = 64  # redemptions that an approximate coupon counts at once
Contenders = dict[str, Callable[[], float]]
INSERT = "INSERT INTO bench_redemption VALUES (uuidv7(), :customer, now());\n"


COUPONS, LIMITS = "coupons/sql", "redemptions/limits/sql"


def measure(plan: Plan) -> None:
    """Print redemptions per second, single and batched, and their ratio to plain inserts."""
    shoppers = seed_data.create_shoppers(plan.choose_size(5_000, 200))
    with connection.cursor() as cursor:
        cursor.execute(
            "CREATE TABLE bench_redemption (id uuid PRIMARY KEY, customer_id bigint NOT NULL, at timestamptz NOT NULL)"
        )
    pool = plan.choose_size(1_000_000, 30_000)
    database_coupons = {strategy: _create_coupon(strategy, pool) for strategy in Strategy}
    http_coupons = {strategy: _create_coupon(strategy, pool) for strategy in Strategy}
    seed_data.vacuum()
    _measure_single(plan, database_coupons, pool)
    _measure_batched(plan, database_coupons)
    with serve("promoplatform.wsgi:application", threads=THREADS) as address:
        for connections in CONNECTIONS:
            seconds = max(plan.seconds, MIN_SECONDS)
            limit = partial(pgbench, _script(INSERT), seconds=seconds, clients=connections)
            contenders: Contenders = {
                f"{strategy}": partial(_run_http, plan, address, shoppers, coupon, connections)
                for strategy, coupon in http_coupons.items()
            }
            rounds = measure_interleaved(plan, {LIMIT: limit} | contenders)
            print_result(f"Over HTTP, {connections} connections", rounds, unit="per second", against=LIMIT)


def _measure_single(plan: Plan, coupons: Mapping[Strategy, CouponDefinition], pool: int) -> None:
    """Measure a transaction for each redemption."""
    seconds = max(plan.seconds, MIN_SECONDS)
    scripts = {LIMIT: _script(INSERT)}
    scripts |= {
        f"{strategy}": _script(build_transaction(strategy, to_sql(coupon.pk), pool=pool))
        for strategy, coupon in coupons.items()
    }
    for clients in CONNECTIONS:
        contenders: Contenders = {
            name: partial(pgbench, script, seconds=seconds, clients=clients) for name, script in scripts.items()
        }
        rounds = measure_interleaved(plan, contenders)
        print_result(f"The database alone, single, {clients} connections", rounds, unit="per second", against=LIMIT)


def _measure_batched(plan: Plan, coupons: Mapping[Strategy, CouponDefinition]) -> None:
    """Measure a transaction for many redemptions, run by as many connections as there are web processes."""
    insert = partial(pgbench, _script(INSERT), seconds=max(plan.seconds, MIN_SECONDS))
    contenders: Contenders = {LIMIT: partial(insert, clients=CONNECTIONS[0])}
    contenders |= {f"{LIMIT}, {clients} connections": partial(insert, clients=clients) for clients in CONNECTIONS[1:]}
    for strategy, count in product((Strategy.EXACT, Strategy.SHARDED), BATCH_SIZES):
        script = _script(build_transaction(strategy, to_sql(coupons[strategy].pk), count=count))
        contenders[f"{strategy}, {count} per transaction"] = partial(_run_batched, plan, script, count)
    title = f"The database alone, batched, {PROCESSES} connections"
    print_result(title, measure_interleaved(plan, contenders), unit="redemptions per second", against=LIMIT)


def _run_batched(plan: Plan, script: str, count: int) -> float:
    return count * pgbench(script, seconds=plan.seconds, clients=PROCESSES)


def _create_coupon(strategy: str, pool: int) -> CouponDefinition:
    """Create an active coupon whose limit exceeds the run; all units of a pool are created."""
    at = timezone.now()
    fields = {
        "title": f"Hot, {strategy}", "start_date": at - timedelta(hours=1), "end_date": at + timedelta(days=1),
        "maximum_number_of_coupons": pool if strategy == Strategy.POOL else MAXIMUM,
        "maximum_number_of_coupons_per_user": MAXIMUM, "limit_strategy": strategy,
        "offer": {"benefits": [{"kind": "percent", "value": "10", "on": "order"}]},
    }  # fmt: skip
    brand = seed_data.create_brand(f"hot-{strategy}-{uuid.uuid4().hex[:6]}")
    coupon, _ = create(brand=brand, fields=fields, codes=None, by=None, at=at)
    pools.create_units(owner=coupon.pk, at=at, budget=600)
    created = LimitUnit.objects.filter(owner=coupon.pk).count()
    if created != (pool if strategy == Strategy.POOL else 0):
        raise RuntimeError(f"{created} units were created of {pool}")
    return coupon


def _run_http(
    plan: Plan, address: str, shoppers: seed_data.Shoppers, coupon: CouponDefinition, connections: int
) -> float:
    """Return redemptions per second over HTTP. Raises RuntimeError if one was rejected, or none was counted."""
    result = wrk(address, "coupon", shoppers.file, coupon.pk, seconds=plan.seconds, connections=connections)
    if result.rejected:
        raise RuntimeError(f"{result.rejected} of {result.answers} redemptions were rejected")
    if not Limit.objects.filter(owner=coupon.pk, taken__gt=0).exists():
        raise RuntimeError("no redemption was counted")
    return result.rate


# --- the product's statements as pgbench runs them --------------------------------------------------------------------
def _script(transaction: str) -> str:
    return f"\\set customer random(1, {CUSTOMERS})\n\\set home random(0, 15)\n{transaction}"


def to_sql(coupon: uuid.UUID) -> str:
    """Return an ID as SQL."""
    return f"'{coupon}'::uuid"


def build_transaction(strategy: Strategy | None, coupon: str, *, count: int = 1, pool: int = 0) -> str:
    """Return the transaction of ``count`` redemptions: read the snapshot, take from the limit, insert the rows.

    ``coupon`` is SQL for its ID; without a strategy it has no limit. The script needs ``:customer``, the first
    customer, and ``:home``, the first shard to try. A ``pool`` has that many units.
    """
    customers = ", ".join(f":customer + {STRIDE * n}" for n in range(count))
    names = {
        "coupon": coupon, "owner": coupon, "scope": _text(TOTALS[strategy]) if strategy else "",
        "brand": f"(SELECT brand_id FROM coupons_coupondefinition WHERE id = {coupon})",
        "wanted": f"{count}", "home": ":home", "customers": f"ARRAY[{customers}]",
        "ids": _array(count, "uuidv7()"), "codes": _array(count, "''"),
    }  # fmt: skip
    take = {
        None: "",
        Strategy.EXACT: _sql("take_exact", names),
        Strategy.SHARDED: _shard_sql(names),
        Strategy.POOL: f"\\set start random(1, {pool or 1})\n" + _sql("take_units", names | {"start": ":start"}),
        Strategy.APPROXIMATE: f"SELECT taken FROM redemptions_limit {_row(names)};\n",
    }[strategy]
    after = _counter_sql(names) if strategy == Strategy.APPROXIMATE else ""
    return f"BEGIN;\n{_sql('select_snapshot', names)}{take}{_rows_sql(names, count)}COMMIT;\n{after}"


def _shard_sql(names: dict[str, str]) -> str:
    """Return SQL that takes an unlocked shard, or else waits for the nearest one."""
    took = f"WITH took AS ({_sql('take_shard', names).rstrip()[:-1]}) SELECT count(*) AS got FROM took \\gset\n"
    return (
        f"SAVEPOINT attempt;\n{took}\\set missed :got = 0\n\\if :missed\n{_sql('take_shard_blocking', names)}\\endif\n"
    )


def _counter_sql(names: dict[str, str]) -> str:
    """Return SQL that adds several redemptions to an approximate counter, after the commit."""
    add = f"UPDATE redemptions_limit SET taken = taken + {FLUSH_SIZE} {_row(names)};\n"
    return f"\\set draw random(1, {FLUSH_SIZE})\n\\if :draw = 1\n{add}\\endif\n"


def _text(value: str) -> str:
    """Return a text as SQL without colons, which pgbench takes for its variables."""
    return "'" + value.replace(":", "' || chr(58) || '") + "'"


def _row(names: dict[str, str]) -> str:
    return f"WHERE owner = {names['coupon']} AND scope = {_text(APPROXIMATE_TOTAL)}"


def _rows_sql(names: dict[str, str], count: int) -> str:
    nulls = {name: _array(count, "NULL") for name in ("untils", "redemptions", "amounts", "currencies")}
    values = {"cap": f"{MAXIMUM}", "at": "now()", "singles": _array(count, "false"), "units": _array(count, "0")}
    return _sql("insert_redemptions", names | values | nulls)


def _array(count: int, value: str) -> str:
    return f"ARRAY[{', '.join([value] * count)}]"


def _sql(name: str, parameters: dict[str, str]) -> str:
    """Return a statement of the product as one line, without its comments."""
    lines = (db.load_sql(f"{LIMITS if name.startswith('take') else COUPONS}/{name}.sql") % parameters).splitlines()
    return " ".join(line.partition("--")[0].strip() for line in lines) + ";\n"
