"""One hot coupon, kept in each of the four ways: redemptions a second beside bare inserts of the same run.

The statements alone, a transaction for each redemption, by pgbench; and the whole platform over HTTP, where those who
ask at the same moment share a transaction.
"""

import uuid
from collections.abc import Callable
from datetime import timedelta
from functools import partial

from django.db import connection
from django.utils import timezone

from benchmarks import data
from benchmarks.load import pgbench, wrk
from benchmarks.plan import Plan, interleaved, tell
from benchmarks.stand import served
from coupons.models import CouponCounter, CouponDefinition, CouponUnit, Strategy
from coupons.services import create, units
from promoplatform.kernel import db

LIMIT = "the limit: bare inserts"
CONNECTIONS = (16, 64)
LEAST_SECONDS = 3  # under many connections a single lock takes its time
THREADS = 16  # as the Procfile has it; a batch is no larger than there are threads to wait for it
MAXIMUM = 1_000_000_000
CUSTOMERS = 1_000_000
BEHIND = 64  # redemptions that an approximate coupon counts at once
BARE = "INSERT INTO bench_redemption VALUES (uuidv7(), :customer, now());\n"


def measure(plan: Plan) -> None:
    """Prints redemptions a second for 16 and 64 connections, and how they stand to bare inserts."""
    shoppers = data.shoppers(plan.size(5_000, 200))
    with connection.cursor() as cursor:
        cursor.execute(
            "CREATE TABLE bench_redemption (id uuid PRIMARY KEY, customer_id bigint NOT NULL, at timestamptz NOT NULL)"
        )
    pool = plan.size(1_000_000, 30_000)
    alone = {strategy: _coupon(strategy, pool) for strategy in Strategy}
    served_ones = {strategy: _coupon(strategy, pool) for strategy in Strategy}
    data.vacuum()
    seconds = max(plan.seconds, LEAST_SECONDS)
    for clients in CONNECTIONS:
        limit = partial(pgbench, _script(BARE), seconds=seconds, clients=clients)
        scripts = {f"{strategy}": _script(_taking(strategy, coupon, pool)) for strategy, coupon in alone.items()}
        ways: dict[str, Callable[[], float]] = {
            name: partial(pgbench, script, seconds=seconds, clients=clients) for name, script in scripts.items()
        }
        rounds = interleaved(plan, {LIMIT: limit} | ways)
        tell(f"Statements alone, {clients} connections", rounds, unit="a second", against=LIMIT)
    with served("promoplatform.wsgi:application", threads=THREADS) as address:
        for connections in CONNECTIONS:
            limit = partial(pgbench, _script(BARE), seconds=plan.seconds, clients=connections)
            ways = {
                f"{strategy}": partial(_redeemed, plan, address, shoppers, coupon, connections)
                for strategy, coupon in served_ones.items()
            }
            rounds = interleaved(plan, {LIMIT: limit} | ways)
            tell(f"Over HTTP, {connections} connections", rounds, unit="a second", against=LIMIT)


def _coupon(strategy: str, pool: int) -> CouponDefinition:
    """A running coupon with more places than the run can take; of a pool, all its units are made."""
    at = timezone.now()
    fields = {
        "title": f"Hot, {strategy}", "start_date": at - timedelta(hours=1), "end_date": at + timedelta(days=1),
        "maximum_number_of_coupons": pool if strategy == Strategy.POOL else MAXIMUM, "limit_strategy": strategy,
        "offer": {"benefits": [{"kind": "percent", "value": "10", "on": "order"}]},
    }  # fmt: skip
    owner = data.brand(f"hot-{strategy}-{uuid.uuid4().hex[:6]}")
    coupon, _ = create(brand=owner, fields=fields, codes=None, by=None, at=at)
    units.make_units(coupon_id=coupon.pk, at=at, budget=600)
    made = CouponUnit.objects.filter(coupon_id=coupon.pk).count()
    if made != (pool if strategy == Strategy.POOL else 0):
        raise RuntimeError(f"{made} units were made of {pool}")
    return coupon


def _redeemed(plan: Plan, address: str, shoppers: data.Shoppers, coupon: CouponDefinition, connections: int) -> float:
    """Redemptions a second over HTTP. Raises RuntimeError when one was refused, or none was counted."""
    seen = wrk(address, "coupon", shoppers.file, coupon.pk, seconds=plan.seconds, connections=connections)
    if seen.refused:
        raise RuntimeError(f"{seen.refused} of {seen.answers} redemptions were refused")
    if not CouponCounter.objects.filter(coupon_id=coupon.pk, taken__gt=0).exists():
        raise RuntimeError("nothing was counted")
    return seen.rate


# --- the product's own statements as pgbench runs them ----------------------------------------------------------------
def _script(transaction: str) -> str:
    return f"\\set customer random(1, {CUSTOMERS})\n\\set home random(0, 15)\n{transaction}"


def _taking(strategy: Strategy, coupon: CouponDefinition, pool: int) -> str:
    """One redemption in one transaction: what the strategy takes, then the rows."""
    names = {"coupon": f"'{coupon.pk}'::uuid", "wanted": "1", "home": ":home"}
    take = {
        Strategy.EXACT: _sql("take_exact", names),
        Strategy.SHARDED: _sharded(names),
        Strategy.POOL: f"\\set start random(1, {pool})\n"
        + _sql("take_units", names | {"ids": "ARRAY[uuidv7()]", "start": ":start"}),
        Strategy.APPROXIMATE: f"SELECT taken FROM coupons_couponcounter WHERE coupon_id = {names['coupon']};\n",
    }[strategy]
    return f"BEGIN;\n{take}{_rows(names)}COMMIT;\n" + (_counted(names) if strategy == Strategy.APPROXIMATE else "")


def _sharded(names: dict[str, str]) -> str:
    """A shard that nobody is at, or else the nearest after a wait."""
    took = f"WITH took AS ({_sql('take_shard', names).rstrip()[:-1]}) SELECT count(*) AS got FROM took \\gset\n"
    return f"SAVEPOINT look;\n{took}\\set missed :got = 0\n\\if :missed\n{_sql('wait_for_shard', names)}\\endif\n"


def _counted(names: dict[str, str]) -> str:
    """What every so-many-th redemption adds to an approximate counter, after its commit."""
    add = f"UPDATE coupons_couponcounter SET taken = taken + {BEHIND} WHERE coupon_id = {names['coupon']};\n"
    return f"\\set turn random(1, {BEHIND})\n\\if :turn = 1\n{add}\\endif\n"


def _rows(names: dict[str, str]) -> str:
    one = {
        "cap": "NULL", "at": "now()", "ids": "ARRAY[uuidv7()]", "customers": "ARRAY[:customer]", "codes": "ARRAY['']",
        "singles": "ARRAY[false]", "untils": "ARRAY[NULL]", "units": "ARRAY[0]", "redemptions": "ARRAY[NULL]",
        "amounts": "ARRAY[NULL]", "currencies": "ARRAY[NULL]",
    }  # fmt: skip
    return _sql("write_redemptions", names | one)


def _sql(name: str, words: dict[str, str]) -> str:
    """The product's statement as one line, without its comments."""
    lines = (db.statement(f"coupons/sql/{name}.sql") % words).splitlines()
    return " ".join(line.partition("--")[0].strip() for line in lines) + ";\n"
