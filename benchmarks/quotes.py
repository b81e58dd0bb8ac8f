"""Cost of a quote as a brand grows: more promotions, more codes, larger carts. All over HTTP, through all layers."""

from collections.abc import Callable
from typing import Any

from benchmarks import seed_data
from benchmarks.environment import serve
from benchmarks.load import wrk
from benchmarks.scenarios import Plan, measure_interleaved, print_result

BASELINE = "1 promotion"


def measure(plan: Plan) -> None:
    """Print quotes per second by promotions, by codes and by lines."""
    shoppers = seed_data.create_shoppers(plan.choose_size(5_000, 200))
    medium, large = plan.choose_size(10_000, 300), plan.choose_size(1_000_000, 2_000)
    for slug, number in (("few", 1), ("some", 100), ("many", medium)):
        seed_data.create_promotions(
            seed_data.create_brand(slug), [seed_data.build_sku_offer(f"sku-{n}") for n in range(number)]
        )
    order_offers = [{"benefits": [{"kind": "percent", "value": "1", "on": "order"}]}]
    seed_data.create_promotions(seed_data.create_brand("ten"), order_offers * 10)
    seed_data.create_promotions(seed_data.create_brand("hundred"), order_offers * 100)
    coded = seed_data.create_brand("coded")
    promotion, *_ = seed_data.create_promotions(coded, order_offers, trigger="code")
    seed_data.create_single_use_codes(promotion, 1, 1_000)
    seed_data.create_discount_codes(coded, 10)
    seed_data.vacuum()
    with serve("promoplatform.wsgi:application") as address:

        def build_runner(body: dict[str, Any]) -> Callable[[], float]:
            file = seed_data.write_body(body)

            def run() -> float:
                result = wrk(address, "quote", shoppers.file, file, seconds=plan.seconds)
                if result.rejected:
                    raise RuntimeError(f"{result.rejected} of {result.answers} quotes were rejected")
                return result.rate

            return run

        _by_promotions(plan, build_runner, medium)
        _by_lines(plan, build_runner)
        _by_codes(plan, build_runner, "1,000")
        seed_data.create_single_use_codes(promotion, 1_001, large)
        seed_data.vacuum()
        _by_codes(plan, build_runner, f"{large:,}")


RunnerBuilder = Callable[[dict[str, Any]], Callable[[], float]]


def _by_promotions(plan: Plan, build_runner: RunnerBuilder, count: int) -> None:
    contenders = {
        BASELINE: build_runner(seed_data.build_cart("few")),
        "100, each on its own SKU (5 could apply)": build_runner(seed_data.build_cart("some")),
        f"{count:,}, each on its own SKU (5 could apply)": build_runner(seed_data.build_cart("many")),
        "10 on the whole order (all apply)": build_runner(seed_data.build_cart("ten")),
        "100 on the whole order (all apply)": build_runner(seed_data.build_cart("hundred")),
    }
    print_result(
        "Quotes by active promotions", measure_interleaved(plan, contenders), unit="per second", against=BASELINE
    )


def _by_lines(plan: Plan, build_runner: RunnerBuilder) -> None:
    contenders = {
        "5 lines of 2 units": build_runner(seed_data.build_cart("some", 5)),
        "50 lines of 12 units": build_runner(seed_data.build_cart("some", 50, 12)),
        "500 lines of 12 units": build_runner(seed_data.build_cart("some", 500, 12)),
    }
    rounds = measure_interleaved(plan, contenders)
    print_result("Quotes by lines, 100 active promotions", rounds, unit="per second", against="5 lines of 2 units")


def _by_codes(plan: Plan, build_runner: RunnerBuilder, codes: str) -> None:
    contenders = {
        "no code": build_runner(seed_data.build_cart("coded")),
        "a discount code": build_runner(seed_data.build_cart("coded", codes=["BENCH1"])),
        "a single-use code": build_runner(seed_data.build_cart("coded", codes=["BULK500"])),
    }
    print_result(
        f"Quotes by entered code, {codes} codes",
        measure_interleaved(plan, contenders),
        unit="per second",
        against="no code",
    )
