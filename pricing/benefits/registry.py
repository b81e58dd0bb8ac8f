"""Registry of benefits: conversion of a benefit to a function, limited by its `max_discount`."""

from __future__ import annotations

from dataclasses import replace
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


def compile_benefit(benefit: Benefit, context: BenefitContext) -> BenefitFunction:
    """Convert a benefit to a function of the running prices.

    Raises CurrencyMismatch for an amount that has no value in the currency of the cart.
    """
    context = replace(context, currency=context.currency.for_part(benefit.narrowing.currency))
    calculate: BenefitFunction = BUILDERS[benefit.kind](benefit, context)
    if benefit.narrowing.max_discount is None:
        return calculate
    maximum, remainder = context.to_minor_units(benefit.narrowing.max_discount), context.profile.remainder

    def capped(prices: Prices) -> BenefitResult:
        return calculate(prices).capped(maximum, remainder)

    return capped
