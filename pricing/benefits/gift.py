"""`gift`: something that is put into the bag; it takes nothing off what is already there."""

from __future__ import annotations

from pricing.benefits.base import BenefitContext, BenefitFunction, BenefitResult
from pricing.offer import EVERYTHING, GiftOf
from pricing.prices import Prices
from pricing.values import Gift


def gift(benefit: GiftOf, ground: BenefitContext) -> BenefitFunction:
    """The gift, once; with a `select`, only when the cart has a line that it takes."""
    wanted = benefit.narrow.select == EVERYTHING or bool(ground.all_lines(benefit.narrow.select))
    given = Gift(ground.ref, benefit.sku, benefit.quantity, ground.minor(benefit.price))
    gain = BenefitResult(gifts=(given,)) if wanted else BenefitResult()

    def give(prices: Prices) -> BenefitResult:
        return gain

    return give
