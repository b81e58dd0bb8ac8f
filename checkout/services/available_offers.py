"""Offers that a shopper can use without typing a code."""

from collections.abc import Iterable
from datetime import datetime

from accounts.contracts import Acceptance, Shopper
from checkout.contracts import AvailableOffer, QuoteRequest
from checkout.serialization import serialize_reason
from checkout.services.quotes import load_customer_facts, price_candidates
from pricing import Profile, ShopperFacts
from promotions.selectors.pricing_profiles import get_pricing_profiles
from redemptions.backends import get_backends
from redemptions.balances.selectors import restrict_to_balances
from redemptions.contracts import AvailabilityQuery, Candidate
from redemptions.identities import NO_IDENTITIES
from redemptions.uses.selectors import restrict_to_grants

MAX_OFFERS_PER_KIND = 100


def list_offers(
    *, request: QuoteRequest | None, brands: Iterable[str], shopper: Shopper, acceptance: Acceptance, at: datetime
) -> list[AvailableOffer]:
    """Return the offers that the shopper can use, of these brands, or of every brand if none is named.

    Offers of brands and kinds that ``acceptance`` leaves out are missing.

    With a cart, each offer is priced alone: the largest discount comes first, offers without a discount last. Without a
    cart, the newest offers of each kind come first. Nothing is redeemed.
    """
    identities = NO_IDENTITIES if request is None else request.identities
    search = AvailabilityQuery(shopper, frozenset(brands), at, MAX_OFFERS_PER_KIND, identities)
    found = [
        candidate
        for backend in get_backends().values()
        for candidate in backend.available(query=search)
        if acceptance.accepts(candidate.brand_id, candidate.kind)
    ]
    results = restrict_to_balances(found, at=at)
    if request is not None:
        currency = request.cart.currency
        results = restrict_to_grants(results, grants=acceptance.grants, currency=currency, at=at)
    candidates = [one for one in results if isinstance(one, Candidate)]
    if request is None:
        return [AvailableOffer(candidate) for candidate in candidates]
    facts = load_customer_facts(candidates, shopper, at=at)
    profiles = get_pricing_profiles({candidate.brand_id for candidate in candidates})
    offers = [_price_alone(candidate, request, facts, profiles[candidate.brand_id], at) for candidate in candidates]
    return sorted(offers, key=lambda offer: (offer.amount is None, -(offer.amount or 0), offer.candidate.ref))


def _price_alone(
    candidate: Candidate, request: QuoteRequest, facts: ShopperFacts, profile: Profile, at: datetime
) -> AvailableOffer:
    """Price one offer without the others."""
    decision = price_candidates(request, [candidate], (), facts=facts, profile=profile, at=at).decision
    if decision.applied or decision.gifts:
        return AvailableOffer(candidate, amount=decision.discount_total)
    rejected = next(iter(decision.rejected), None)
    if rejected is None:
        return AvailableOffer(candidate)
    currency = request.cart.currency
    return AvailableOffer(candidate, reason=serialize_reason(rejected, {candidate.ref: candidate}, currency=currency))
