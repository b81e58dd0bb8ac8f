"""An offer made ready for one cart: what is known before anything is played."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from pricing.benefits import BenefitContext, BenefitFunction, compile_benefit
from pricing.conditions import ConditionContext, Verdict, evaluate, is_running, wall_clock
from pricing.offer import Condition, Contains, Subtotal
from pricing.prices import Prices
from pricing.profile import Profile
from pricing.rounding import TooManyDecimals
from pricing.units import Limits
from pricing.values import Cart, Checked, EligibleOffer, Line, Shipping, ShopperFacts

Rank = tuple[int, int, int, str]


@dataclass(slots=True)
class Reason:
    """Why an offer is not given."""

    code: str
    detail: str
    members: Mapping[str, object] = field(default_factory=dict)


@dataclass(slots=True)
class PreparedOffer:
    """An offer in play. `stop` is set when something that no other offer can change stands against it."""

    origin: EligibleOffer
    rank: Rank
    scene: ConditionContext
    verdicts: list[Verdict | Condition]
    profile: Profile
    benefits: Sequence[BenefitFunction] = ()
    rejection: Reason | None = None

    @property
    def running(self) -> list[Condition]:
        """The conditions that must be looked at when the offer's lane begins."""
        return [each for each in self.verdicts if not isinstance(each, Verdict)]

    def judged(self, prices: Prices | None) -> list[Checked]:
        """Every condition as it stands at these prices, for an explanation."""
        settled = (each if isinstance(each, Verdict) else evaluate(each, self.scene, prices) for each in self.verdicts)
        return [verdict.checked for verdict in settled]

    def reject(self, prices: Prices) -> Reason | None:
        """The first running condition that does not hold."""
        for condition in self.running:
            verdict = evaluate(condition, self.scene, prices)
            if verdict.code is not None:
                return Reason(verdict.code, verdict.detail, verdict.members)
        return None


@dataclass(frozen=True, slots=True)
class CartContext:
    """The cart as the engine plays on it: lines and shipping in the engine's order, and all that every offer shares."""

    cart: Cart
    lines: Sequence[Line]
    shipping: Sequence[Shipping]
    facts: ShopperFacts
    profile: Profile
    at: datetime


def candidate(origin: EligibleOffer, table: CartContext) -> PreparedOffer:
    """Settles what can be settled about an offer before play."""
    offer = origin.offer
    local = wall_clock(table.at, origin.timezone)
    scene = ConditionContext(table.cart, table.lines, table.facts.of(origin.brand), origin.brand, local)
    rank = (offer.lane, -offer.priority, origin.order, origin.ref)
    made = PreparedOffer(origin, rank, scene, [], table.profile)
    made.rejection = currency_stop(origin, table.cart)
    try:
        for each in offer.conditions:
            verdict = evaluate(each, scene)
            made.verdicts.append(each if is_running(each) else verdict)
        made.benefits = (
            []
            if made.rejection
            else [compile_benefit(benefit, benefit_context(origin, table, scene)) for benefit in offer.benefits]
        )
    except TooManyDecimals:
        made.rejection = made.rejection or mismatch(table.cart.currency)
    made.rejection = made.rejection or budget_stop(origin) or condition_stop(made.verdicts)
    return made


def benefit_context(origin: EligibleOffer, table: CartContext, scene: ConditionContext) -> BenefitContext:
    """What the offer's benefits stand on."""
    most = origin.offer.max_applications
    limits = () if most is None else fulfilments(origin.offer.conditions, scene, most)
    return BenefitContext(
        origin.ref, table.lines, table.shipping, origin.brand, table.cart.exponent, table.profile, most, limits
    )


def fulfilments(conditions: Sequence[Condition], scene: ConditionContext, most: int) -> Limits:
    """Of the units that a `contains` asks for, those of `most` fulfilments."""
    return [(frozenset(scene.select(each)), each.quantity * most) for each in conditions if isinstance(each, Contains)]


def currency_stop(origin: EligibleOffer, cart: Cart) -> Reason | None:
    """Some amount of the offer is in another currency than the cart."""
    offer = origin.offer
    named = [each.narrow.currency for each in offer.benefits]
    named += [each.currency for each in offer.conditions if isinstance(each, Subtotal)]
    for currency in named:
        if currency not in (None, cart.currency):
            return mismatch(str(currency))
    return None


def mismatch(currency: str) -> Reason:
    """An amount that cannot be compared with the cart's."""
    return Reason("currency_mismatch", f"This offer's amounts do not fit a cart in {currency}.", {"currency": currency})


def condition_stop(verdicts: Sequence[Verdict | Condition]) -> Reason | None:
    """The first condition that does not hold."""
    for each in verdicts:
        if isinstance(each, Verdict) and each.code is not None:
            return Reason(each.code, each.detail, each.members)
    return None


def budget_stop(origin: EligibleOffer) -> Reason | None:
    """Nothing is left of the budget."""
    if origin.budget_left is not None and origin.budget_left <= 0:
        return BUDGET_EXHAUSTED
    return None


BUDGET_EXHAUSTED = Reason("budget_exhausted", "The budget of this offer is spent.")
