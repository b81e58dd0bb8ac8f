"""Evaluation of offers that may be combined: lane by lane, and within a lane by priority and age."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from pricing.benefits import BenefitResult
from pricing.candidates import BUDGET_EXHAUSTED, PreparedOffer, Reason
from pricing.prices import Prices
from pricing.values import Checked, Gift

NO_ELIGIBLE_LINES = Reason("no_eligible_lines", "No items in the cart qualify for this offer.")


@dataclass(slots=True)
class AppliedDiscount:
    """Discount of one offer, by index of line and shipping method."""

    lines: dict[int, int] = field(default_factory=dict)
    shipping: dict[int, int] = field(default_factory=dict)
    gifts: list[Gift] = field(default_factory=list)
    amount: int = 0

    def add(self, result: BenefitResult) -> None:
        """Add the result of one benefit."""
        for discount in result.discounts:
            self.lines[discount.line] = self.lines.get(discount.line, 0) + discount.amount
            self.amount += discount.amount
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
    previous = outcome.prices.copy() if candidate.origin.budget_left is not None else outcome.prices
    discount = apply_benefit(outcome.prices, candidate)
    if not discount.amount and not discount.gifts:
        outcome.rejected[ref] = NO_ELIGIBLE_LINES
    elif candidate.origin.budget_left is not None and discount.amount > candidate.origin.budget_left:
        outcome.prices = previous
        outcome.rejected[ref] = BUDGET_EXHAUSTED
    else:
        outcome.applied[ref] = discount


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
        prices.apply_discount(result.discounts)
        for method, amount in result.shipping:
            prices.shipping_left[method] -= amount
        discount.add(result)
    return discount


def list_refs(candidates: Sequence[PreparedOffer]) -> list[str]:
    """Return the refs of the candidates."""
    return [candidate.origin.ref for candidate in candidates]
