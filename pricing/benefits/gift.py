"""`gift`: items added to the order; no discount on the cart."""

from __future__ import annotations

from pricing.benefits.base import BenefitContext, BenefitFunction, BenefitResult
from pricing.offer import EVERYTHING, GiftBenefit
from pricing.prices import Prices
from pricing.values import Gift


def gift(benefit: GiftBenefit, context: BenefitContext) -> BenefitFunction:
    """Return the gift, once. With a `select`, the cart must have a line that it matches."""
    applies = benefit.narrowing.select == EVERYTHING or bool(context.selected_lines(benefit.narrowing.select))
    item = Gift(context.ref, benefit.sku, benefit.quantity, context.to_minor_units(benefit.price))
    result = BenefitResult(gifts=(item,)) if applies else BenefitResult()

    def calculate(prices: Prices) -> BenefitResult:
        return result

    return calculate
