"""What a redemption does to its offers, of all kinds: reserve, confirm, release, return, amend.

The kinds act first, in the order in which their rows are locked, on what only they keep. Then the uses of all offers
take from budgets and limits, or release what they took. Each function runs in the caller's transaction.
"""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import replace

from redemptions.contracts import AmendedItem, LimitedOffer, Purchase, RedemptionBackend, ReturnedItem
from redemptions.uses import services as uses
from redemptions.uses.models import OfferUse

Purchases = Sequence[tuple[RedemptionBackend, Purchase]]
"""The parts of one redemption, by backend in the order of kinds."""


def reserve(purchases: Purchases, *, former: Purchases = ()) -> None:
    """Reserve a use of each item until ``Purchase.until``, instead of the reserved items of ``former``.

    Both change the limits in one statement, since a transaction that released and then took would lock their rows out
    of order. Raises OfferUnavailable; then the caller rolls back.
    """
    if not purchases:
        release(former)
        return
    held = _release_items(former)
    offers: dict[uuid.UUID, LimitedOffer] = {}
    for backend, purchase in purchases:
        offers |= backend.reserve(purchase=purchase)
    whole = _combine(purchases)
    uses.reserve(purchase=whole, offers=offers, until=whole.until, replaced=held)


def confirm(purchases: Purchases) -> None:
    """Confirm the reserved items. Raises ReservationExpired."""
    for backend, purchase in purchases:
        backend.confirm(purchase=purchase)
    if purchases:
        whole = _combine(purchases)
        uses.confirm(redemption=whole.id, offers=[item.offer_id for item in whole.items], at=whole.at)


def release(purchases: Purchases) -> None:
    """Release the reserved items; confirmed ones stay. Repeating it has no effect."""
    held = _release_items(purchases)
    if held:
        uses.release(uses=held, at=purchases[0][1].at)


def _release_items(purchases: Purchases) -> list[OfferUse]:
    """Release what the kinds keep of reserved items. Return their locked uses, which the caller releases."""
    held = _lock_uses(purchases)
    for backend, purchase in purchases:
        backend.release(purchase=purchase)
    return held


def return_items(purchases: Purchases, returned: Mapping[tuple[str, str], ReturnedItem]) -> None:
    """Return parts of the discounts of confirmed items, given by kind and key, and uses that are returned."""
    held = _lock_uses(purchases)
    by_offer: dict[uuid.UUID, ReturnedItem] = {}
    for backend, purchase in purchases:
        parts = {item: part for item in purchase.items if (part := returned.get((backend.KIND, item.key)))}
        if parts:
            backend.return_items(purchase=purchase, returned=list(parts.values()))
            by_offer |= {item.offer_id: part for item, part in parts.items()}
    if held:
        uses.return_items(uses=held, returned=by_offer, at=purchases[0][1].at)


def amend_items(purchases: Purchases, amended: Mapping[str, Sequence[AmendedItem]]) -> None:
    """Change the discounts of confirmed items, given by kind, return removed items, and use new ones.

    Raises OfferUnavailable.
    """
    if not purchases:
        return
    whole = _combine(purchases)
    offers = uses.lock_offers(_list_offers(purchases))
    items = {item.offer_id: item for parts in amended.values() for item in parts}
    for backend, purchase in purchases:
        backend.amend_items(purchase=purchase, amended=amended.get(backend.KIND, ()))
    uses.amend_items(purchase=whole, amended=items, offers=offers)


def _lock_uses(purchases: Purchases) -> list[OfferUse]:
    if not purchases:
        return []
    return uses.lock_uses(redemptions=[purchases[0][1].id], offers=_list_offers(purchases))


def _list_offers(purchases: Purchases) -> list[tuple[str, uuid.UUID]]:
    """Return the kind and the ID of each offer of a redemption."""
    return [(backend.KIND, item.offer_id) for backend, purchase in purchases for item in purchase.items]


def _combine(purchases: Purchases) -> Purchase:
    """Return the redemption with the items of all kinds."""
    return replace(purchases[0][1], items=[item for _, purchase in purchases for item in purchase.items])
