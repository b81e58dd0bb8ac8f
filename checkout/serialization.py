"""JSON of quotes, redemptions and price records: the answers of the API, and what redemptions store.

Stored quotes and records carry a version. Version 1 names offers by ``title`` and uses the error codes of the previous
release; version 2, which is written now, uses ``name`` and the present codes. Both versions are read.
"""

import uuid
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any

from checkout.contracts import DRAFT_KEY_PREFIX, PriceRecord, Quote, Repricing, Simulation
from core import money
from pricing import (
    Applied,
    Cart,
    Explanation,
    Facts,
    Line,
    Profile,
    Rejected,
    Shipping,
    ShopperFacts,
    dump_offer,
    dump_profile,
    load_offer,
    parse_profile,
)
from redemptions.codes.rules import canonicalize_code
from redemptions.contracts import Candidate, Rejection

Json = dict[str, Any]

RECORD_VERSION = 2
RENAMED_CODES = {
    "cart_needed": "cart_required",
    "code_unknown": "code_not_found",
    "coupon_exhausted": "usage_limit_reached",
    "coupon_limit_per_user": "usage_limit_per_customer",
    "outside_hours": "outside_schedule",
    "usage_limit_per_user": "usage_limit_per_customer",
}


# --- answers ---------------------------------------------------------------------------------------------------------
def serialize_quote(quote: Quote) -> Json:
    """Return the answer to a quote, with amounts as decimal strings in the cart's currency."""
    currency, decision = quote.request.cart.currency, quote.decision

    def amount(minor: int) -> str:
        return money.format_decimal(minor, currency)

    answer: Json = {
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
        "gifts": [{"sku": gift.sku, "quantity": gift.quantity, "price": amount(gift.price)} for gift in decision.gifts],
        "rejected": list(serialize_rejections(quote)),
        "next_best": [
            _identity(quote.candidates[near_miss.ref])
            | {"missing": dict(near_miss.missing), "amount": amount(near_miss.amount)}
            for near_miss in decision.next_best
        ],
    }
    if len(decision.shipping) > 1:
        answer["shipping_lines"] = [
            {"id": method.id, "price": amount(method.price), "discount": amount(method.discount)}
            for method in decision.shipping
        ]
    return answer


def serialize_rejections(quote: Quote) -> Iterator[Json]:
    """Return each code of the request that isn't applied, with its reason."""
    for rejection in iter_rejections(quote):
        yield {"code": rejection.code, "reason": rejection.reason}


def iter_rejections(quote: Quote) -> Iterator[Rejection]:
    """Yield a rejection for each code of the request that isn't applied, whichever of its brands' codes it means."""
    seen = {_key(quote.candidates[applied.ref].code) for applied in quote.decision.applied}
    for rejection in (*quote.rejections, *_iter_rejected_candidates(quote)):
        if _key(rejection.code) not in seen:
            seen.add(_key(rejection.code))
            yield rejection


def _key(code: str) -> str:
    return canonicalize_code(code) or code


def _iter_rejected_candidates(quote: Quote) -> Iterator[Rejection]:
    """Yield a rejection for each candidate with a code that the engine rejected."""
    for rejected in quote.decision.rejected:
        candidate = quote.candidates[rejected.ref]
        if candidate.code:
            reason = _reason(rejected, quote.candidates)
            yield Rejection(candidate.code, reason, candidate.kind, candidate.offer_id, candidate.brand_id)


def _reason(rejected: Rejected, candidates: Mapping[str, Candidate]) -> Json:
    """Return the engine's reason, with conflicting offers given by code or name instead of internal reference."""
    members = dict(rejected.members)
    references = members.get("with")
    if isinstance(references, list | tuple):
        rivals = [candidates[reference] for reference in references if reference in candidates]
        members["with"] = [rival.code or rival.title for rival in rivals]
    return {"code": rejected.code, "detail": rejected.detail, **members}


def serialize_explanations(quote: Quote) -> list[Json]:
    """Return the conditions and the outcome of each evaluated offer. The quote must be priced with ``explain``."""
    reasons = {rejected.ref: _reason(rejected, quote.candidates) for rejected in quote.decision.rejected}
    currency = quote.request.cart.currency
    rows = []
    for explanation in quote.decision.explanations:
        candidate = quote.candidates[explanation.ref]
        row = _identity_with_code(candidate) | _outcome(explanation, currency)
        if reason := reasons.get(explanation.ref):
            row["reason"] = reason
        rows.append(row)
    return rows


