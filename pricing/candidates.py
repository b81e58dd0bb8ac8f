"""Preparation of an offer for one cart: everything that is known before any offer is evaluated."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from pricing.benefits import BenefitContext, BenefitFunction, compile_benefit
from pricing.conditions import ConditionContext, ConditionResult, evaluate, find_day, is_running, to_local_time
from pricing.offer import Condition, Contains, Subtotal
from pricing.prices import Prices
from pricing.profile import Profile
from pricing.rounding import TooManyDecimals
from pricing.units import Limits
from pricing.values import Cart, Checked, EligibleOffer, Line, Shipping, ShopperFacts

Rank = tuple[int, int, int, str]


@dataclass(slots=True)
class Reason:
    """Reason why an offer is rejected."""

    code: str
    detail: str
    members: Mapping[str, object] = field(default_factory=dict)


@dataclass(slots=True)
class PreparedOffer:
    """Offer prepared for a cart. `rejection` is set when the offer is rejected whatever the other offers are."""

    origin: EligibleOffer
    rank: Rank
    context: ConditionContext
    results: list[ConditionResult | Condition]
    profile: Profile
    benefits: Sequence[BenefitFunction] = ()
    rejection: Reason | None = None

    @property
    def running_conditions(self) -> list[Condition]:
        """Conditions to evaluate when the lane of the offer starts."""
        return [result for result in self.results if not isinstance(result, ConditionResult)]

    def check_conditions(self, prices: Prices | None) -> list[Checked]:
        """Return the result of every condition at these prices, for an explanation."""
        results = (
            result if isinstance(result, ConditionResult) else evaluate(result, self.context, prices)
            for result in self.results
        )
        return [result.checked for result in results]

    def find_rejection(self, prices: Prices) -> Reason | None:
        """Return the reason of the first running condition that fails, if any."""
        for condition in self.running_conditions:
            result = evaluate(condition, self.context, prices)
            if result.code is not None:
                return Reason(result.code, result.detail, result.members)
        return None


@dataclass(frozen=True, slots=True)
class CartContext:
    """Cart with its lines and shipping methods in the engine's order, and the data that all offers share."""

    cart: Cart
    lines: Sequence[Line]
    shipping: Sequence[Shipping]
    facts: ShopperFacts
    profile: Profile
    at: datetime


def prepare_offer(origin: EligibleOffer, cart_context: CartContext) -> PreparedOffer:
    """Prepare an offer: check its currencies and fixed conditions, and compile its benefits."""
    offer = origin.offer
    local = to_local_time(cart_context.at, origin.timezone)
    context = ConditionContext(
        cart_context.cart,
        cart_context.lines,
        cart_context.facts.for_brand(origin.brand),
        origin.brand,
        local,
        find_day(offer.conditions, local),
    )
    rank = (offer.lane, -offer.priority, origin.order, origin.ref)
    prepared = PreparedOffer(origin, rank, context, [], cart_context.profile)
    prepared.rejection = find_currency_mismatch(origin, cart_context.cart)
    try:
        for condition in offer.conditions:
            result = evaluate(condition, context)
            prepared.results.append(condition if is_running(condition) else result)
        prepared.benefits = (
            []
            if prepared.rejection
            else [
                compile_benefit(benefit, benefit_context(origin, cart_context, context)) for benefit in offer.benefits
            ]
        )
    except TooManyDecimals:
        prepared.rejection = prepared.rejection or currency_mismatch(cart_context.cart.currency)
    prepared.rejection = prepared.rejection or check_budget(origin) or find_failed_condition(prepared.results)
    return prepared


def benefit_context(origin: EligibleOffer, cart_context: CartContext, context: ConditionContext) -> BenefitContext:
    """Return the context of the benefits of an offer."""
    max_applications = origin.offer.max_applications
    limits = () if max_applications is None else application_limits(origin.offer.conditions, context, max_applications)
    return BenefitContext(
        origin.ref,
        cart_context.lines,
        cart_context.shipping,
        origin.brand,
        cart_context.cart.exponent,
        cart_context.profile,
        max_applications,
        limits,
    )


def application_limits(conditions: Sequence[Condition], context: ConditionContext, max_applications: int) -> Limits:
    """Return the unit limits of `contains` conditions for at most `max_applications` applications."""
    return [
        (frozenset(context.selected_lines(condition)), condition.quantity * max_applications)
        for condition in conditions
        if isinstance(condition, Contains)
    ]


def find_currency_mismatch(origin: EligibleOffer, cart: Cart) -> Reason | None:
    """Return the reason if an amount of the offer is in another currency than the cart."""
    offer = origin.offer
    currencies = [part.narrowing.currency for part in offer.benefits]
    currencies += [part.currency for part in offer.conditions if isinstance(part, Subtotal)]
    for currency in currencies:
        if currency not in (None, cart.currency):
            return currency_mismatch(str(currency))
    return None


def currency_mismatch(currency: str) -> Reason:
    """Return the reason for an amount that can't be compared with the amounts of the cart."""
    return Reason(
        "currency_mismatch", "This offer isn't available in the currency of the cart.", {"currency": currency}
    )


def find_failed_condition(results: Sequence[ConditionResult | Condition]) -> Reason | None:
    """Return the reason of the first condition that fails, if any."""
    for result in results:
        if isinstance(result, ConditionResult) and result.code is not None:
            return Reason(result.code, result.detail, result.members)
    return None


def check_budget(origin: EligibleOffer) -> Reason | None:
    """Return the reason if nothing is left of the budget."""
    if origin.budget_left is not None and origin.budget_left <= 0:
        return BUDGET_EXHAUSTED
    return None


BUDGET_EXHAUSTED = Reason("budget_exhausted", "This offer has reached its budget.")
