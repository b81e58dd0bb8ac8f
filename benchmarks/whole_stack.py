"""A use and a quote through the whole platform, against a bare WSGI function with the same statements.

Whole: granian with 2 workers, the real settings, a bearer token of another shopper each time, the throttle, logging to
a file; once with a statement for each use, once with those that wait in one. Bare: see ``benchmarks/baseline.py``. All
servers are up all the time and are loaded in turn, by 64 connections.
"""

import json
from collections.abc import Callable
from typing import Any

from django.db import connection
from django.test.utils import CaptureQueriesContext

from benchmarks import in_process, seed_data
from benchmarks.environment import post, served
from benchmarks.load import GENERATORS, wrk
from benchmarks.scenarios import Plan, interleaved, say, tell

ENDLESS = 10**12
CONNECTIONS = 64
BATCHED_THREADS = 16  # a batch is no larger than there are threads to wait for it
OWNER, QUOTE = "whole", "/api/v1/checkout/quote/"


def measure(plan: Plan) -> None:
    """Prints accepted uses, refused uses and quotes a second, whole and bare."""
    owner, shoppers = seed_data.brand(OWNER), seed_data.shoppers(plan.size(5_000, 200))
    codes = seed_data.discount_codes(owner, plan.size(2_000, 300))
    seed_data.promotions(owner, [seed_data.percent_off_sku(f"sku-{n}") for n in range(100)])
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO discounts_usage (code_id, customer_id, id, used_at)"
            " SELECT %s, c, gen_random_uuid(), now() FROM unnest(%s::bigint[]) c",
            [codes[0], list(shoppers.customers)],
        )
    seed_data.vacuum()
    body = seed_data.cart(OWNER, codes=[f"BENCH{len(codes)}"])
    statements = _statements(body, shoppers.token)
    say(f"A quote of this cart is {len(statements)} statements; a use is one.")
    with (
        served("benchmarks.baseline:application", BENCH_STATEMENTS=json.dumps(statements)) as bare,
        served("promoplatform.wsgi:application", BATCHING="false") as alone,
        served("promoplatform.wsgi:application", threads=BATCHED_THREADS) as batched,
    ):
        say(f"One quote: {post(f'{batched}{QUOTE}', json.dumps(body).encode(), shoppers.token)[:160]!r}…")
        uses, quotes = _Uses(shoppers, plan), _Quotes(shoppers, plan, body)
        servers = {"bare": bare, "whole, a statement for each": alone, "whole, in batches": batched}
        for title, call in (
            ("Accepted uses of a discount code", uses.accepted),
            ("Refused uses (used before)", uses.refused),
        ):
            rounds = interleaved(plan, {name: _bind(call, address) for name, address in servers.items()})
            tell(title, rounds, unit="a second", against="bare")
        rounds = interleaved(plan, {"bare": _bind(quotes.answered, bare), "whole": _bind(quotes.answered, batched)})
        tell("Quotes: 5 lines, 100 live promotions, one code", rounds, unit="a second", against="bare")


def _bind(call: Callable[[str], float], address: str) -> Callable[[], float]:
    return lambda: call(address)


class _Uses:
    """Uses of codes, of which none is asked for twice unless it shall be refused."""

    def __init__(self, shoppers: seed_data.Shoppers, plan: Plan) -> None:
        self.shoppers, self.plan = shoppers, plan
        self.number = self.next = len(shoppers.customers)  # the first code was used by everybody

    def accepted(self, address: str) -> float:
        seen = wrk(
            address, "uses", self.shoppers.file, self.next, ENDLESS, seconds=self.plan.seconds, connections=CONNECTIONS
        )
        self.next += GENERATORS * seen.answers + 1_000  # one generator may have sent nearly all
        if seen.refused:
            raise RuntimeError(f"{seen.refused} of {seen.answers} uses were refused")
        return seen.rate

    def refused(self, address: str) -> float:
        seen = wrk(
            address, "uses", self.shoppers.file, 0, self.number, seconds=self.plan.seconds, connections=CONNECTIONS
        )
        if seen.refused < seen.answers:
            raise RuntimeError(f"{seen.answers - seen.refused} of {seen.answers} uses were accepted again")
        return seen.rate


class _Quotes:
    def __init__(self, shoppers: seed_data.Shoppers, plan: Plan, body: dict[str, Any]) -> None:
        self.shoppers, self.plan, self.file = shoppers, plan, seed_data.written(body)

    def answered(self, address: str) -> float:
        seen = wrk(address, "quote", self.shoppers.file, self.file, seconds=self.plan.seconds)
        if seen.refused:
            raise RuntimeError(f"{seen.refused} of {seen.answers} quotes were refused")
        return seen.rate


def _statements(body: dict[str, Any], token: str) -> list[str]:
    """The statements of this quote, as the database sees them."""
    in_process.post(QUOTE, body, token)
    with CaptureQueriesContext(connection) as captured:
        in_process.post(QUOTE, body, token)
    return [query["sql"] for query in captured.captured_queries]
