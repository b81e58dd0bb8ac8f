"""Reads of promotions for checkout: candidates and available offers."""

import json
import uuid
from collections.abc import Collection, Sequence
from dataclasses import replace
from functools import lru_cache

from core import db
from core.errors import DomainError
from pricing import Offer, load_offer
from promotions.eligibility import cart_match_keys, upsell_subtotal
from promotions.errors import PromotionNotActive
from promotions.models import Promotion
from redemptions.contracts import AvailabilityQuery, Candidate, CandidateQuery, LimitedOffer, Rejection
from redemptions.errors import AudienceNotMember, CodeAlreadyUsed
from redemptions.lifecycle import find_status_error
from redemptions.uses.contracts import read_limits
from redemptions.uses.selectors import get_remaining, reached_limit_error, restrict_available, restrict_candidate


def candidates(*, query: CandidateQuery) -> list[Candidate | Rejection]:
    """Return the live automatic promotions that the cart could satisfy, and for each code its promotion or an error."""
    customer = query.shopper.id if query.shopper else None
    params = {"customer": customer, "shop": query.shop, "segments": list(query.segments)}
    results: list[Candidate | Rejection] = []
    rows: list[db.Row] = []
    if keys := cart_match_keys(query.cart, shop=query.shop):
        cart = {"gates": keys, "at": query.at, "reach": upsell_subtotal(query.cart)}
        rows += db.fetch_all("promotions/sql/select_automatic.sql", params | cart)
    if query.codes:
        code_rows = db.fetch_all(
            "promotions/sql/select_by_code.sql", params | {"codes": list(query.codes), "at": query.at}
        )
        valid_rows, rejections = _split_code_rows(code_rows)
        rows += valid_rows
        results += rejections
    offers = _read_limits(rows)
    remaining = get_remaining(offers=list(offers.values()), at=query.at, customer=customer, identities=query.identities)
    for row in rows:
        offer = offers[row["id"]]
        error = reached_limit_error(offer, remaining, currency=query.cart.currency)
        if error is None:
            results.append(restrict_candidate(_candidate(row), offer, remaining))
        elif row["code"]:
            results.append(_rejection(row, error))
    return results


def _split_code_rows(rows: Sequence[db.Row]) -> tuple[list[db.Row], list[Rejection]]:
    """Return the rows of valid codes, and the rejections of the other codes."""
    valid_rows: list[db.Row] = []
    rejections: list[Rejection] = []
    for row in rows:
        error = _code_error(row)
        if error is None:
            valid_rows.append(row)
        else:
            rejections.append(_rejection(row, error))
    return valid_rows, rejections


def _code_error(row: db.Row) -> DomainError | None:
    """Return the error of a code whose promotion can't be redeemed now. Of several the longest-lasting one wins."""
    if not row["brand_is_active"]:
        return PromotionNotActive()
    if error := find_status_error(row["status"], inactive=PromotionNotActive):
        return error
    if row["is_used"]:
        return CodeAlreadyUsed()
    return None if row["is_member"] else AudienceNotMember()


def available(*, query: AvailabilityQuery) -> list[Candidate]:
    """Return the live promotions that the shopper is eligible for and whose limits are not reached, newest first."""
    rows = db.fetch_all(
        "promotions/sql/select_available.sql",
        {
            "customer": query.shopper.id,
            "at": query.at,
            "brands": sorted(query.brands),
            "any_brand": not query.brands,
            "limit": query.limit,
        },
    )
    offers = _read_limits(rows)
    return restrict_available([(_candidate(row), offers[row["id"]]) for row in rows], query=query)


def _read_limits(rows: Sequence[db.Row]) -> dict[uuid.UUID, LimitedOffer]:
    return {row["id"]: read_limits("promotion", row) for row in rows}


def _rejection(row: db.Row, error: DomainError) -> Rejection:
    return Rejection(row["code"], error.as_dict(), "promotion", row["id"], row["brand_id"])


def _candidate(row: db.Row) -> Candidate:
    return Candidate(
        kind="promotion", id=str(row["id"]), key=str(row["id"]), code=row["code"], title=row["name"],
        brand_id=row["brand_id"], brand=row["brand"], timezone=row["timezone"],
        offer=parse_offer_cached(row["offer"], row["priority"]), order=row["age"],
        offer_id=row["id"], currency=row["currency"],
    )  # fmt: skip


@lru_cache(maxsize=20_000)
def parse_offer_cached(offer: str, priority: int) -> Offer:
    """Parse a stored offer and set the priority of its promotion. Repeated texts are read from a cache."""
    return replace(load_offer(json.loads(offer)), priority=priority)


def offer_names(*, offers: Collection[uuid.UUID]) -> dict[uuid.UUID, str]:
    """Return the names of promotions by ID."""
    return dict(Promotion.objects.filter(pk__in=offers).values_list("pk", "name"))
