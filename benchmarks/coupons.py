"""One hot coupon, kept in each of the four ways: redemptions a second beside bare inserts of the same run.

The database alone, by pgbench: the whole transaction of a redemption (look, take, write), and one transaction that
takes for many customers at once, as each web process runs it for those who wait; and the platform over HTTP, which
does so. The coupon has a maximum in all and one for each customer, and neither is ever reached.
"""

import uuid
from collections.abc import Callable, Mapping
from datetime import timedelta
from functools import partial
from itertools import product

from django.db import connection
from django.utils import timezone

from benchmarks import seed_data
from benchmarks.environment import served
from benchmarks.load import pgbench, wrk
from benchmarks.scenarios import Plan, interleaved, tell
from core import db
from coupons.models import CouponCounter, CouponDefinition, CouponUnit, Strategy
from coupons.services import create, pool_units

LIMIT = "the limit: bare inserts"
CONNECTIONS = (16, 64)
TOGETHER = (16, 64)  # redemptions in one transaction
PROCESSES = 2  # that run such transactions: each web process has one connection for them
LEAST_SECONDS = 3  # under many connections a single lock takes its time
THREADS = 16  # as the Procfile has it; a batch is no larger than there are threads to wait for it
MAXIMUM = 1_000_000_000
CUSTOMERS = 1_000_000
STRIDE = 7_919  # between the customers of one transaction
BEHIND = 64  # redemptions that an approximate coupon counts at once
Ways = dict[str, Callable[[], float]]
BARE = "INSERT INTO bench_redemption VALUES (uuidv7(), :customer, now());\n"


def measure(plan: Plan) -> None:
    """Prints redemptions a second, one by one and together, and how they stand to bare inserts."""
    shoppers = seed_data.shoppers(plan.size(5_000, 200))
    with connection.cursor() as cursor:
        cursor.execute(
            "CREATE TABLE bench_redemption (id uuid PRIMARY KEY, customer_id bigint NOT NULL, at timestamptz NOT NULL)"
        )
    pool = plan.size(1_000_000, 30_000)
    alone = {strategy: _coupon(strategy, pool) for strategy in Strategy}
    served_ones = {strategy: _coupon(strategy, pool) for strategy in Strategy}
    seed_data.vacuum()
    _one_by_one(plan, alone, pool)
    _together(plan, alone)
    with served("promoplatform.wsgi:application", threads=THREADS) as address:
        for connections in CONNECTIONS:
            limit = partial(pgbench, _script(BARE), seconds=plan.seconds, clients=connections)
            ways: Ways = {
                f"{strategy}": partial(_redeemed, plan, address, shoppers, coupon, connections)
                for strategy, coupon in served_ones.items()
            }
            rounds = interleaved(plan, {LIMIT: limit} | ways)
            tell(f"Over HTTP, {connections} connections", rounds, unit="a second", against=LIMIT)


def _one_by_one(plan: Plan, coupons: Mapping[Strategy, CouponDefinition], pool: int) -> None:
    """A transaction for each redemption."""
    seconds = max(plan.seconds, LEAST_SECONDS)
    scripts = {LIMIT: _script(BARE)}
    scripts |= {f"{strategy}": _script(redeeming(strategy, key(it.pk), pool=pool)) for strategy, it in coupons.items()}
    for clients in CONNECTIONS:
        ways: Ways = {
            name: partial(pgbench, script, seconds=seconds, clients=clients) for name, script in scripts.items()
        }
        rounds = interleaved(plan, ways)
        tell(f"The database alone, one by one, {clients} connections", rounds, unit="a second", against=LIMIT)


def _together(plan: Plan, coupons: Mapping[Strategy, CouponDefinition]) -> None:
    """A transaction for many, run by as many connections as there are web processes."""
    bare = partial(pgbench, _script(BARE), seconds=plan.seconds)
    ways: Ways = {LIMIT: partial(bare, clients=CONNECTIONS[0])}
    ways |= {f"{LIMIT}, {clients} connections": partial(bare, clients=clients) for clients in CONNECTIONS[1:]}
    for strategy, many in product((Strategy.EXACT, Strategy.SHARDED), TOGETHER):
        script = _script(redeeming(strategy, key(coupons[strategy].pk), many=many))
        ways[f"{strategy}, {many} in a transaction"] = partial(_of_many, plan, script, many)
    title = f"The database alone, many in one transaction, {PROCESSES} connections"
    tell(title, interleaved(plan, ways), unit="redemptions a second", against=LIMIT)