def serialize_simulation(simulation: Simulation) -> Json:
    """Return the answer to a simulation: the quote, then the drafts in the caller's order, then live promotions."""
    quote, drafts = simulation.quote, [draft.id for draft in simulation.options.drafts]
    evaluated = {(row["live"], row["id"]): row for row in _explanations_with_origin(quote)}
    rows = [
        _not_evaluated(simulation, draft_id) if draft_id in simulation.not_evaluated else evaluated[False, draft_id]
        for draft_id in drafts
    ]
    return serialize_quote(quote) | {"explain": rows + [row for row in evaluated.values() if row["live"]]}


def _explanations_with_origin(quote: Quote) -> Iterator[Json]:
    rows = serialize_explanations(quote)
    for explanation, row in zip(quote.decision.explanations, rows, strict=True):
        yield row | {"live": not quote.candidates[explanation.ref].key.startswith(DRAFT_KEY_PREFIX)}


def _not_evaluated(simulation: Simulation, draft_id: str) -> Json:
    draft = next(draft for draft in simulation.options.drafts if draft.id == draft_id)
    explanation, currency = simulation.not_evaluated[draft_id], simulation.quote.request.cart.currency
    identity = {"kind": "promotion", "id": draft_id, "name": draft.name} | ({"code": draft.code} if draft.code else {})
    reason = {"code": explanation.outcome, "detail": explanation.detail}
    return identity | _outcome(explanation, currency) | {"reason": reason, "live": False}


def _outcome(explanation: Explanation, currency: str) -> Json:
    return {
        "outcome": explanation.outcome,
        "detail": explanation.detail,
        "amount": money.format_decimal(explanation.amount, currency),
        "conditions": [asdict(condition) for condition in explanation.conditions],
    }


def _identity(candidate: Candidate) -> Json:
    return {"kind": candidate.kind, "id": candidate.id, "name": candidate.title}


def _identity_with_code(candidate: Candidate) -> Json:
    return _identity(candidate) | ({"code": candidate.code} if candidate.code else {})


def _applied(applied: Applied, candidate: Candidate, currency: str) -> Json:
    return _identity_with_code(candidate) | {
        "amount": money.format_decimal(applied.amount, currency),
        "lines": [{"id": line, "amount": money.format_decimal(share, currency)} for line, share in applied.lines],
        "shipping": money.format_decimal(sum(share for _, share in applied.shipping), currency),
    }


def serialize_unused(candidate: Candidate, currency: str) -> Json:
    """Return an offer that an amended order has used, and that gives nothing on its present cart."""
    zero = money.format_decimal(0, currency)
    return _identity_with_code(candidate) | {"amount": zero, "lines": [], "shipping": zero}


# --- price records: the engine's input, stored with each redemption to explain its price later ------------------------
def dump_cart(cart: Cart) -> Json:
    """Return a cart as JSON, with amounts in minor units and without defaults."""
    return {
        "currency": cart.currency,
        "exponent": cart.exponent,
        "transaction_type": cart.transaction_type,
        "country": cart.country,
        "lines": [_without_defaults(line, Line("", "", 1, 0)) for line in cart.lines],
        "shipping": [asdict(method) for method in cart.shipping],
    }


def load_cart(cart: Mapping[str, Any]) -> Cart:
    """Read the JSON of ``dump_cart``."""
    lines = tuple(Line(**line | {"categories": frozenset(line.get("categories", ()))}) for line in cart["lines"])
    shipping = tuple(Shipping(**method) for method in cart["shipping"])
    return Cart(cart["currency"], cart["exponent"], lines, shipping, cart["transaction_type"], cart["country"])


def _without_defaults(line: Line, default: Line) -> Json:
    values = {name: value for name, value in asdict(line).items() if value != getattr(default, name)}
    values |= {"id": line.id, "sku": line.sku, "quantity": line.quantity, "unit_price": line.unit_price}
    return values | ({"categories": sorted(line.categories)} if line.categories else {})


def dump_record(quote: Quote) -> Json:
    """Return the price record of a quote: the engine's input besides the cart."""
    return {
        "version": RECORD_VERSION,
        "at": quote.at.isoformat(),
        "method": quote.decision.method,
        "offers": [_dump_candidate(candidate) for candidate in quote.candidates.values()],
        "facts": {
            brand: {"segments": sorted(facts.segments)}
            | {"placed_orders": facts.placed_orders, "reserved_orders": facts.reserved_orders}
            for brand, facts in quote.facts.by_brand.items()
        },
        "profile": dump_profile(quote.profile),
        "rejected": [{"code": rejection.code, "reason": rejection.reason} for rejection in quote.rejections],
    }


