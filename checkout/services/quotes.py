"""Quotes: the price of a cart, from the offers of every kind."""

import uuid
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from django.utils.translation import gettext_lazy as _

from accounts.contracts import Acceptance, Shopper
from accounts.selectors import get_customer_attributes, lock_customer
from checkout import rules, selectors
from checkout.contracts import OrderCounts, Quote, QuoteRequest
from checkout.services.rejections import record_rejections, reject_candidate
from pricing import Facts, Profile, ShopperFacts
from pricing.condition_values import AttributeValue, iter_conditions
from promotions.selectors.pricing_profiles import get_pricing_profile
from redemptions.backends import get_backends
from redemptions.balances.selectors import restrict_to_balances
from redemptions.codes.contracts import FoundCode
from redemptions.codes.rules import canonicalize_code, choose_codes_of_cart, find_code_error
from redemptions.codes.selectors.codes import find_codes
from redemptions.contracts import Candidate, CandidateQuery, Rejection
from redemptions.errors import CodeNotFound, NotCombinable
from redemptions.uses.selectors import restrict_to_grants
from segments.selectors import get_segment_types

VOUCHER_NOT_FOUND = _("Voucher not found.")


def quote(*, request: QuoteRequest, shopper: Shopper | None, acceptance: Acceptance, at: datetime) -> Quote:
    """Price the cart with its codes and with automatic offers, and record the codes that aren't applied."""
    priced = price(request=request, shopper=shopper, acceptance=acceptance, at=at)
    record_rejections(priced, shopper=shopper, at=at)
    return priced


def price(
    *,
    request: QuoteRequest,
    shopper: Shopper | None,
    acceptance: Acceptance,
    at: datetime,
    lost: Mapping[str, Rejection] | None = None,
    is_locking: bool = False,
) -> Quote:
    """Price the cart with its codes and with automatic offers. Nothing is redeemed.

    The order of the codes never matters. Offers of brands that ``acceptance`` leaves out are as if they didn't exist,
    and lines of these brands only count for the total. ``lost`` maps references of candidates that have become
    unavailable to their reasons; these candidates are left out. ``is_locking`` keeps the customer's number of orders
    from changing before the end of the transaction, if a candidate depends on it.
    """
    unavailable = lost or {}
    offered, rejections = collect_candidates(request=request, shopper=shopper, acceptance=acceptance, at=at)
    candidates = [candidate for candidate in offered if candidate.ref not in unavailable]
    rejections += [rejection for rejection in unavailable.values() if rejection.code]
    facts = load_customer_facts(candidates, shopper, at=at, own=request, is_locking=is_locking)
    return price_candidates(request, candidates, rejections, facts=facts, at=at)


def collect_candidates(
    *,
    request: QuoteRequest,
    shopper: Shopper | None,
    acceptance: Acceptance,
    at: datetime,
    segments: Iterable[str] = (),
) -> tuple[list[Candidate], list[Rejection]]:
    """Return the candidates of all backends, and a rejection for each code and voucher that yields none.

    Codes and vouchers of brands that ``acceptance`` leaves out are rejected as unknown ones. ``segments`` are further
    segment types that a simulation assumes for the shopper.
    """
    typed = {canonicalize_code(code) or code: code for code in request.codes}
    found = [code for code in find_codes(codes=list(typed)) if acceptance.accepts(code.brand_id, code.kind)]
    codes = choose_codes_of_cart(found, **_code_brands(request))
    usable, results = _check_codes([code for chosen in codes.values() for code in chosen], typed, shopper, at)
    for kind, backend in get_backends().items():
        ids = sorted(code.id for code in usable if code.kind == kind)
        query = CandidateQuery(
            request.cart, request.shop, ids, shopper, at, sorted(segments), request.vouchers, request.identities
        )
        results += [one for one in backend.candidates(query=query) if acceptance.accepts(one.brand_id, kind)]
    results = restrict_to_balances(_keep_one_code_of_each(results), at=at)
    results = restrict_to_grants(results, grants=acceptance.grants, currency=request.cart.currency, at=at)
    known = {result.code for result in results}
    rejections = reject_unknown(
        codes=[text for code, text in typed.items() if code not in codes],
        vouchers=[voucher for voucher in request.vouchers if voucher not in known],
    )
    rejections += [result for result in results if isinstance(result, Rejection)]
    return [result for result in results if isinstance(result, Candidate)], rejections


def _check_codes(
    codes: Iterable[FoundCode], typed: Mapping[str, str], shopper: Shopper | None, at: datetime
) -> tuple[list[FoundCode], list[Candidate | Rejection]]:
    """Return the codes that the shopper can redeem, as far as the code itself decides, and rejections of the others.

    The code of another customer is rejected as it was ``typed``, as an unknown one is.
    """
    usable: list[FoundCode] = []
    rejections: list[Candidate | Rejection] = []
    for code in codes:
        error = find_code_error(code, customer=shopper.id if shopper else None, at=at)
        if error is None:
            usable.append(code)
        else:
            text = typed[code.canonical] if isinstance(error, CodeNotFound) else code.text
            rejections.append(Rejection(text, error.as_dict(), code.kind, code.offer, code.brand_id))
    return usable, rejections


