"""Quotes: the price of a cart, from the offers of every kind."""

import uuid
from collections.abc import Iterable, Mapping
from datetime import datetime

from django.utils.translation import gettext_lazy as _

from accounts.contracts import Shopper
from checkout import rules, selectors
from checkout.contracts import Quote, QuoteRequest
from checkout.services.rejections import record_rejections
from pricing import Facts, ShopperFacts
from promotions.selectors.pricing_profiles import get_pricing_profile
from redemptions.backends import get_backends
from redemptions.codes.rules import normalize_code
from redemptions.codes.selectors.codes import get_code_kinds
from redemptions.contracts import Candidate, CandidateQuery, Rejection
from redemptions.errors import CodeNotFound
from segments.selectors import get_segment_types

VOUCHER_NOT_FOUND = _("Voucher not found.")


def quote(*, request: QuoteRequest, shopper: Shopper | None, at: datetime) -> Quote:
    """Price the cart with its codes and with automatic offers, and record the codes that aren't applied."""
    priced = price(request=request, shopper=shopper, at=at)
    record_rejections(priced, shopper=shopper, at=at)
    return priced


def price(
    *, request: QuoteRequest, shopper: Shopper | None, at: datetime, lost: Mapping[str, Rejection] | None = None
) -> Quote:
    """Price the cart with its codes and with automatic offers. Nothing is redeemed.

    The order of the codes never matters. ``lost`` maps references of candidates that have become unavailable to their
    reasons; these candidates are left out.
    """
    unavailable = lost or {}
    offered, rejections = _collect_candidates(request, shopper, at)
    candidates = {candidate.ref: candidate for candidate in offered if candidate.ref not in unavailable}
    rejections += [rejection for rejection in unavailable.values() if rejection.code]
    facts = load_customer_facts(candidates.values(), shopper)
    profile = get_pricing_profile({candidate.brand_id for candidate in candidates.values()})
    return rules.price_cart(request, candidates, rejections, facts=facts, profile=profile, at=at)


def _collect_candidates(
    request: QuoteRequest, shopper: Shopper | None, at: datetime
) -> tuple[list[Candidate], list[Rejection]]:
    """Return the candidates of all backends, and a rejection for each code that yields none."""
    typed = {normalize_code(code) or code: code for code in request.codes}
    kinds = get_code_kinds(codes=list(typed))
    results: list[Candidate | Rejection] = []
    for kind, backend in get_backends().items():
        codes = sorted(code for code, code_kind in kinds.items() if code_kind == kind)
        query = CandidateQuery(request.cart, request.shop, codes, shopper, at, vouchers=request.vouchers)
        results += backend.candidates(query=query)
    known = {result.code for result in results}
    rejections = [Rejection(typed[code], CodeNotFound().as_dict()) for code in typed if code not in kinds]
    rejections += [
        Rejection(voucher, CodeNotFound(VOUCHER_NOT_FOUND).as_dict())
        for voucher in request.vouchers
        if voucher not in known
    ]
    rejections += [result for result in results if isinstance(result, Rejection)]
    return [result for result in results if isinstance(result, Candidate)], rejections


def load_customer_facts(candidates: Iterable[Candidate], shopper: Shopper | None) -> ShopperFacts:
    """Load what the candidates' conditions need to know about the customer: at most one query for each kind of fact."""
    if shopper is None or shopper.id is None:
        return ShopperFacts()
    offers = list(candidates)
    with_audience = _brands_of_candidates(offers, "audience")
    with_order_number = _brands_of_candidates(offers, "nth_order")
    types = get_segment_types(customer_key=shopper.id, brand_ids=with_audience) if with_audience else {}
    orders = selectors.count_orders(customer_key=shopper.id, brand_ids=with_order_number) if with_order_number else {}
    return ShopperFacts(
        {
            slug: Facts(types.get(brand_id, frozenset()), orders.get(brand_id, 0))
            for brand_id, slug in (with_audience | with_order_number).items()
        }
    )


def _brands_of_candidates(candidates: Iterable[Candidate], kind: str) -> dict[uuid.UUID, str]:
    """Return IDs and slugs of the brands whose candidates have a condition of this kind."""
    return {
        candidate.brand_id: candidate.brand
        for candidate in candidates
        if any(condition.kind == kind for condition in candidate.offer.conditions)
    }
