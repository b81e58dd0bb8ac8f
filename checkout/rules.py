"""How a quote is answered, and of which audiences a buyer is: values in, plain values out."""

import uuid
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from checkout.contracts import PurchaseTotals, Quote, QuoteRequest, Simulation
from core import money
from pricing import (
    Applied,
    Cart,
    EligibleOffer,
    Explanation,
    Facts,
    Line,
    Profile,
    Rejected,
    Shipping,
    ShopperFacts,
    dump_offer,
    dump_profile,
    parse_offer,
    parse_profile,
    price,
)
from promotions.contracts import Candidate, Rejection

FREQUENT_ORDERS = 3  # purchases
HIGH_SPEND = "100"  # more than this, in the brand's currency
NEW, LAPSED = timedelta(days=30), timedelta(days=90)
DRAFT = "draft/"  # before the key of what is only tried, so that it is never taken for what runs


def to_engine_offers(candidates: Mapping[str, Candidate]) -> list[EligibleOffer]:
    """The candidates as the engine takes them."""
    return [
        EligibleOffer(
            ref=name,
            kind=candidate.kind,
            title=candidate.title,
            offer=candidate.offer,
            brand=candidate.brand,
            timezone=candidate.timezone,
            order=candidate.order,
            code=candidate.code or None,
            budget_left=candidate.budget_left,
        )
        for name, candidate in candidates.items()
    ]


def serialize_quote(quote: Quote) -> dict[str, Any]:
    """The quote as the contract writes it (section 8), amounts as decimal strings of the cart's currency."""
    currency, decision = quote.request.cart.currency, quote.decision

    def amount(minor: int) -> str:
        return money.format_decimal(minor, currency)

    result: dict[str, Any] = {
        "currency": currency,
        "subtotal": amount(decision.subtotal),
        "shipping": amount(decision.shipping_total),
        "discount_total": amount(decision.discount_total),
        "total": amount(decision.total),
        "lines": [
            {
                "id": line.id,
                "subtotal": amount(line.subtotal),
                "discount": amount(line.discount),
                "total": amount(line.total),
            }
            for line in decision.lines
        ],
        "applied": [_applied(applied, quote.candidates[applied.ref], currency) for applied in decision.applied],
        "gifts": [{"sku": gift.sku, "quantity": gift.quantity} for gift in decision.gifts],
        "rejected": list(serialize_rejections(quote)),
        "next_best": [
            _named(quote.candidates[best.ref]) | {"missing": dict(best.missing), "amount": amount(best.amount)}
            for best in decision.next_best
        ],
    }
    if len(decision.shipping) > 1:
        result["shipping_lines"] = [
            {"id": method.id, "price": amount(method.price), "discount": amount(method.discount)}
            for method in decision.shipping
        ]
    return result


def serialize_rejections(quote: Quote) -> Iterable[dict[str, Any]]:
    """Every code that was sent and is not given, with its one reason."""
    for rejection in quote.rejections:
        yield {"code": rejection.code, "reason": rejection.reason}
    for refusal in quote.decision.rejected:
        if code := quote.candidates[refusal.ref].code:
            yield {"code": code, "reason": _reason(refusal, quote.candidates)}


def _reason(refusal: Rejected, candidates: Mapping[str, Candidate]) -> dict[str, Any]:
    """The engine's reason; what it may not be combined with is named by code or title, never by an inner reference."""
    members = dict(refusal.members)
    rivals = members.get("with")
    if isinstance(rivals, list | tuple):
        members["with"] = [candidates[ref].code or candidates[ref].title for ref in rivals if ref in candidates]
    return {"code": refusal.code, "detail": refusal.detail, **members}


def serialize_explanations(quote: Quote) -> list[dict[str, Any]]:
    """For each offer in play each condition, what it needed and saw, and whether it was given or why not.

    The quote must have been priced with explanations.
    """
    reasons = {refusal.ref: _reason(refusal, quote.candidates) for refusal in quote.decision.rejected}
    return [
        _to_condition_row(each, quote.candidates[each.ref], quote.request.cart.currency)
        | ({"reason": reasons[each.ref]} if each.ref in reasons else {})
        for each in quote.decision.explanations
    ]


def serialize_simulation(simulation: Simulation) -> dict[str, Any]:
    """The answer of a simulation: a quote, and what became of every draft in the caller's order, then of live ones."""
    quote, drafts = simulation.quote, [draft.id for draft in simulation.trial.drafts]
    told = {(row["live"], row["id"]): row for row in _with_live(quote)}
    rows = [
        _not_evaluated(simulation, name) if name in simulation.not_evaluated else told[False, name] for name in drafts
    ]
    return serialize_quote(quote) | {"explain": rows + [row for row in told.values() if row["live"]]}


def _with_live(quote: Quote) -> Iterable[dict[str, Any]]:
    for each, row in zip(quote.decision.explanations, serialize_explanations(quote), strict=True):
        yield row | {"live": not quote.candidates[each.ref].key.startswith(DRAFT)}


def _not_evaluated(simulation: Simulation, name: str) -> dict[str, Any]:
    draft = next(draft for draft in simulation.trial.drafts if draft.id == name)
    named = {"kind": "promotion", "id": name, "title": draft.title} | ({"code": draft.code} if draft.code else {})
    seen, currency = simulation.not_evaluated[name], simulation.quote.request.cart.currency
    return named | _outcome(seen, currency) | {"reason": {"code": seen.outcome, "detail": seen.detail}, "live": False}


