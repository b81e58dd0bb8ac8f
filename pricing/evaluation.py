"""Evaluation of offers that may be combined: lane by lane, and within a lane by priority and age."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from core.messages import message as _
from pricing.benefits import BenefitResult
from pricing.candidates import BUDGET_EXHAUSTED, PreparedOffer, Reason
from pricing.prices import Prices
from pricing.values import Checked, Gift, Line

NO_ELIGIBLE_LINES = Reason("no_eligible_lines", _("No items in the cart qualify for this offer."))


@dataclass(slots=True)
class AppliedDiscount:
    """Discount of one offer, by index of line and shipping method, with the number of discounted units of each line."""

    lines: dict[int, int] = field(default_factory=dict)
    shipping: dict[int, int] = field(default_factory=dict)
    gifts: list[Gift] = field(default_factory=list)
    amount: int = 0
    units: dict[int, int] = field(default_factory=dict)

    @property
    def gift_units(self) -> int:
        """Number of units of all gifts."""
        return sum(gift.quantity for gift in self.gifts)

    def count_units(self) -> int:
        """Return how many units of goods the offer is applied to, with gifts."""
        return sum(self.units.values()) + self.gift_units

    def add(self, result: BenefitResult, lines: Sequence[Line]) -> None:
        """Add the result of one benefit.

        Units of a line that several benefits discount are added up, to at most the quantity of the line.
        """
        for discount in result.discounts:
            self.lines[discount.line] = self.lines.get(discount.line, 0) + discount.amount
            self.amount += discount.amount
            if discount.amount:
                quantity = lines[discount.line].quantity
                count = quantity if discount.parts is None else sum(units for _, units in discount.parts)
                self.units[discount.line] = min(quantity, self.units.get(discount.line, 0) + count)
        for method, amount in result.shipping:
            self.shipping[method] = self.shipping.get(method, 0) + amount
            self.amount += amount
        self.gifts.extend(result.gifts)


@dataclass(slots=True)
class Outcome:
    """Result of an evaluation: the prices, applied discounts by ref, and reasons for rejection by ref."""

    prices: Prices
    applied: dict[str, AppliedDiscount] = field(default_factory=dict)
    rejected: dict[str, Reason] = field(default_factory=dict)
    checked: dict[str, list[Checked]] = field(default_factory=dict)

    @property
    def sort_key(self) -> tuple[int, int]:
        """Value for the shopper: the amount in minor units first, the number of gifts second."""
        amount = sum(discount.amount for discount in self.applied.values())
        return amount, sum(gift.quantity for discount in self.applied.values() for gift in discount.gifts)


def evaluate(fresh: Prices, candidates: Iterable[PreparedOffer], *, explain: bool = False) -> Outcome:
    """Evaluate the candidates on a copy of `fresh`.

    Conditions on running amounts use the prices that the earlier lanes left.
    """
    outcome = Outcome(fresh.copy())
    lane = None
    for candidate in sorted(candidates, key=lambda offer: offer.rank):
        if lane is not None and candidate.rank[0] != lane:
            outcome.prices.start_lane()
        lane = candidate.rank[0]
        if explain:
            outcome.checked[candidate.origin.ref] = candidate.check_conditions(outcome.prices)
        apply_or_reject(outcome, candidate)
    return outcome


def apply_or_reject(outcome: Outcome, candidate: PreparedOffer) -> None:
    """Apply one offer, or record why it is rejected."""
    ref = candidate.origin.ref
    reason = candidate.find_rejection(outcome.prices)
    if reason is not None:
        outcome.rejected[ref] = reason
        return
    budget, units = candidate.origin.budget_left, candidate.origin.units_left
    previous = outcome.prices if budget is None and units is None else outcome.prices.copy()
    discount = apply_benefit(outcome.prices, candidate)
    if not discount.amount and not discount.gifts:
        outcome.rejected[ref] = NO_ELIGIBLE_LINES
    elif budget is not None and discount.amount > budget:
        outcome.prices = previous
        outcome.rejected[ref] = BUDGET_EXHAUSTED
    elif units is not None and discount.count_units() > units:
        outcome.prices = previous
        outcome.rejected[ref] = too_few_units(units)
    else:
        outcome.applied[ref] = discount


def too_few_units(left: int) -> Reason:
    """Return the reason for an offer that would be applied to more units than it has left."""
    detail = (
        _("This offer has too few units left for the cart.") if left else _("This offer has reached its usage limit.")
    )
    return Reason("usage_limit_reached", detail, {"limit": "units", "left": left})


def apply_benefit(prices: Prices, candidate: PreparedOffer) -> AppliedDiscount:
    """Apply the benefits of an offer in order, each to the prices that the previous one left.

    The ceiling caps their total, and with the budget overrun `partial`, the remaining budget, too.
    """
    discount = AppliedDiscount()
    profile = candidate.profile
    budget = candidate.origin.budget_left if profile.budget_overrun == "partial" else None
    caps = [cap for cap in (budget, candidate.origin.ceiling) if cap is not None]
    for benefit in candidate.benefits:
        result = benefit(prices)
        if caps:
            result = result.capped(min(caps) - discount.amount, profile.remainder)
        if result.amount:
            prices.use_units(result.used)
        prices.apply_discount(result.discounts)
        for method, amount in (*result.shipping, *result.alternatives):
            prices.shipping_left[method] -= amount
        discount.add(result, prices.lines)
    return discount


def list_refs(candidates: Sequence[PreparedOffer]) -> list[str]:
    """Return the refs of the candidates."""
    return [candidate.origin.ref for candidate in candidates]
