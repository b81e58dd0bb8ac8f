"""What a quote costs as a brand grows: more promotions, more codes, larger carts. All over HTTP, through everything."""

from collections.abc import Callable
from typing import Any

from benchmarks import seed_data
from benchmarks.environment import served
from benchmarks.load import wrk
from benchmarks.scenarios import Plan, interleaved, tell

FEW = "1 promotion"


def measure(plan: Plan) -> None:
    """Prints quotes a second by promotions, by codes and by lines."""
    shoppers = seed_data.shoppers(plan.size(5_000, 200))
    many, most = plan.size(10_000, 300), plan.size(1_000_000, 2_000)
    for slug, number in (("few", 1), ("some", 100), ("many", many)):
        seed_data.promotions(seed_data.brand(slug), [seed_data.percent_off_sku(f"sku-{n}") for n in range(number)])
    whole = [{"benefits": [{"kind": "percent", "value": "1", "on": "order"}]}]
    seed_data.promotions(seed_data.brand("ten"), whole * 10)
    seed_data.promotions(seed_data.brand("hundred"), whole * 100)
    coded = seed_data.brand("coded")
    promotion, *_ = seed_data.promotions(coded, whole, trigger="code")
    seed_data.single_use_codes(promotion, 1, 1_000)
    seed_data.discount_codes(coded, 10)
    seed_data.vacuum()
    with served("promoplatform.wsgi:application") as address:

        def quoted(body: dict[str, Any]) -> Callable[[], float]:
            file = seed_data.written(body)

            def run() -> float:
                seen = wrk(address, "quote", shoppers.file, file, seconds=plan.seconds)
                if seen.refused:
                    raise RuntimeError(f"{seen.refused} of {seen.answers} quotes were refused")
                return seen.rate

            return run

        _by_promotions(plan, quoted, many)
        _by_lines(plan, quoted)
        _by_codes(plan, quoted, "1,000")
        seed_data.single_use_codes(promotion, 1_001, most)
        seed_data.vacuum()
        _by_codes(plan, quoted, f"{most:,}")


Quoted = Callable[[dict[str, Any]], Callable[[], float]]


def _by_promotions(plan: Plan, quoted: Quoted, many: int) -> None:
    contenders = {
        FEW: quoted(seed_data.cart("few")),
        "100, each on its own SKU (5 could apply)": quoted(seed_data.cart("some")),
        f"{many:,}, each on its own SKU (5 could apply)": quoted(seed_data.cart("many")),
        "10 on the whole order (all apply)": quoted(seed_data.cart("ten")),
        "100 on the whole order (all apply)": quoted(seed_data.cart("hundred")),
    }
    tell("Quotes by live promotions", interleaved(plan, contenders), unit="a second", against=FEW)


def _by_lines(plan: Plan, quoted: Quoted) -> None:
    contenders = {
        "5 lines of 2 units": quoted(seed_data.cart("some", 5)),
        "50 lines of 12 units": quoted(seed_data.cart("some", 50, 12)),
        "500 lines of 12 units": quoted(seed_data.cart("some", 500, 12)),
    }
    rounds = interleaved(plan, contenders)
    tell("Quotes by lines, 100 live promotions", rounds, unit="a second", against="5 lines of 2 units")


def _by_codes(plan: Plan, quoted: Quoted, codes: str) -> None:
    contenders = {
        "no code": quoted(seed_data.cart("coded")),
        "a discount code": quoted(seed_data.cart("coded", codes=["BENCH1"])),
        "a single-use code": quoted(seed_data.cart("coded", codes=["BULK500"])),
    }
    tell(f"Quotes by what was typed, {codes} codes", interleaved(plan, contenders), unit="a second", against="no code")
