"""Promotions in redemptions. A promotion keeps nothing but its uses, which ``redemptions.uses`` counts."""

import uuid
from collections.abc import Collection, Sequence
from dataclasses import replace

from core import db
from promotions.errors import PromotionNotActive
from redemptions.contracts import AmendedItem, LimitedOffer, OfferUnavailable, Purchase, SelectedOffer
from redemptions.lifecycle import derive_status
from redemptions.statuses import OfferStatus
from redemptions.uses.contracts import read_limits

KIND = "promotion"


def lock_offers(*, offers: Collection[uuid.UUID]) -> dict[uuid.UUID, LimitedOffer]:
    """Lock promotions against changes of their limits, and return them."""
    return {key: read_limits(KIND, row, counts_codes=True, counts_all=True) for key, row in _lock(offers).items()}


def _lock(offers: Collection[uuid.UUID]) -> dict[uuid.UUID, db.Row]:
    rows = db.fetch_all("promotions/sql/lock_promotions.sql", {"promotions": list(offers)})
    return {row["id"]: row for row in rows}


def reserve(*, purchase: Purchase) -> dict[uuid.UUID, LimitedOffer]:
    """Check that each promotion is active, and return them, locked. Raises OfferUnavailable."""
    items = sorted(purchase.items, key=lambda item: item.key)
    rows = _lock([item.offer_id for item in items])
    for item in items:
        row = rows[item.offer_id]
        dates = {"start": row["start_date"], "end": row["end_date"]}
        if derive_status(decision=row["decision"], **dates, at=purchase.at) != OfferStatus.ACTIVE:
            raise OfferUnavailable(item, PromotionNotActive())
    return {key: read_limits(KIND, row, counts_codes=True, counts_all=True) for key, row in rows.items()}


def amend_items(*, purchase: Purchase, amended: Sequence[AmendedItem]) -> None:
    """Check that new promotions are active. The rest is what uses take and return. Raises OfferUnavailable."""
    added = [
        SelectedOffer(item.key, item.code, item.after or 0, item.offer_id) for item in amended if item.before is None
    ]
    if added:
        reserve(purchase=replace(purchase, items=added))