def _of_many(plan: Plan, script: str, many: int) -> float:
    return many * pgbench(script, seconds=plan.seconds, clients=PROCESSES)


def _coupon(strategy: str, pool: int) -> CouponDefinition:
    """A running coupon with more places than the run can take; of a pool, all its units are made."""
    at = timezone.now()
    fields = {
        "title": f"Hot, {strategy}", "start_date": at - timedelta(hours=1), "end_date": at + timedelta(days=1),
        "maximum_number_of_coupons": pool if strategy == Strategy.POOL else MAXIMUM,
        "maximum_number_of_coupons_per_user": MAXIMUM, "limit_strategy": strategy,
        "offer": {"benefits": [{"kind": "percent", "value": "10", "on": "order"}]},
    }  # fmt: skip
    owner = seed_data.brand(f"hot-{strategy}-{uuid.uuid4().hex[:6]}")
    coupon, _ = create(brand=owner, fields=fields, codes=None, by=None, at=at)
    pool_units.create_units(coupon_id=coupon.pk, at=at, budget=600)
    made = CouponUnit.objects.filter(coupon_id=coupon.pk).count()
    if made != (pool if strategy == Strategy.POOL else 0):
        raise RuntimeError(f"{made} units were made of {pool}")
    return coupon


def _redeemed(
    plan: Plan, address: str, shoppers: seed_data.Shoppers, coupon: CouponDefinition, connections: int
) -> float:
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


def key(coupon: uuid.UUID) -> str:
    """An id in SQL."""
    return f"'{coupon}'::uuid"


def redeeming(strategy: Strategy | None, coupon: str, *, many: int = 1, pool: int = 0) -> str:
    """Redemptions by so many customers in one transaction: the look, what the strategy takes, then the rows.

    ``coupon`` is SQL for its id; without a strategy it has no maximum. Expects ``:customer``, whoever comes first, and
    ``:home``, where a take of shards begins. A ``pool`` has so many units.
    """
    customers = ", ".join(f":customer + {STRIDE * n}" for n in range(many))
    names = {
        "coupon": coupon, "wanted": f"{many}", "home": ":home", "customers": f"ARRAY[{customers}]",
        "ids": _times(many, "uuidv7()"), "codes": _times(many, "''"),
    }  # fmt: skip
    take = {
        None: "",
        Strategy.EXACT: _sql("take_exact", names),
        Strategy.SHARDED: _sharded(names),
        Strategy.POOL: f"\\set start random(1, {pool or 1})\n" + _sql("take_units", names | {"start": ":start"}),
        Strategy.APPROXIMATE: f"SELECT taken FROM coupons_couponcounter WHERE coupon_id = {names['coupon']};\n",
    }[strategy]
    after = _counted(names) if strategy == Strategy.APPROXIMATE else ""
    return f"BEGIN;\n{_sql('see_coupon', names)}{take}{_rows(names, many)}COMMIT;\n{after}"


def _sharded(names: dict[str, str]) -> str:
    """A shard that nobody is at, or else the nearest after a wait."""
    took = f"WITH took AS ({_sql('take_shard', names).rstrip()[:-1]}) SELECT count(*) AS got FROM took \\gset\n"
    return f"SAVEPOINT look;\n{took}\\set missed :got = 0\n\\if :missed\n{_sql('wait_for_shard', names)}\\endif\n"


def _counted(names: dict[str, str]) -> str:
    """What every so-many-th redemption adds to an approximate counter, after its commit."""
    add = f"UPDATE coupons_couponcounter SET taken = taken + {BEHIND} WHERE coupon_id = {names['coupon']};\n"
    return f"\\set turn random(1, {BEHIND})\n\\if :turn = 1\n{add}\\endif\n"


def _rows(names: dict[str, str], many: int) -> str:
    unsaid = {name: _times(many, "NULL") for name in ("untils", "redemptions", "amounts", "currencies")}
    of_all = {"cap": f"{MAXIMUM}", "at": "now()", "singles": _times(many, "false"), "units": _times(many, "0")}
    return _sql("write_redemptions", names | of_all | unsaid)


def _times(many: int, value: str) -> str:
    return f"ARRAY[{', '.join([value] * many)}]"


def _sql(name: str, words: dict[str, str]) -> str:
    """The product's statement as one line, without its comments."""
    lines = (db.load_sql(f"coupons/sql/{name}.sql") % words).splitlines()
    return " ".join(line.partition("--")[0].strip() for line in lines) + ";\n"
