"""Shortfall of a benefit that gave no discount: units missing for a bundle, group, purchase or first tier."""

from __future__ import annotations

from dataclasses import replace

from core.messages import message as _
from pricing.candidates import Reason
from pricing.condition_contexts import ConditionContext
from pricing.condition_values import Select
from pricing.offer import Benefit, BuyGet, Groups, Offer, SetPrice, Tiers
from pricing.selection import select_lines


def find_shortfall(offer: Offer, context: ConditionContext) -> Reason | None:
    """Return why the offer gave no discount, if a larger cart would help; None if no line qualifies."""
    for benefit in offer.benefits:
        reason = benefit_shortfall(benefit, context)
        if reason is not None:
            return reason
    return None


def benefit_shortfall(benefit: Benefit, context: ConditionContext) -> Reason | None:
    """Return the shortfall of one benefit."""
    context = replace(context, currency=context.currency.for_part(benefit.narrowing.currency))
    if isinstance(benefit, Tiers):
        return tier_shortfall(benefit, context)
    if isinstance(benefit, BuyGet):
        return purchase_shortfall(benefit, context)
    if isinstance(benefit, Groups):
        return missing_units(count_units(benefit.narrowing.select, context), benefit.size)
    if isinstance(benefit, SetPrice) and benefit.bundle_size is not None:
        return missing_units(count_units(benefit.narrowing.select, context), benefit.bundle_size)
    return None


def count_units(select: Select, context: ConditionContext) -> int:
    """Return the number of discountable units that `select` matches."""
    lines = select_lines(select, context.lines, context.brand, context.currency)
    return sum(context.lines[line].quantity for line in lines if context.lines[line].discountable)


def missing_units(actual: int, required: int) -> Reason | None:
    """Return the shortfall if there are some units, but not enough."""
    if not 0 < actual < required:
        return None
    missing = required - actual
    return Reason("minimum_not_met", _("Add %(count)s more.", count=missing), {"missing_quantity": missing})


def purchase_shortfall(benefit: BuyGet, context: ConditionContext) -> Reason | None:
    """Return the shortfall if too few units are bought, or if none is left to be discounted."""
    eligible = set(select_lines(benefit.narrowing.select, context.lines, context.brand, context.currency))
    buying = select_lines(benefit.buy.select, context.lines, context.brand, context.currency)
    bought = context.count_units([line for line in buying if line in eligible])
    return missing_units(bought, max(benefit.buy.quantity, bought + 1))


def tier_shortfall(benefit: Tiers, context: ConditionContext) -> Reason | None:
    """Return the shortfall if the cart does not reach the first tier."""
    lines = select_lines(benefit.narrowing.select, context.lines, context.brand, context.currency)
    discountable = [context.lines[line] for line in lines if context.lines[line].discountable]
    start = benefit.tiers[0].start
    if not discountable:
        return None
    if isinstance(start, int):
        return missing_units(sum(line.quantity for line in discountable), start)
    values = [line.quantity * line.unit_price for line in discountable]
    actual = max(values) if benefit.basis == "line_amount" else sum(values)
    missing = context.currency.to_minor(start) - actual
    if missing <= 0:
        return None
    text = context.format_amount(missing)
    return Reason(
        "minimum_not_met",
        _("Spend %(amount)s %(currency)s more.", amount=text, currency=context.cart.currency),
        {"missing": text},
    )
