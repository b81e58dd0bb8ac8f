"""Plays a set of offers that may stand together: lane by lane, and in each lane by priority and age."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from pricing.benefits import BenefitResult
from pricing.candidates import BUDGET_EXHAUSTED, PreparedOffer, Reason
from pricing.prices import Prices
from pricing.values import Checked, Gift

NOTHING = Reason("no_eligible_lines", "Nothing in the cart qualifies for this offer.")


@dataclass(slots=True)
class AppliedDiscount:
    """What one offer took off, by index of line and shipping method."""

    lines: dict[int, int] = field(default_factory=dict)
    shipping: dict[int, int] = field(default_factory=dict)
    gifts: list[Gift] = field(default_factory=list)
    amount: int = 0

    def add(self, gain: BenefitResult) -> None:
        """Counts one benefit in."""
        for take in gain.discounts:
            self.lines[take.line] = self.lines.get(take.line, 0) + take.amount
            self.amount += take.amount
        for method, amount in gain.shipping:
            self.shipping[method] = self.shipping.get(method, 0) + amount
            self.amount += amount
        self.gifts.extend(gain.gifts)


@dataclass(slots=True)
class Outcome:
    """The end of a play: prices, what each offer gained, and why others gained nothing (both by ref)."""

    prices: Prices
    gained: dict[str, AppliedDiscount] = field(default_factory=dict)
    rejected: dict[str, Reason] = field(default_factory=dict)
    checked: dict[str, list[Checked]] = field(default_factory=dict)

    @property
    def sort_key(self) -> tuple[int, int]:
        """How good it is for the shopper: minor units off first, number of gifts second."""
        amount = sum(each.amount for each in self.gained.values())
        return amount, sum(gift.quantity for each in self.gained.values() for gift in each.gifts)


def evaluate(fresh: Prices, candidates: Iterable[PreparedOffer], *, explain: bool = False) -> Outcome:
    """Plays the candidates on a copy of `fresh`. Conditions on running amounts see what the earlier lanes left."""
    outcome = Outcome(fresh.copy())
    lane = None
    for each in sorted(candidates, key=lambda candidate: candidate.rank):
        if lane is not None and each.rank[0] != lane:
            outcome.prices.begin_lane()
        lane = each.rank[0]
        if explain:
            outcome.checked[each.origin.ref] = each.judged(outcome.prices)
        apply_or_reject(outcome, each)
    return outcome


def apply_or_reject(outcome: Outcome, each: PreparedOffer) -> None:
    """Gives one offer, or notes why not."""
    ref = each.origin.ref
    reason = each.reject(outcome.prices)
    if reason is not None:
        outcome.rejected[ref] = reason
        return
    before = outcome.prices.copy() if each.origin.budget_left is not None else outcome.prices
    gained = apply_benefit(outcome.prices, each)
    if not gained.amount and not gained.gifts:
        outcome.rejected[ref] = NOTHING
    elif each.origin.budget_left is not None and gained.amount > each.origin.budget_left:
        outcome.prices = before
        outcome.rejected[ref] = BUDGET_EXHAUSTED
    else:
        outcome.gained[ref] = gained


def apply_benefit(prices: Prices, each: PreparedOffer) -> AppliedDiscount:
    """The benefits in order, each on what the one before left. A partial budget caps their sum."""
    gained = AppliedDiscount()
    profile = each.profile
    budget = each.origin.budget_left if profile.budget_overrun == "partial" else None
    for benefit in each.benefits:
        gain = benefit(prices)
        if budget is not None:
            gain = gain.capped(budget - gained.amount, profile.remainder)
        prices.apply_discount(gain.discounts)
        for method, amount in gain.shipping:
            prices.freight[method] -= amount
        gained.add(gain)
    return gained


def refs(candidates: Sequence[PreparedOffer]) -> list[str]:
    """The refs of some candidates."""
    return [each.origin.ref for each in candidates]
