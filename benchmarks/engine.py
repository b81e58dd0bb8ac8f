"""The pricing engine alone: one process, one thread, no database."""

from datetime import UTC, datetime
from functools import partial
from typing import Any

from benchmarks.scenarios import Plan, measure_interleaved, measure_milliseconds, print_result
from pricing import Cart, EligibleOffer, Line, Profile, ShopperFacts, parse_offer, price

AT = datetime(2027, 3, 17, 15, 30, tzinfo=UTC)
SMALL = "5 lines, 1 offer"
SKU = {"kind": "percent", "value": "10", "on": "line"}
ORDER = {"kind": "percent", "value": "1", "on": "order"}
THIRD_FREE = {
    "kind": "groups", "size": 3, "fill": "cheapest",
    "then": {"pick": "cheapest", "nth": 1, "scope": "within_group", "percent": "100"},
}  # fmt: skip


def measure(plan: Plan) -> None:
    """Print carts per second, from small carts to the largest supported one."""
    small, large = _cart(5, 2), _cart(500, 12)
    sku_benefits = [SKU | {"select": {"skus": [f"sku-{n}"]}} for n in range(5)]
    cases = {
        SMALL: (small, _offers(sku_benefits[:1])),
        "5 lines, 5 offers on one line each": (small, _offers(sku_benefits)),
        "5 lines, 10 offers on the order": (small, _offers([ORDER] * 10)),
        "5 lines, 100 offers on the order": (small, _offers([ORDER] * 100)),
        "5 lines, best of 10 that do not combine": (small, _offers([ORDER] * 10, combinable=False)),
        "500 lines of 12, 1 offer on the order": (large, _offers([ORDER])),
        "500 lines of 12, every third unit free": (large, _offers([THIRD_FREE])),
    }

    def carts_a_second(cart: Cart, offers: list[EligibleOffer]) -> float:
        def once() -> object:
            return price(cart, offers, ShopperFacts(), Profile(), AT)

        return 1000 / measure_milliseconds(once, seconds=plan.seconds / 5)

    rounds = measure_interleaved(plan, {name: partial(carts_a_second, *case) for name, case in cases.items()})
    print_result("The engine alone", rounds, unit="carts per second", against=SMALL)


def _cart(lines: int, quantity: int) -> Cart:
    return Cart("EUR", 2, tuple(Line(f"l{n}", f"sku-{n}", quantity, 1_000 + n % 90 * 100 + 99) for n in range(lines)))


def _offers(benefits: list[dict[str, Any]], **more: Any) -> list[EligibleOffer]:
    return [
        EligibleOffer(
            ref=f"o{n}",
            kind="promotion",
            title=f"Offer {n}",
            offer=parse_offer({"benefits": [benefit]} | more),
            order=n,
        )
        for n, benefit in enumerate(benefits)
    ]
