"""Where the time of one quote goes: cProfile over the platform's own WSGI function, in this process."""

import cProfile
import io
import itertools
import logging
import pstats

from benchmarks import data, inside
from benchmarks.plan import Plan, milliseconds, say

PATH = "/api/v1/checkout/quote/"


def measure(plan: Plan) -> None:
    """Prints the functions of a quote by the time within them and below them."""
    shoppers = data.shoppers(plan.size(1_000, 50))
    owner = data.brand("profile")
    data.promotions(owner, [data.percent_off_sku(f"sku-{n}") for n in range(100)])
    data.discount_codes(owner, 2)
    data.vacuum()
    logging.disable(logging.INFO)
    cart = data.cart("profile", codes=["BENCH2"])
    tokens = itertools.cycle(line.split()[1] for line in shoppers.file.read_text().splitlines())

    def once() -> None:
        inside.post(PATH, cart, next(tokens))

    say(f"One quote, one after the other: {milliseconds(once, seconds=plan.seconds):.2f} ms (without the profiler).")
    number = plan.size(500, 50)
    profiler = cProfile.Profile()
    profiler.enable()
    for _ in range(number):
        once()
    profiler.disable()
    for order, rows in (("cumulative", 90), ("tottime", 25)):
        text = io.StringIO()
        pstats.Stats(profiler, stream=text).sort_stats(order).print_stats(rows)
        say(f"By {order}, {number} quotes:\n{text.getvalue()}")
    logging.disable(logging.NOTSET)
