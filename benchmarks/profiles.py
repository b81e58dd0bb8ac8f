"""Where the time of one quote goes: cProfile over the platform's own WSGI function, in this process."""

import cProfile
import io
import itertools
import pstats
from collections.abc import Sequence
from pathlib import Path

from benchmarks import in_process, seed_data
from benchmarks.scenarios import Plan, milliseconds, say

PATH = "/api/v1/checkout/quote/"
PARTS = {
    "what the cart's codes and promotions offer, with its three statements": [
        ("checkout/services/quotes.py", "_collect_candidates")
    ],
    "the pricing profile, with its statement": [("promotions/selectors/pricing_profiles.py", "get_pricing_profile")],
    "of these, inside psycopg, waiting for four statements": [("psycopg/cursor.py", "execute")],
    "a connection from the pool, with its health check": [("psycopg_pool/pool.py", "getconn")],
    "the throttle: two round trips to Redis": [
        ("core/throttle.py", "hit"),
        ("core/throttle.py", "check"),
    ],
    "the cart's serializer": [("rest_framework/serializers.py", "is_valid")],
    "the token": [("accounts/selectors.py", "bearer")],
    "the engine": [("pricing/pricing.py", "price")],
    "the answer's values": [("checkout/serialization.py", "serialize_quote")],
    "the answer's bytes": [("rest_framework/response.py", "rendered_content")],
}


def measure(plan: Plan) -> None:
    """Prints the functions of a quote by the time within them and below them."""
    shoppers = seed_data.shoppers(plan.size(1_000, 50))
    owner = seed_data.brand("profile")
    seed_data.promotions(owner, [seed_data.percent_off_sku(f"sku-{n}") for n in range(100)])
    seed_data.discount_codes(owner, 2)
    seed_data.vacuum()
    cart = seed_data.cart("profile", codes=["BENCH2"])
    tokens = itertools.cycle(line.split()[1] for line in shoppers.file.read_text().splitlines())

    def once() -> None:
        in_process.post(PATH, cart, next(tokens))

    say(f"One quote, one after the other: {milliseconds(once, seconds=plan.seconds):.2f} ms (without the profiler).")
    number = plan.size(500, 50)
    profiler = cProfile.Profile()
    profiler.enable()
    for _ in range(number):
        once()
    profiler.disable()
    stats = pstats.Stats(profiler, stream=(text := io.StringIO())).sort_stats("tottime")
    _tell_parts(stats, number)
    stats.print_stats(15)
    say(text.getvalue().strip())


def _tell_parts(stats: pstats.Stats, number: int) -> None:
    """Each part's share of a quote, under the profiler, which slows Python code more than waiting."""
    taken: dict[tuple[str, str], float] = {
        (Path(file).as_posix(), name): row[3]
        for (file, _, name), row in stats.stats.items()  # type: ignore[attr-defined]
    }

    def of(places: Sequence[tuple[str, str]]) -> float:
        return sum(
            took for (file, name), took in taken.items() if any(file.endswith(a) and name == b for a, b in places)
        )

    whole = of([("benchmarks/in_process.py", "post")])
    print("\n| part | share | ms |\n|---|---|---|")
    for title, places in PARTS.items():
        print(f"| {title} | {of(places) / whole:.0%} | {of(places) / number * 1000:.2f} |")
