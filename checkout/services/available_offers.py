"""What a shopper could have now, without typing anything."""

from collections.abc import Iterable
from datetime import datetime

from accounts.contracts import Shopper
from checkout import rules
from checkout.contracts import Available, QuoteRequest
from checkout.services.quotes import load_customer_facts
from pricing import Profile, ShopperFacts, price
from promotions.contracts import AvailabilityQuery, Candidate
from promotions.selectors import get_backends, get_pricing_profiles

LIMIT = 100  # of a kind


def list_offers(
    *, request: QuoteRequest | None, brands: Iterable[str], shopper: Shopper, at: datetime
) -> list[Available]:
    """Promotions, codes and whatever else the shopper could have, of these brands or of any.

    With a cart each is priced alone and the best comes first, then what is only a little away; without one the newest
    of each kind comes first. Takes nothing.
    """
    search = AvailabilityQuery(shopper, frozenset(brands), at, LIMIT)
    found = [candidate for redeemer in get_backends().values() for candidate in redeemer.available(search=search)]
    if request is None:
        return [Available(candidate) for candidate in found]
    facts, profiles = (
        load_customer_facts(found, shopper),
        get_pricing_profiles({candidate.brand_id for candidate in found}),
    )
    priced = [_price_offers(it, request, facts, profiles[it.brand_id], at) for it in found]
    return sorted(priced, key=lambda it: (it.amount is None, -(it.amount or 0), it.candidate.ref))


def _price_offers(
    candidate: Candidate, request: QuoteRequest, facts: ShopperFacts, profile: Profile, at: datetime
) -> Available:
    decision = price(request.cart, rules.to_engine_offers({candidate.ref: candidate}), facts, profile, at)
    if decision.applied or decision.gifts:
        return Available(candidate, amount=decision.discount_total)
    refused = next(iter(decision.rejected), None)
    reason = None if refused is None else {"code": refused.code, "detail": refused.detail, **refused.members}
    return Available(candidate, reason=reason)