def load_record(cart: Mapping[str, Any], record: Mapping[str, Any]) -> PriceRecord:
    """Read a stored cart and its price record.

    Raises KeyError, TypeError or ValueError for a record that is incomplete, damaged or of an unknown version.
    """
    record = _upgrade_record(record)
    candidates = [_load_candidate(offer, cart["currency"]) for offer in record["offers"]]
    facts = {
        brand: Facts(frozenset(known["segments"]), known["placed_orders"], known.get("reserved_orders", 0))
        for brand, known in record["facts"].items()
    }
    return PriceRecord(
        cart=load_cart(cart),
        candidates={candidate.ref: candidate for candidate in candidates},
        facts=ShopperFacts(facts),
        profile=load_profile(record),
        rejections=[Rejection(rejection["code"], rejection["reason"]) for rejection in record["rejected"]],
        at=datetime.fromisoformat(record["at"]) if "at" in record else None,
    )


def load_profile(record: Mapping[str, Any]) -> Profile:
    """Return the pricing profile of a price record."""
    return parse_profile(record.get("profile", {}))


def _dump_candidate(candidate: Candidate) -> Json:
    return {
        "kind": candidate.kind,
        "id": candidate.id,
        "key": candidate.key,
        "code": candidate.code,
        "name": candidate.title,
        "brand_id": str(candidate.brand_id),
        "brand": candidate.brand,
        "timezone": candidate.timezone,
        "offer": dump_offer(candidate.offer),
        "order": candidate.order,
        "budgets_left": dict(candidate.budgets_left),
        "currency": candidate.currency,
    }


def _load_budgets(offer: Mapping[str, Any], currency: str) -> dict[str, int]:
    """Return what was left of the budgets. Earlier records have a single number, in the currency of the cart."""
    left = offer.get("budget_left")
    return dict(offer.get("budgets_left") or ({} if left is None else {currency: left}))


def _load_candidate(offer: Mapping[str, Any], currency: str) -> Candidate:
    return Candidate(
        kind=offer["kind"],
        id=offer["id"],
        key=offer["key"],
        code=offer["code"],
        title=offer["name"],
        brand_id=uuid.UUID(offer["brand_id"]),
        brand=offer["brand"],
        timezone=offer["timezone"],
        offer=load_offer(offer["offer"]),
        order=offer["order"],
        budgets_left=_load_budgets(offer, currency),
        currency=offer.get("currency"),
    )


# --- repriced rests of refunded orders --------------------------------------------------------------------------------
def dump_repricing(parts: Mapping[str, Repricing | None]) -> Json:
    """Return the repricing of lines, by ID, and of the shipping as JSON."""
    return {name: asdict(part) for name, part in parts.items() if part is not None}


def load_repricing(stored: Mapping[str, Any]) -> dict[str, Repricing]:
    """Read the JSON of ``dump_repricing``."""
    return {
        name: Repricing(part["value"], tuple(part["returned"]), tuple(part["left"])) for name, part in stored.items()
    }


# --- version 1 -------------------------------------------------------------------------------------------------------
def load_quote(quote: Mapping[str, Any], record: Mapping[str, Any]) -> Json:
    """Return the stored answer of a redemption in its present form. The price record holds the version of both."""
    if record.get("version", 1) != 1:
        return dict(quote)
    offers = {
        name: [_rename_title(offer) for offer in quote[name]] for name in ("applied", "next_best") if name in quote
    }
    return {**quote, **offers, **_rename_codes(quote)}


def _upgrade_record(record: Mapping[str, Any]) -> Mapping[str, Any]:
    version = record.get("version", 1)
    if version == RECORD_VERSION:
        return record
    if version != 1:
        raise ValueError(f"unknown version of a price record: {version}")
    return {**record, "offers": [_rename_title(offer) for offer in record["offers"]], **_rename_codes(record)}


def _rename_title(offer: Mapping[str, Any]) -> Json:
    return {"name" if member == "title" else member: value for member, value in offer.items()}


def _rename_codes(document: Mapping[str, Any]) -> Json:
    if "rejected" not in document:
        return {}
    reasons = [(rejection["code"], rejection["reason"]) for rejection in document["rejected"]]
    return {
        "rejected": [
            {"code": code, "reason": {**reason, "code": RENAMED_CODES.get(reason["code"], reason["code"])}}
            for code, reason in reasons
        ]
    }
