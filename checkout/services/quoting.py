"""One price for one cart: asks every kind for its offers, then the engine once."""

import uuid
from collections.abc import Iterable, Sequence
from datetime import datetime

from accounts.contracts import Shopper
from checkout import selectors
from checkout.contracts import Quote, Request
from promotions.contracts import Candidate, Rejection
from promotions.engine import Facts, InPlay, Profile, ShopperFacts, price
from promotions.errors import CodeUnknown
from promotions.rules import normalise
from promotions.selectors import kinds, redeemers
from segments.selectors import segment_types


def quote(*, request: Request, shopper: Shopper | None, at: datetime) -> Quote:
    """Price the cart with the codes that were sent; takes nothing.

    The order in which codes were typed never matters.
    """
    offered, rejections = _offers(request.codes, shopper, at)
    candidates = {f"{offer.kind}:{offer.key}": offer for offer in offered}
    decision = price(
        request.cart, [_in_play(*item) for item in candidates.items()], _facts(offered, shopper), Profile(), at
    )
    return Quote(request, decision, candidates, rejections, at)


def _offers(codes: Sequence[str], shopper: Shopper | None, at: datetime) -> tuple[list[Candidate], list[Rejection]]:
    """What the codes offer, by the kind that each is of, and those that offer nothing."""
    typed = {normalise(code) or "": code for code in codes}
    kind_of = kinds(codes=[code for code in typed if code])
    found: list[Candidate | Rejection] = []
    for kind, redeemer in redeemers().items():
        if mine := sorted(code for code, its in kind_of.items() if its == kind):
            found.extend(redeemer.offers(codes=mine, shopper=shopper, at=at))
    rejections = [Rejection(typed[code], CodeUnknown().reason()) for code in typed if code not in kind_of]
    rejections += [item for item in found if isinstance(item, Rejection)]
    return [item for item in found if isinstance(item, Candidate)], rejections


def _in_play(ref: str, candidate: Candidate) -> InPlay:
    return InPlay(
        ref=ref,
        kind=candidate.kind,
        title=candidate.title,
        offer=candidate.offer,
        brand=candidate.brand,
        timezone=candidate.timezone,
        order=candidate.order,
        code=candidate.code,
    )


def _facts(offered: Iterable[Candidate], shopper: Shopper | None) -> ShopperFacts:
    """What the offers' conditions ask about the shopper, and only that: a query each where one of them asks."""
    if shopper is None or shopper.id is None:
        return ShopperFacts()
    by_audience = _brands_asking(offered, "audience")
    by_orders = _brands_asking(offered, "nth_order")
    types = segment_types(customer_key=shopper.id, brand_ids=by_audience) if by_audience else {}
    orders = selectors.placed_orders(customer_key=shopper.id, brand_ids=by_orders) if by_orders else {}
    return ShopperFacts(
        {
            slug: Facts(types.get(brand_id, frozenset()), orders.get(brand_id, 0))
            for brand_id, slug in (by_audience | by_orders).items()
        }
    )


def _brands_asking(offered: Iterable[Candidate], kind: str) -> dict[uuid.UUID, str]:
    return {
        candidate.brand_id: candidate.brand
        for candidate in offered
        if any(condition.kind == kind for condition in candidate.offer.conditions)
    }