def _keep_one_code_of_each(results: Sequence[Candidate | Rejection]) -> list[Candidate | Rejection]:
    """Return the results with one candidate of each offer, that of the first of its codes by text.

    Candidates of its other codes become rejections.
    """
    codes: dict[str, list[str]] = {}
    for result in results:
        if isinstance(result, Candidate):
            codes.setdefault(result.ref, []).append(result.code)
    return [
        _reject_repeated(result, first)
        if isinstance(result, Candidate) and result.code != (first := min(codes[result.ref]))
        else result
        for result in results
    ]


def _reject_repeated(candidate: Candidate, first: str) -> Rejection:
    return reject_candidate(candidate, NotCombinable.for_same_offer(first).as_dict())


def reject_unknown(*, codes: Iterable[str], vouchers: Iterable[str]) -> list[Rejection]:
    """Return the rejections of codes and vouchers that mean no offer."""
    unknown_code, unknown_voucher = CodeNotFound().as_dict(), CodeNotFound(VOUCHER_NOT_FOUND).as_dict()
    rejections = [Rejection(code, unknown_code) for code in codes]
    return rejections + [Rejection(voucher, unknown_voucher) for voucher in vouchers]


def price_candidates(
    request: QuoteRequest,
    candidates: Iterable[Candidate],
    rejections: Sequence[Rejection],
    *,
    facts: ShopperFacts,
    at: datetime,
    profile: Profile | None = None,
    explain: bool = False,
) -> Quote:
    """Price the cart with candidates and the pricing profile of their brand, unless another profile is given."""
    by_ref = {candidate.ref: candidate for candidate in candidates}
    if profile is None:
        profile = get_pricing_profile({candidate.brand_id for candidate in by_ref.values()})
    return rules.price_methods(request, by_ref, rejections, facts=facts, profile=profile, at=at, explain=explain)


def _code_brands(request: QuoteRequest) -> dict[str, Any]:
    """Return whose codes the request can use, as arguments of ``choose_codes_of_cart``.

    A line belongs to its brand or to the brand whose server asks; without both, it can be of any brand.
    """
    brands = {line.brand for line in request.cart.lines if line.brand}
    is_open = not request.cart.lines or any(line.brand is None for line in request.cart.lines)
    return {"brands": brands | ({request.shop} if request.shop else set()), "any_brand": is_open and not request.shop}


def load_customer_facts(
    candidates: Iterable[Candidate],
    shopper: Shopper | None,
    *,
    at: datetime,
    own: QuoteRequest | None = None,
    is_locking: bool = False,
) -> ShopperFacts:
    """Load what the candidates' conditions need to know about the customer: at most one query for each kind of fact.

    The order of ``own``, the request that is priced, doesn't count as another order of the customer.
    """
    if shopper is None or shopper.id is None:
        return ShopperFacts()
    offers = list(candidates)
    with_audience = _brands_of_candidates(offers, "audience")
    with_order_number = _brands_of_candidates(offers, "nth_order")
    with_attributes = _brands_of_candidates(offers, "attribute")
    attributes = (
        get_customer_attributes(customer_key=shopper.id, brand_ids=with_attributes.keys()) if with_attributes else {}
    )
    types = get_segment_types(customer_key=shopper.id, brand_ids=with_audience) if with_audience else {}
    orders: Mapping[uuid.UUID, OrderCounts] = {}
    if with_order_number:
        if is_locking:
            lock_customer(shopper.id)
        orders = selectors.count_orders(customer_key=shopper.id, brand_ids=with_order_number, at=at, own=own)
    return ShopperFacts(
        {
            slug: _to_facts(
                types.get(brand_id, frozenset()), orders.get(brand_id, OrderCounts()), attributes.get(brand_id, {})
            )
            for brand_id, slug in (with_audience | with_order_number | with_attributes).items()
        }
    )


def _to_facts(segments: frozenset[str], orders: OrderCounts, attributes: Mapping[str, AttributeValue]) -> Facts:
    return Facts(segments, orders.placed, orders.reserved, attributes)


def _brands_of_candidates(candidates: Iterable[Candidate], kind: str) -> dict[uuid.UUID, str]:
    """Return IDs and slugs of the brands whose candidates have a condition of this kind."""
    return {
        candidate.brand_id: candidate.brand
        for candidate in candidates
        if any(condition.kind == kind for condition in iter_conditions(candidate.offer.conditions))
    }
