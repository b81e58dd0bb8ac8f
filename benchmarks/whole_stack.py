"""A redemption and a quote through the whole platform, compared with a plain WSGI function and the same statements.

Whole: Granian with 2 workers, the real settings, a bearer token of another shopper each time, throttling, and logging
to a file; once with a statement for each redemption, once batched. Plain: see ``benchmarks/baseline.py``. All servers
run all the time and are loaded in turns, by 64 connections.
"""

import json
from collections.abc import Callable
from typing import Any

from django.db import connection
from django.test.utils import CaptureQueriesContext

from benchmarks import in_process, seed_data
from benchmarks.environment import post, serve
from benchmarks.load import GENERATORS, wrk
from benchmarks.scenarios import Plan, measure_interleaved, print_line, print_result

NO_REPETITION = 10**12
CONNECTIONS = 64
BATCHED_THREADS = 16  # the number of threads limits the batch size
OWNER, QUOTE = "whole", "/api/v1/checkout/quote/"


def measure(plan: Plan) -> None:
    """Print accepted redemptions, rejected redemptions and quotes per second, whole and plain."""
    brand, shoppers = seed_data.create_brand(OWNER), seed_data.create_shoppers(plan.choose_size(5_000, 200))
    codes = seed_data.create_discount_codes(brand, plan.choose_size(2_000, 600))
    seed_data.create_promotions(brand, [seed_data.build_sku_offer(f"sku-{n}") for n in range(100)])
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO discounts_usage (code_id, customer_id, id, used_at)"
            " SELECT %s, c, gen_random_uuid(), now() FROM unnest(%s::bigint[]) c",
            [codes[0], list(shoppers.customers)],
        )
    seed_data.vacuum()
    body = seed_data.build_cart(OWNER, codes=[f"BENCH{len(codes)}"])
    statements = _statements(body, shoppers.token)
    print_line(f"A quote of this cart is {len(statements)} statements; a redemption is one.")
    with (
        serve("benchmarks.baseline:application", BENCH_STATEMENTS=json.dumps(statements)) as plain,
        serve("promoplatform.wsgi:application", BATCHING="false") as single,
        serve("promoplatform.wsgi:application", threads=BATCHED_THREADS) as batched,
    ):
        print_line(f"One quote: {post(f'{batched}{QUOTE}', json.dumps(body).encode(), shoppers.token)[:160]!r}…")
        redemptions, quotes = _Redemptions(shoppers, plan), _Quotes(shoppers, plan, body)
        servers = {"plain": plain, "whole, single": single, "whole, batched": batched}
        for title, call in (
            ("Accepted redemptions of a discount code", redemptions.accepted),
            ("Rejected redemptions (redeemed before)", redemptions.rejected),
        ):
            rounds = measure_interleaved(plan, {name: _bind(call, address) for name, address in servers.items()})
            print_result(title, rounds, unit="per second", against="plain")
        rounds = measure_interleaved(
            plan, {"plain": _bind(quotes.answered, plain), "whole": _bind(quotes.answered, batched)}
        )
        print_result("Quotes: 5 lines, 100 active promotions, one code", rounds, unit="per second", against="plain")


def _bind(call: Callable[[str], float], address: str) -> Callable[[], float]:
    return lambda: call(address)


class _Redemptions:
    """Redemptions of codes; no code is redeemed twice by a shopper unless it should be rejected."""

    def __init__(self, shoppers: seed_data.Shoppers, plan: Plan) -> None:
        self.shoppers, self.plan = shoppers, plan
        self.number = self.next = len(shoppers.customers)  # all shoppers have redeemed the first code

    def accepted(self, address: str) -> float:
        result = wrk(
            address,
            "uses",
            self.shoppers.file,
            self.next,
            NO_REPETITION,
            seconds=self.plan.seconds,
            connections=CONNECTIONS,
        )
        self.next += GENERATORS * result.answers + 1_000  # one generator may have sent nearly all
        if result.rejected:
            raise RuntimeError(f"{result.rejected} of {result.answers} redemptions were rejected")
        return result.rate

    def rejected(self, address: str) -> float:
        result = wrk(
            address, "uses", self.shoppers.file, 0, self.number, seconds=self.plan.seconds, connections=CONNECTIONS
        )
        if result.rejected < result.answers:
            raise RuntimeError(
                f"{result.answers - result.rejected} of {result.answers} redemptions were accepted again"
            )
        return result.rate


class _Quotes:
    def __init__(self, shoppers: seed_data.Shoppers, plan: Plan, body: dict[str, Any]) -> None:
        self.shoppers, self.plan, self.file = shoppers, plan, seed_data.write_body(body)

    def answered(self, address: str) -> float:
        result = wrk(address, "quote", self.shoppers.file, self.file, seconds=self.plan.seconds)
        if result.rejected:
            raise RuntimeError(f"{result.rejected} of {result.answers} quotes were rejected")
        return result.rate


def _statements(body: dict[str, Any], token: str) -> list[str]:
    """Return the statements of this quote, as the database receives them."""
    in_process.post(QUOTE, body, token)
    with CaptureQueriesContext(connection) as captured:
        in_process.post(QUOTE, body, token)
    return [query["sql"] for query in captured.captured_queries]
