"""Preparation of an offer for one cart: everything that is known before any offer is evaluated."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from core.messages import message as _
from pricing.amounts import get_default_currency, list_currencies
from pricing.benefits import BenefitContext, BenefitFunction, compile_benefit
from pricing.condition_contexts import ConditionContext, ConditionResult
from pricing.condition_values import Condition, Contains, OneOf, Subtotal, iter_conditions
from pricing.conditions import evaluate, is_running
from pricing.currencies import CartCurrency, CurrencyMismatch
from pricing.offer import Offer
from pricing.prices import Prices
from pricing.profile import Profile
from pricing.schedules import find_day, to_local_time
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
    cart = cart_context.cart
    currency = CartCurrency(cart.currency, cart.exponent, get_default_currency(offer, origin.currency))
    facts, day = cart_context.facts.for_brand(origin.brand), find_day(offer.conditions, local)
    context = ConditionContext(cart, cart_context.lines, facts, origin.brand, local, day, currency)
    rank = (offer.lane, -offer.priority, origin.order, origin.ref)
    prepared = PreparedOffer(origin, rank, context, [], cart_context.profile)
    has_budget = not origin.budget_currencies or cart.currency in origin.budget_currencies
    has_mismatch = not has_budget or names_other_currency(offer, cart.currency)
    for condition in offer.conditions:
        result = evaluate(condition, context)
        has_mismatch = has_mismatch or (result.code == "currency_mismatch" and not isinstance(condition, OneOf))
        prepared.results.append(condition if is_running(condition) and not has_mismatch else result)
    try:
        if not has_mismatch:
            shared = benefit_context(origin, cart_context, context)
            prepared.benefits = [compile_benefit(benefit, shared) for benefit in offer.benefits]
    except CurrencyMismatch:
        has_mismatch = True
    prepared.rejection = currency_mismatch(origin, currency) if has_mismatch else None
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
        context.currency,
        cart_context.profile,
        max_applications,
        limits,
        origin.balance_left,
    )


def application_limits(conditions: Sequence[Condition], context: ConditionContext, max_applications: int) -> Limits:
    """Return the unit limits of `contains` conditions for at most `max_applications` applications."""
    return [
        (frozenset(context.selected_lines(condition)), condition.quantity * max_applications)
        for condition in conditions
        if isinstance(condition, Contains)
    ]


def names_other_currency(offer: Offer, currency: str) -> bool:
    """Return whether a part of the offer declares another currency."""
    declared = [part.narrowing.currency for part in offer.benefits]
    declared += [part.currency for part in iter_conditions(offer.conditions) if isinstance(part, Subtotal)]
    return any(name not in (None, currency) for name in declared)


def currency_mismatch(origin: EligibleOffer, currency: CartCurrency) -> Reason:
    """Return the reason for an amount or budget that has no value in the currency of the cart.

    It names the currencies that all amounts and the budgets have a value for.
    """
    common = list_currencies(origin.offer, currency.default)
    budgets = frozenset(origin.budget_currencies)
    if budgets:
        common = budgets if common is None else common & budgets
    currencies = sorted((common or frozenset()) - {currency.code})
    return Reason(
        "currency_mismatch",
        _("This offer isn't available in the currency of the cart."),
        {"currency": currency.code, "offer_currencies": currencies},
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


BUDGET_EXHAUSTED = Reason("budget_exhausted", _("This offer has reached its budget."))
