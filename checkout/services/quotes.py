"""One price for one cart: asks every kind for its offers, then the engine once."""

import uuid
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from accounts.contracts import Shopper
from checkout import rules, selectors
from checkout.contracts import Quote, QuoteRequest
from pricing import Facts, Profile, ShopperFacts, price
from promotions.code_rules import normalize_code
from promotions.contracts import Candidate, CandidateQuery, Rejection
from promotions.errors import CodeNotFound
from promotions.selectors import get_backends, get_code_kinds, get_pricing_profile
from segments.selectors import get_segment_types

NO_VOUCHER = "There is no such voucher."


def quote(
    *, request: QuoteRequest, shopper: Shopper | None, at: datetime, lost: Mapping[str, Rejection] | None = None
) -> Quote:
    """Price the cart with what its codes give and what comes into play by itself; takes nothing.

    The order in which codes were typed never matters. ``lost`` are candidates, by reference, that are left out as
    others took the last of them, each with its reason.
    """
    offered, rejections = _collect_candidates(request, shopper, at)
    gone = lost or {}
    candidates = {it.ref: it for it in offered if it.ref not in gone}
    rejections += [rejection for rejection in gone.values() if rejection.code]
    facts = load_customer_facts(candidates.values(), shopper)
    profile = get_pricing_profile({it.brand_id for it in candidates.values()})
    return price_cart(request, candidates, rejections, facts=facts, profile=profile, at=at)


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
    """The one pricing of carts: quotes, redemptions and simulations all come through here."""
    decision = price(request.cart, rules.to_engine_offers(candidates), facts, profile, at, explain=explain)
    return Quote(request, decision, facts, profile, candidates, rejections, at)


def _collect_candidates(
    request: QuoteRequest, shopper: Shopper | None, at: datetime
) -> tuple[list[Candidate], list[Rejection]]:
    """What every kind offers, by itself or by the codes that are of it, and the codes that offer nothing."""
    typed = {normalize_code(code) or code: code for code in request.codes}
    kind_of = get_code_kinds(codes=list(typed))
    found: list[Candidate | Rejection] = []
    for kind, redeemer in get_backends().items():
        mine = sorted(code for code, its in kind_of.items() if its == kind)
        found += redeemer.candidates(
            ask=CandidateQuery(request.cart, request.shop, mine, shopper, at, vouchers=request.vouchers)
        )
    rejections = [Rejection(typed[code], CodeNotFound().as_dict()) for code in typed if code not in kind_of]
    answered = {item.code for item in found}
    rejections += [Rejection(it, CodeNotFound(NO_VOUCHER).as_dict()) for it in request.vouchers if it not in answered]
    rejections += [item for item in found if isinstance(item, Rejection)]
    return [item for item in found if isinstance(item, Candidate)], rejections


def load_customer_facts(offered: Iterable[Candidate], shopper: Shopper | None) -> ShopperFacts:
    """What the offers' conditions ask about the shopper, and only that: a query each where one of them asks."""
    if shopper is None or shopper.id is None:
        return ShopperFacts()
    known = list(offered)
    by_audience = _brands_of_candidates(known, "audience")
    by_orders = _brands_of_candidates(known, "nth_order")
    types = get_segment_types(customer_key=shopper.id, brand_ids=by_audience) if by_audience else {}
    orders = selectors.placed_orders(customer_key=shopper.id, brand_ids=by_orders) if by_orders else {}
    return ShopperFacts(
        {
            slug: Facts(types.get(brand_id, frozenset()), orders.get(brand_id, 0))
            for brand_id, slug in (by_audience | by_orders).items()
        }
    )


def _brands_of_candidates(offered: Iterable[Candidate], kind: str) -> dict[uuid.UUID, str]:
    return {
        candidate.brand_id: candidate.brand
        for candidate in offered
        if any(condition.kind == kind for condition in candidate.offer.conditions)
    }
