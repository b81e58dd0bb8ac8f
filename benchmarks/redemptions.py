"""Redemptions made and confirmed, and what a hot promotion's budget costs: one counter row, or 16 that share it."""

from collections.abc import Callable

from benchmarks import data
from benchmarks.load import wrk
from benchmarks.plan import Plan, interleaved, tell
from benchmarks.stand import served
from promotions.models import PromotionCounter

BUDGET = 10**13
FREE = "no limit"


def measure(plan: Plan) -> None:
    """Prints redemptions a second, each a request that reserves and one that confirms."""
    shoppers = data.shoppers(plan.size(5_000, 200))
    offer = [data.percent_off_sku("sku-0")]
    data.promotions(data.brand("free"), offer)
    data.promotions(data.brand("sharded"), offer, budget=BUDGET)
    single, *_ = data.promotions(data.brand("single"), offer, budget=BUDGET)
    PromotionCounter.objects.create(promotion=single, kind="budget", cap=BUDGET)  # where rows are, none are divided
    data.vacuum()
    run = 0
    with served("promoplatform.wsgi:application") as address:

        def redeemed(slug: str) -> Callable[[], float]:
            file = data.written(data.cart(slug, order="%ORDER%"))

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
