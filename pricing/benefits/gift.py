"""`gift`: items added to the order; no discount on the cart."""

from __future__ import annotations

from pricing.benefits.base import BenefitContext, BenefitFunction, BenefitResult
from pricing.condition_values import EVERYTHING
from pricing.offer import GiftBenefit
from pricing.prices import Prices
from pricing.values import Gift


def gift(benefit: GiftBenefit, context: BenefitContext) -> BenefitFunction:
    """Return the gift, once or for each unit. With a `select`, the cart must have a line that it matches."""
    narrowing = benefit.narrowing
    lines = context.selected_lines(narrowing.select)
    times = 1 if narrowing.select == EVERYTHING or lines else 0
    if narrowing.per == "unit":
        limits = [limit for limit in (narrowing.max_units, context.max_applications) if limit is not None]
        times = min([sum(context.lines[line].quantity for line in lines), *limits])
    item = Gift(context.ref, benefit.sku, benefit.quantity * times, context.to_minor_units(benefit.price))
    result = BenefitResult(gifts=(item,)) if times else BenefitResult()

    def calculate(prices: Prices) -> BenefitResult:
        return result

    return calculate
