"""From a benefit to a function that gives it, capped by its own `max_discount`."""

from __future__ import annotations

from typing import Any

from pricing.benefits.base import BenefitContext, BenefitFunction, BenefitResult
from pricing.benefits.buy_get import buy_get
from pricing.benefits.gift import gift
from pricing.benefits.groups import groups
from pricing.benefits.simple import amount, percent, set_price
from pricing.benefits.tiers import tiers, unit_ladder
from pricing.offer import Benefit
from pricing.prices import Prices

BUILDERS: dict[str, Any] = {
    "percent": percent,
    "amount": amount,
    "set_price": set_price,
    "buy_get": buy_get,
    "groups": groups,
    "tiers": tiers,
    "unit_ladder": unit_ladder,
    "gift": gift,
}


def compile_benefit(benefit: Benefit, ground: BenefitContext) -> BenefitFunction:
    """Works out all that does not depend on running prices. Raises DoesNotFit for an amount that the cart's
    currency cannot express."""
    give: BenefitFunction = BUILDERS[benefit.kind](benefit, ground)
    if benefit.narrow.max_discount is None:
        return give
    most, remainder = ground.minor(benefit.narrow.max_discount), ground.profile.remainder

    def capped(prices: Prices) -> BenefitResult:
        return give(prices).capped(most, remainder)

    return capped
