"""From a benefit to a function that gives it, capped by its own `max_discount`."""

from __future__ import annotations

from typing import Any

from promotions.engine.benefits.buy_get import buy_get
from promotions.engine.benefits.family import BenefitContext, BenefitFunction, BenefitResult
from promotions.engine.benefits.gift import gift
from promotions.engine.benefits.groups import groups
from promotions.engine.benefits.simple import amount, percent, set_price
from promotions.engine.benefits.steps import tiers, unit_ladder
from promotions.engine.offer import Benefit
from promotions.engine.prices import Prices

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
