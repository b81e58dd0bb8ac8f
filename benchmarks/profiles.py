"""Profile of one quote: cProfile over the platform's WSGI application, in this process."""

import cProfile
import io
import itertools
import pstats
from collections.abc import Mapping, Sequence
from pathlib import Path

from benchmarks import in_process, seed_data
from benchmarks.scenarios import Plan, measure_milliseconds, print_line

PATH = "/api/v1/checkout/quote/"
PARTS = {
    "candidates of codes and promotions, with three statements": [
        ("checkout/services/quotes.py", "_collect_candidates")
    ],
    "the pricing profile, with one statement": [("promotions/selectors/pricing_profiles.py", "get_pricing_profile")],
    "of these, in psycopg, four statements": [("psycopg/cursor.py", "execute")],
    "a connection from the pool, with a health check": [("psycopg_pool/pool.py", "getconn")],
    "throttling, two round trips to Redis": [
        ("core/throttle.py", "consume"),
        ("core/throttle.py", "count_guesses"),
    ],
    "validating the cart": [("rest_framework/serializers.py", "is_valid")],
    "authenticating the token": [("accounts/selectors/credentials.py", "get_token_caller")],
    "the engine": [("pricing/pricing.py", "price")],
    "serializing the quote": [("checkout/serialization.py", "serialize_quote")],
    "rendering the response": [("rest_framework/response.py", "rendered_content")],
}


def measure(plan: Plan) -> None:
    """Print the functions of a quote by their own time and their total time."""
    shoppers = seed_data.create_shoppers(plan.choose_size(1_000, 50))
    brand = seed_data.create_brand("profile")
    seed_data.create_promotions(brand, [seed_data.build_sku_offer(f"sku-{n}") for n in range(100)])
    seed_data.create_discount_codes(brand, 2)
    seed_data.vacuum()
    cart = seed_data.build_cart("profile", codes=["BENCH2"])
    tokens = itertools.cycle(line.split()[1] for line in shoppers.file.read_text().splitlines())

    def once() -> None:
        in_process.post(PATH, cart, next(tokens))

    print_line(
        f"One quote after another: {measure_milliseconds(once, seconds=plan.seconds):.2f} ms (without the profiler)."
    )
    count = plan.choose_size(500, 50)
    profiler = cProfile.Profile()
    profiler.enable()
    for _ in range(count):
        once()
    profiler.disable()
    stats = pstats.Stats(profiler, stream=(text := io.StringIO())).sort_stats("tottime")
    _print_parts(stats, count)
    stats.print_stats(15)
    print_line(text.getvalue().strip())


def _print_parts(stats: pstats.Stats, count: int) -> None:
    """Print the share of each part of a quote. The profiler slows Python code more than waiting."""
    seconds_by_function: dict[tuple[str, str], float] = {
        (Path(file).as_posix(), name): row[3]
        for (file, _, name), row in stats.stats.items()  # type: ignore[attr-defined]
    }

    def seconds_of(functions: Sequence[tuple[str, str]]) -> float:
        return sum(_seconds_of_function(seconds_by_function, *function) for function in functions)

    total = seconds_of([("benchmarks/in_process.py", "post")])
    print("\n| part | share | ms |\n|---|---|---|")
    for title, functions in PARTS.items():
        print(f"| {title} | {seconds_of(functions) / total:.0%} | {seconds_of(functions) / count * 1000:.2f} |")


def _seconds_of_function(seconds_by_function: Mapping[tuple[str, str], float], path: str, function: str) -> float:
    """Return the total time of a function. Raises RuntimeError if the quote did not call it, as after a renaming."""
    matches = [
        seconds for (file, name), seconds in seconds_by_function.items() if file.endswith(path) and name == function
    ]
    if not matches:
        raise RuntimeError(f"a quote does not call {function} of {path}")
    return sum(matches)
