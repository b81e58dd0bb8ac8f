"""Orders that are reserved and confirmed, and the cost of the limits of a popular promotion: none, one, or all of them.

Measured over HTTP, where Python's time hides the lock, and as the statements alone, where it shows.
"""

from collections.abc import Callable
from functools import partial

from django.db import connection
from django.db.models import QuerySet

from benchmarks import seed_data
from benchmarks.environment import serve
from benchmarks.load import pgbench, wrk
from benchmarks.scenarios import Plan, measure_interleaved, print_result
from core import db
from redemptions.limits.models import Limit
from redemptions.limits.rules import split_cap

BUDGET = 10**13
BASELINE = "no limit"
INSERT = "INSERT INTO bench_order VALUES (:home, 100, now());\n"


def measure(plan: Plan) -> None:
    """Print redemptions per second; each is a request that reserves and one that confirms."""
    shoppers = seed_data.create_shoppers(plan.choose_size(5_000, 200))
    offer = [seed_data.build_sku_offer("sku-0")]
    seed_data.create_promotions(seed_data.create_brand("free"), offer)
    shared, *_ = seed_data.create_promotions(seed_data.create_brand("sharded"), offer, budget=BUDGET)
    all_limits = dict.fromkeys(("limit_total", "limit_per_day", "limit_per_week", "limit_per_month"), 2_000_000_000)
    seed_data.create_promotions(
        seed_data.create_brand("all"), offer, budget=BUDGET, limit_per_user=2_000_000_000, **all_limits
    )
    seed_data.vacuum()
    run = 0
    with serve("promoplatform.wsgi:application") as address:

        def redeemed(slug: str) -> Callable[[], float]:
            file = seed_data.write_body(seed_data.build_cart(slug, order="%ORDER%"))

            def once() -> float:
                nonlocal run
                run += 1
                result = wrk(address, "redeem", shoppers.file, file, f"{slug}{run}", seconds=plan.seconds)
                if result.rejected or not result.extra:
                    raise RuntimeError(f"{result.rejected} of {result.answers} rejected, {result.extra} confirmed")
                return result.extra * result.rate / result.answers

            return once

        contenders = {
            BASELINE: redeemed("free"),
            "a budget over 16 rows": redeemed("sharded"),
            "all six limits": redeemed("all"),
        }
        rounds = measure_interleaved(plan, contenders)
    print_result("Redemptions of one promotion, reserved and confirmed", rounds, unit="per second", against=BASELINE)
    _measure_statements(plan, Limit.objects.filter(owner=shared.pk, scope="budget:EUR"))


def _measure_statements(plan: Plan, shards: QuerySet[Limit]) -> None:
    """Measure taking from the budget and inserting a row, in one transaction, by pgbench."""
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE bench_order (home int NOT NULL, amount bigint NOT NULL, at timestamptz NOT NULL)")
    if shards.count() != len(split_cap(BUDGET)):
        raise RuntimeError("the budget was not sharded")
    owner = shards.values_list("owner", flat=True)[0]
    limit = "the limit: the row alone"
    contenders = {
        limit: _script(""),
        "16 rows": _script("SAVEPOINT attempt;\n" + _take_sql(owner, ":home") + "RELEASE attempt;\n"),
        "one row": _script("SAVEPOINT attempt;\n" + _take_sql(owner, "0") + "RELEASE attempt;\n"),
    }
    rounds = {name: partial(pgbench, script, seconds=plan.seconds) for name, script in contenders.items()}
    print_result(
        "Taking from one budget, 8 connections", measure_interleaved(plan, rounds), unit="per second", against=limit
    )


def _script(take: str) -> str:
    return f"\\set home random(0, 15)\nBEGIN;\n{take}{INSERT}COMMIT;\n"


def _take_sql(owner: object, shard: str) -> str:
    parameters = {
        "owners": f"ARRAY['{owner}']",
        "scopes": "ARRAY['budget:EUR']",
        "slots": "ARRAY['']",
        "shards": f"ARRAY[{shard}]",
        "amounts": "ARRAY[100]",
        "caps": f"ARRAY[{BUDGET}]",
    }
    return db.load_sql("redemptions/limits/sql/take_limits.sql") % parameters + ";\n"
