"""Decisions about prices and automatic audiences, from plain values to plain values."""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import cache

from checkout.contracts import PriceRecord, PurchaseTotals, Quote, QuoteRequest
from core import money
from pricing import Cart, EligibleOffer, Offer, Profile, ShopperFacts, price
from pricing.condition_values import iter_conditions
from redemptions.contracts import Candidate, Rejection

FREQUENT_ORDERS = 3
HIGH_SPEND = "100"  # in the brand's currency; an order must exceed it
NEW, LAPSED = timedelta(days=30), timedelta(days=90)


# --- prices ----------------------------------------------------------------------------------------------------------
def price_cart(
    request: QuoteRequest,
    candidates: Mapping[str, Candidate],
    rejections: Sequence[Rejection],
    *,
    facts: ShopperFacts,
    profile: Profile,
    at: datetime,
    explain: bool = False,
) -> Quote:
    """Price a cart with the given candidates. Quotes, redemptions and simulations share this function."""
    offers = to_engine_offers(candidates, request.cart.currency)
    decision = price(request.cart, offers, facts, profile, at, explain=explain)
    return Quote(request, decision, facts, profile, candidates, rejections, at)


def price_methods(
    request: QuoteRequest,
    candidates: Mapping[str, Candidate],
    rejections: Sequence[Rejection],
    *,
    facts: ShopperFacts,
    profile: Profile,
    at: datetime,
    explain: bool = False,
) -> Quote:
    """Price a cart whose shipping methods are alternatives: with the chosen one, otherwise with each of them.

    Without a choice, the quote is that of the method with the lowest total, of equal ones the first, and ``methods``
    has the decisions of all. Methods that no candidate depends on are priced once.
    """

    def price_with(method: str | None, *, is_explained: bool) -> Quote:
        cart = replace(request.cart, shipping_method=method)
        return price_cart(
            replace(request, cart=cart),
            candidates,
            rejections,
            facts=facts,
            profile=profile,
            at=at,
            explain=is_explained,
        )

    methods = request.cart.shipping
    if request.cart.shipping_method is not None or len(methods) < 2:
        return price_with(request.cart.shipping_method, is_explained=explain)
    if any(depends_on_method(candidate.offer) for candidate in candidates.values()):
        decisions = {method.id: price_with(method.id, is_explained=False).decision for method in methods}
    else:
        decision = price_with(methods[0].id, is_explained=False).decision
        decisions = {
            method.id: replace(
                decision,
                shipping_total=method.price,
                total=decision.total - decision.shipping_total + method.price,
            )
            for method in methods
        }
    best = min(decisions, key=lambda method: decisions[method].total)
    return replace(price_with(best, is_explained=explain), methods=decisions)


def depends_on_method(offer: Offer) -> bool:
    """Return whether the shipping method of a cart can change what an offer gives."""
    has_condition = any(condition.kind == "shipping_method" for condition in iter_conditions(offer.conditions))
    return has_condition or any(getattr(benefit, "on", None) == "shipping" for benefit in offer.benefits)


def repeat_decision(record: PriceRecord, at: datetime, *, explain: bool = True) -> Quote:
    """Price a recorded cart again. The result equals the original decision unless the engine has changed."""
    return price_cart(
        QuoteRequest(record.cart, ()),
        record.candidates,
        record.rejections,
        facts=record.facts,
        profile=record.profile,
        at=at,
        explain=explain,
    )


def to_engine_offers(candidates: Mapping[str, Candidate], currency: str) -> list[EligibleOffer]:
    """Convert candidates to the engine's input for a cart in a currency."""
    return [
        EligibleOffer(
            ref=reference,
            kind=candidate.kind,
            title=candidate.title,
            offer=candidate.offer,
            brand=candidate.brand,
            timezone=candidate.timezone,
            order=candidate.order,
            code=candidate.code or None,
            budget_left=candidate.budgets_left.get(currency),
            ceiling=candidate.ceilings.get(currency),
            balance_left=candidate.balance.left if candidate.balance else None,
            units_left=candidate.units_left,
            budget_currencies=tuple(sorted(candidate.currencies or candidate.budgets_left)),
            currency=candidate.currency,
        )
        for reference, candidate in candidates.items()
    ]


# --- brands of an order -----------------------------------------------------------------------------------------------
def sum_by_brand(cart: Cart, brands: Mapping[uuid.UUID, str], *, own: uuid.UUID | None) -> dict[uuid.UUID, int]:
    """Return what counts for each of the brands, given with their slugs, of the cart without discounts.

    Lines that name no brand count for each. The shipping counts for the brand ``own``, whose server sent the cart;
    without one, for a brand that all lines belong to.
    """
    sums = {}
    for brand_id, slug in brands.items():
        lines = [line for line in cart.lines if line.brand in (None, slug)]
        has_shipping = brand_id == own or (own is None and len(lines) == len(cart.lines))
        shipping = cart.shipping_total if has_shipping else 0
        sums[brand_id] = shipping + sum(line.quantity * line.unit_price for line in lines)
    return sums


# --- automatic audiences ---------------------------------------------------------------------------------------------
def segment_types(totals: PurchaseTotals, *, currency: str, at: datetime) -> frozenset[str]:
    """Return the automatic segment types of a customer with these totals (docs/algorithms/segment-types.md)."""
    has_orders = totals.first_at is not None and totals.last_at is not None
    conditions = {
        "purchased_more_than_twice": totals.orders >= FREQUENT_ORDERS,
        "purchase_above_100": totals.largest is not None and totals.largest > high_spend_threshold(currency),
        "new_users": has_orders and at < totals.first_at + NEW,  # type: ignore[operator]
        "lapsed_users": has_orders and at >= totals.last_at + LAPSED,  # type: ignore[operator]
    }
    return frozenset(name for name, is_met in conditions.items() if is_met)


@cache
def high_spend_threshold(currency: str) -> int:
    """Return the largest order total, in minor units, that doesn't count as high spend."""
    return money.parse(HIGH_SPEND, currency)


def next_change(totals: PurchaseTotals, *, at: datetime) -> datetime | None:
    """Return when ``segment_types`` will next change without another order, or None if never."""
    ends = [totals.first_at and totals.first_at + NEW, totals.last_at and totals.last_at + LAPSED]
    return min((end for end in ends if end is not None and end > at), default=None)
