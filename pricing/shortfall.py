"""What a benefit that gave nothing was waiting for: more units for a bundle, a group or a purchase, or a first tier."""

from __future__ import annotations

from pricing.candidates import Reason
from pricing.conditions import ConditionContext
from pricing.offer import Benefit, BuyGet, Groups, Offer, Select, SetPrice, Tiers
from pricing.rounding import to_minor
from pricing.selection import selected


def shortfall(offer: Offer, scene: ConditionContext) -> Reason | None:
    """Why the offer gave nothing, when more in the cart would help; None when nothing there qualifies at all."""
    for benefit in offer.benefits:
        reason = short(benefit, scene)
        if reason is not None:
            return reason
    return None


def short(benefit: Benefit, scene: ConditionContext) -> Reason | None:
    """The shortfall of one benefit."""
    if isinstance(benefit, Tiers):
        return below_first_tier(benefit, scene)
    if isinstance(benefit, BuyGet):
        return short_of_purchase(benefit, scene)
    if isinstance(benefit, Groups):
        return units_missing(units(benefit.narrow.select, scene), benefit.size)
    if isinstance(benefit, SetPrice) and benefit.bundle_size is not None:
        return units_missing(units(benefit.narrow.select, scene), benefit.bundle_size)
    return None


def units(select: Select, scene: ConditionContext) -> int:
    """How many discountable units a select takes."""
    lines = selected(select, scene.lines, scene.brand, scene.cart.exponent)
    return sum(scene.lines[line].quantity for line in lines if scene.lines[line].discountable)


def units_missing(have: int, needed: int) -> Reason | None:
    """Some are there, but not enough."""
    if not 0 < have < needed:
        return None
    missing = needed - have
    return Reason("minimum_not_met", f"{missing} more are needed.", {"missing_quantity": missing})


def short_of_purchase(benefit: BuyGet, scene: ConditionContext) -> Reason | None:
    """Not enough is bought, or nothing is left over to be given."""
    among = set(selected(benefit.narrow.select, scene.lines, scene.brand, scene.cart.exponent))
    buying = selected(benefit.buy.select, scene.lines, scene.brand, scene.cart.exponent)
    bought = scene.units([line for line in buying if line in among])
    return units_missing(bought, max(benefit.buy.quantity, bought + 1))


def below_first_tier(benefit: Tiers, scene: ConditionContext) -> Reason | None:
    """The first tier is not reached."""
    lines = selected(benefit.narrow.select, scene.lines, scene.brand, scene.cart.exponent)
    open_ = [scene.lines[line] for line in lines if scene.lines[line].discountable]
    start = benefit.tiers[0].start
    if not open_:
        return None
    if isinstance(start, int):
        return units_missing(sum(line.quantity for line in open_), start)
    values = [line.quantity * line.unit_price for line in open_]
    have = max(values) if benefit.basis == "line_amount" else sum(values)
    missing = to_minor(start, scene.cart.exponent) - have
    if missing <= 0:
        return None
    text = scene.money(missing)
    return Reason("minimum_not_met", f"{text} {scene.cart.currency} are missing.", {"missing": text})
