"""How a quote is answered: values in, plain JSON values out."""

from collections.abc import Iterable, Mapping
from typing import Any

from checkout.contracts import Quote
from promoplatform.kernel import money
from promotions.contracts import Candidate
from promotions.engine import Applied, Rejected


def answer(quote: Quote) -> dict[str, Any]:
    """The quote as the contract writes it (section 8), amounts as decimal strings of the cart's currency."""
    currency, decision = quote.request.cart.currency, quote.decision

    def amount(minor: int) -> str:
        return money.render(minor, currency)

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
        "rejected": list(rejected(quote)),
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


def rejected(quote: Quote) -> Iterable[dict[str, Any]]:
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


def _named(candidate: Candidate) -> dict[str, Any]:
    return {"kind": candidate.kind, "id": candidate.id, "title": candidate.title}


def _applied(applied: Applied, candidate: Candidate, currency: str) -> dict[str, Any]:
    named = _named(candidate) | ({"code": candidate.code} if candidate.code else {})
    return named | {
        "amount": money.render(applied.amount, currency),
        "lines": [{"id": line, "amount": money.render(share, currency)} for line, share in applied.lines],
        "shipping": money.render(sum(share for _, share in applied.shipping), currency),
    }