def _to_condition_row(seen: Explanation, candidate: Candidate, currency: str) -> dict[str, Any]:
    return _named(candidate) | ({"code": candidate.code} if candidate.code else {}) | _outcome(seen, currency)


def _outcome(seen: Explanation, currency: str) -> dict[str, Any]:
    return {
        "outcome": seen.outcome,
        "detail": seen.detail,
        "amount": money.format_decimal(seen.amount, currency),
        "conditions": [asdict(checked) for checked in seen.conditions],
    }


def _named(candidate: Candidate) -> dict[str, Any]:
    return {"kind": candidate.kind, "id": candidate.id, "title": candidate.title}


def _applied(applied: Applied, candidate: Candidate, currency: str) -> dict[str, Any]:
    named = _named(candidate) | ({"code": candidate.code} if candidate.code else {})
    return named | {
        "amount": money.format_decimal(applied.amount, currency),
        "lines": [{"id": line, "amount": money.format_decimal(share, currency)} for line, share in applied.lines],
        "shipping": money.format_decimal(sum(share for _, share in applied.shipping), currency),
    }


# --- the decision record: what the engine was told, so that support can ask "why?" a year later -----------------------
RECORD_VERSION = 1


def dump_cart(cart: Cart) -> dict[str, Any]:
    """A cart as JSON, amounts in minor units; what is at its default is left out."""
    return {
        "currency": cart.currency,
        "exponent": cart.exponent,
        "transaction_type": cart.transaction_type,
        "country": cart.country,
        "lines": [_changed(line, Line("", "", 1, 0)) for line in cart.lines],
        "shipping": [asdict(method) for method in cart.shipping],
    }


def load_cart(value: Mapping[str, Any]) -> Cart:
    """The cart that ``dump_cart`` wrote."""
    lines = tuple(Line(**line | {"categories": frozenset(line.get("categories", ()))}) for line in value["lines"])
    shipping = tuple(Shipping(**method) for method in value["shipping"])
    return Cart(value["currency"], value["exponent"], lines, shipping, value["transaction_type"], value["country"])


def _changed(line: Line, default: Line) -> dict[str, Any]:
    values = {name: value for name, value in asdict(line).items() if value != getattr(default, name)}
    values |= {"id": line.id, "sku": line.sku, "quantity": line.quantity, "unit_price": line.unit_price}
    return values | ({"categories": sorted(line.categories)} if line.categories else {})


def dump_record(quote: Quote) -> dict[str, Any]:
    """What the engine was told beside the cart: offers as they were, the shopper's facts, the pricing profile."""
    return {
        "version": RECORD_VERSION,
        "method": quote.decision.method,
        "offers": [
            asdict(it) | {"brand_id": str(it.brand_id), "offer": dump_offer(it.offer)}
            for it in quote.candidates.values()
        ],
        "facts": {
            brand: {"segments": sorted(facts.segments), "placed_orders": facts.placed_orders}
            for brand, facts in quote.facts.by_brand.items()
        },
        "profile": dump_profile(quote.profile),
        "rejected": [asdict(rejection) for rejection in quote.rejections],
    }


def load_profile(record: Mapping[str, Any]) -> Profile:
    """The pricing profile that a decision was made under."""
    return parse_profile(record.get("profile", {}))


def load_record(cart: Mapping[str, Any], record: Mapping[str, Any], at: datetime, *, explain: bool = True) -> Quote:
    """The decision made again from its record: the same question, so the same answer, now with explanations."""
    candidates = {
        it.ref: it
        for it in (
            Candidate(**each | {"brand_id": uuid.UUID(each["brand_id"]), "offer": parse_offer(each["offer"])})
            for each in record["offers"]
        )
    }
    facts = ShopperFacts(
        {brand: Facts(frozenset(known["segments"]), known["placed_orders"]) for brand, known in record["facts"].items()}
    )
    profile = load_profile(record)
    request = QuoteRequest(load_cart(cart), ())
    decision = price(request.cart, to_engine_offers(candidates), facts, profile, at, explain=explain)
    rejections = [Rejection(**each) for each in record["rejected"]]
    return Quote(request, decision, facts, profile, candidates, rejections, at)


# --- audiences of those who bought -----------------------------------------------------------------------------------
def segment_types(purchases: PurchaseTotals, *, currency: str, at: datetime) -> frozenset[str]:
    """The computed segment types (docs/algorithms/segment-types.md) of a brand that these purchases put a customer
    into.
    """
    bought = purchases.first_at is not None and purchases.last_at is not None
    holds = {
        "purchased_more_than_twice": purchases.orders >= FREQUENT_ORDERS,
        "purchase_above_100": purchases.largest is not None and purchases.largest > high_spend_threshold(currency),
        "new_users": bought and at < purchases.first_at + NEW,  # type: ignore[operator]
        "lapsed_users": bought and at >= purchases.last_at + LAPSED,  # type: ignore[operator]
    }
    return frozenset(name for name, is_so in holds.items() if is_so)


@cache
def high_spend_threshold(currency: str) -> int:
    return money.parse(HIGH_SPEND, currency)


def next_change(purchases: PurchaseTotals, *, at: datetime) -> datetime | None:
    """The next instant at which time alone changes ``segment_types``; None when it never will."""
    ends = [purchases.first_at and purchases.first_at + NEW, purchases.last_at and purchases.last_at + LAPSED]
    return min((end for end in ends if end is not None and end > at), default=None)
