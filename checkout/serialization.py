"""JSON of quotes and simulations: the answers of the API."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict
from typing import Any

from checkout.contracts import DRAFT_KEY_PREFIX, OrderPart, Quote, Simulation
from core import money
from core.message_languages import translate
from pricing import (
    Applied,
    Decision,
    Explanation,
    Rejected,
)
from redemptions.codes.rules import canonicalize_code
from redemptions.contracts import Candidate, Rejection
from redemptions.errors import BudgetExhausted
from redemptions.limits.rules import limit_error

Json = dict[str, Any]


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
    chosen = quote.request.cart.shipping_method
    if len(decision.shipping) > 1 and chosen is not None:
        methods = quote.methods or {chosen: decision}
        answer["shipping_method"] = chosen
        answer["shipping_lines"] = [_shipping_line(name, methods[name], amount) for name in methods]
    return answer


def _shipping_line(name: str, decision: Decision, amount: Callable[[int], str]) -> Json:
    """Return the amounts of an order that is sent by a shipping method."""
    method = next(method for method in decision.shipping if method.id == name)
    return {
        "id": name,
        "price": amount(method.price),
        "discount": amount(method.discount),
        "discount_total": amount(decision.discount_total),
        "total": amount(decision.total),
    }


def restrict_quote(quote: Json, part: OrderPart) -> Json:
    """Return the part of a quote that one brand of several sees: its lines and offers, and their sums."""
    currency = quote["currency"]
    applied = [offer for position, offer in enumerate(quote["applied"]) if position in part.positions]
    discounts: Counter[str] = Counter()
    for share in (share for offer in applied for share in offer["lines"]):
        discounts[share["id"]] += money.parse(share["amount"], currency)
    lines = []
    for line in (line for line in quote["lines"] if line["id"] in part.lines):
        subtotal, discount = money.parse(line["subtotal"], currency), discounts[line["id"]]
        changes = {"discount": discount, "total": subtotal - discount}
        lines.append(line | {name: money.format_decimal(minor, currency) for name, minor in changes.items()})
    shipped = sum(money.parse(offer["shipping"], currency) for offer in applied)
    shipping = money.parse(quote["shipping"], currency) if shipped else 0
    subtotal = sum(money.parse(line["subtotal"], currency) for line in lines)
    discount = sum(money.parse(offer["amount"], currency) for offer in applied)
    sums = {
        "subtotal": subtotal,
        "shipping": shipping,
        "discount_total": discount,
        "total": subtotal + shipping - discount,
    }
    restricted = {"lines": lines, "applied": applied, "gifts": [], "rejected": [], "next_best": []}
    kept = {name: value for name, value in quote.items() if name not in ("shipping_lines", "shipping_method")}
    return kept | {name: money.format_decimal(minor, currency) for name, minor in sums.items()} | restricted


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
            reason = serialize_reason(rejected, quote.candidates, currency=quote.request.cart.currency)
            yield Rejection(candidate.code, reason, candidate.kind, candidate.offer_id, candidate.brand_id)


def serialize_reason(rejected: Rejected, candidates: Mapping[str, Candidate], *, currency: str) -> Json:
    """Return the engine's reason, with conflicting offers given by code or name instead of internal reference.

    The engine knows what is left for an offer, but not which limit leaves it: its budget, the maximum of the customer,
    or a grant between brands.
    """
    if rejected.code == BudgetExhausted.code and (limit := candidates[rejected.ref].limited_by.get(currency)):
        return limit_error(limit).as_dict()
    members = dict(rejected.members)
    references = members.get("with")
    if isinstance(references, list | tuple):
        rivals = [candidates[reference] for reference in references if reference in candidates]
        members["with"] = [rival.code or rival.title for rival in rivals]
    return {"code": rejected.code, "detail": translate(rejected.detail), **members}


def serialize_explanations(quote: Quote) -> list[Json]:
    """Return the conditions and the outcome of each evaluated offer. The quote must be priced with ``explain``."""
    currency = quote.request.cart.currency
    reasons = {
        rejected.ref: serialize_reason(rejected, quote.candidates, currency=currency)
        for rejected in quote.decision.rejected
    }
    rows = []
    for explanation in quote.decision.explanations:
        candidate = quote.candidates[explanation.ref]
        row = _identity_with_code(candidate) | _outcome(explanation, currency)
        if reason := reasons.get(explanation.ref):
            row |= {"outcome": reason["code"], "detail": reason["detail"], "reason": reason}
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
    reason = {"code": explanation.outcome, "detail": translate(explanation.detail)}
    return identity | _outcome(explanation, currency) | {"reason": reason, "live": False}


def _outcome(explanation: Explanation, currency: str) -> Json:
    return {
        "outcome": explanation.outcome,
        "detail": translate(explanation.detail),
        "amount": money.format_decimal(explanation.amount, currency),
        "conditions": [asdict(condition) for condition in explanation.conditions],
    }


def _identity(candidate: Candidate) -> Json:
    return {"kind": candidate.kind, "id": candidate.id, "name": candidate.title}


def _identity_with_code(candidate: Candidate) -> Json:
    return _identity(candidate) | ({"code": candidate.code} if candidate.code else {})


def _applied(applied: Applied, candidate: Candidate, currency: str) -> Json:
    return (
        _identity_with_code(candidate)
        | {
            "amount": money.format_decimal(applied.amount, currency),
            "lines": [{"id": line, "amount": money.format_decimal(share, currency)} for line, share in applied.lines],
            "shipping": money.format_decimal(sum(share for _, share in applied.shipping), currency),
        }
        | _balance_left(candidate, applied.amount)
    )


def _balance_left(candidate: Candidate, amount: int) -> Json:
    """Return what an order leaves on the code, if the code keeps a balance."""
    balance = candidate.balance
    return {"balance_left": money.format_decimal(balance.left - amount, balance.currency)} if balance else {}


def serialize_unused(candidate: Candidate, currency: str) -> Json:
    """Return an offer that an amended order has used, and that gives nothing on its present cart."""
    zero = money.format_decimal(0, currency)
    unused = {"amount": zero, "lines": [], "shipping": zero}
    return _identity_with_code(candidate) | unused | _balance_left(candidate, 0)
