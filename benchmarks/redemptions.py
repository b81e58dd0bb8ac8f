"""Redemptions made and confirmed, and what a hot promotion's budget costs: one counter row, or 16 that share it.

Over HTTP, where Python's time hides the lock, and as the statements alone, where it shows.
"""

import uuid
from collections.abc import Callable
from functools import partial

from django.db import connection
from django.db.models import QuerySet

from benchmarks import seed_data
from benchmarks.environment import served
from benchmarks.load import pgbench, wrk
from benchmarks.scenarios import Plan, interleaved, tell
from core import db
from promotions.limit_rules import split_cap
from promotions.models import PromotionCounter

BUDGET = 10**13
FREE = "no limit"
ROW = "INSERT INTO bench_taking VALUES (:home, 100, now());\n"


def measure(plan: Plan) -> None:
    """Prints redemptions a second, each a request that reserves and one that confirms."""
    shoppers = seed_data.shoppers(plan.size(5_000, 200))
    offer = [seed_data.percent_off_sku("sku-0")]
    seed_data.promotions(seed_data.brand("free"), offer)
    shared, *_ = seed_data.promotions(seed_data.brand("sharded"), offer, budget=BUDGET)
    single, *_ = seed_data.promotions(seed_data.brand("single"), offer, budget=BUDGET)
    PromotionCounter.objects.create(promotion=single, kind="budget", cap=BUDGET)  # where rows are, none are divided
    seed_data.vacuum()
    run = 0
    with served("promoplatform.wsgi:application") as address:

        def redeemed(slug: str) -> Callable[[], float]:
            file = seed_data.written(seed_data.cart(slug, order="%ORDER%"))

            def once() -> float:
                nonlocal run
                run += 1
                seen = wrk(address, "redeem", shoppers.file, file, f"{slug}{run}", seconds=plan.seconds)
                if seen.refused or not seen.extra:
                    raise RuntimeError(f"{seen.refused} of {seen.answers} refused, {seen.extra} confirmed")
                return seen.extra * seen.rate / seen.answers

            return once

        contenders = {
            FREE: redeemed("free"),
            "a budget over 16 rows": redeemed("sharded"),
            "a budget in one row": redeemed("single"),
        }
        rounds = interleaved(plan, contenders)
    tell("Redemptions of one hot promotion, made and confirmed", rounds, unit="a second", against=FREE)
    _statements(plan, PromotionCounter.objects.filter(promotion=shared, kind="budget"), single.pk)


def _statements(plan: Plan, shards: QuerySet[PromotionCounter], single: uuid.UUID) -> None:
    """A take and a row that says so, in one transaction, by pgbench."""
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE bench_taking (home int NOT NULL, amount bigint NOT NULL, at timestamptz NOT NULL)")
    if shards.count() != len(split_cap(BUDGET)):
        raise RuntimeError("the budget was not divided")
    promotion = shards.values_list("promotion_id", flat=True)[0]
    limit = "the limit: the row alone"
    contenders = {
        limit: _script(""),
        "16 rows (take_counter.sql)": _script("SAVEPOINT look;\n" + _take("promotions/sql/take_limit.sql", promotion)),
        "one row (wait_for_counter.sql)": _script(_take("promotions/sql/take_limit_blocking.sql", single)),
    }
    rounds = {name: partial(pgbench, script, seconds=plan.seconds) for name, script in contenders.items()}
    tell("Takings of one budget, 8 connections", interleaved(plan, rounds), unit="a second", against=limit)


def _script(take: str) -> str:
    return f"\\set home random(0, 15)\nBEGIN;\n{take}{ROW}COMMIT;\n"


def _take(path: str, promotion: object) -> str:
    words = {"promotion": f"'{promotion}'::uuid", "kind": "'budget'", "slot": "''", "amount": "100", "home": ":home"}
    return db.load_sql(path) % words + ";\n"
