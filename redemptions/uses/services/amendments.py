"""Amendments of orders: what confirmed uses of offers take of budgets and limits changes together."""

import uuid
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from redemptions.balances.contracts import MovementReason
from redemptions.balances.rules import iter_movements
from redemptions.contracts import AmendedItem, LimitedOffer, Purchase, SelectedOffer
from redemptions.limits.contracts import TakenLimit
from redemptions.limits.rules import UNITS_SCOPE, counts_amount
from redemptions.uses.models import OfferUse
from redemptions.uses.services.requests import find_codes_to_count, is_counted, list_requests
from redemptions.uses.services.reservations import insert_uses, list_taken, select_uses, split_counters, take_limits


def amend_items(
    *,
    purchase: Purchase,
    amended: Mapping[uuid.UUID, AmendedItem],
    offers: Mapping[uuid.UUID, LimitedOffer],
) -> None:
    """Change the discounts of confirmed uses of locked offers, delete removed ones, and insert new ones, confirmed.

    ``amended`` are the items by offer. One statement locks all of the limits in their order. A use stays in the period
    in which it was taken. Raises OfferUnavailable.
    """
    added = {
        key: SelectedOffer(item.key, item.code, item.after, key, item.units_after)
        for key, item in amended.items()
        if item.before is None and item.after is not None and is_counted(key, offers, purchase)
    }
    uses = _lock_uses(purchase, amended)
    if not added and not uses:
        return
    released = [one for use in uses.values() for one in _release_part(use, amended[use.offer_id])]
    codes = find_codes_to_count(added, offers)
    increases = {key: _find_increase(amended[key]) for key in uses if key in offers}
    increased = {key: item for key, item in increases.items() if item.amount or item.units}
    requests = [
        *list_requests(added, offers, purchase),
        *(
            request
            for request in list_requests(increased, offers, purchase)
            if request.scope == UNITS_SCOPE or counts_amount(request.scope, purchase.currency)
        ),
    ]
    items = {key: SelectedOffer(item.key, item.code, item.after or 0, key) for key, item in amended.items()}
    returned = iter_movements(released, redemption=purchase.id, reason=MovementReason.AMENDED)
    taken = take_limits(
        requests,
        items,
        codes,
        purchase=purchase,
        reason=MovementReason.AMENDED,
        released=released,
        returned=returned,
    )
    if added:
        of_added = [one for one in taken if one.taker in added]
        insert_uses(added, of_added, purchase, offers, codes=codes, until=None)
    _update_uses(uses, amended, taken)


def _lock_uses(purchase: Purchase, offers: Mapping[uuid.UUID, AmendedItem]) -> dict[uuid.UUID, OfferUse]:
    confirmed = select_uses([purchase.id], offers).filter(reserved_until__isnull=True)
    return {use.offer_id: use for use in confirmed.select_for_update().order_by("offer_id")}


def _release_part(use: OfferUse, item: AmendedItem) -> list[TakenLimit]:
    """Return what a use releases, and take it off its counters: everything if the order no longer has it."""
    if item.after is None:
        return list_taken(use)
    decrease, units = (item.before or 0) - item.after, item.units_before - item.units_after
    use.counters, released = split_counters(use, max(0, decrease), max(0, units))
    return released


def _find_increase(item: AmendedItem) -> SelectedOffer:
    """Return by how much the discount and the units of an item grow, which take from amounts and units only."""
    if item.after is None:
        return SelectedOffer(item.key, item.code, 0, item.offer_id)
    increase, units = item.after - (item.before or 0), item.units_after - item.units_before
    return SelectedOffer(item.key, item.code, max(0, increase), item.offer_id, max(0, units))


def _update_uses(
    uses: Mapping[uuid.UUID, OfferUse], items: Mapping[uuid.UUID, AmendedItem], taken: Iterable[TakenLimit]
) -> None:
    """Write the discounts and counters of the uses that stay, and delete the others."""
    removed = [use.pk for key, use in uses.items() if items[key].after is None]
    kept = [use for key, use in uses.items() if items[key].after is not None]
    amounts: dict[uuid.UUID, Counter[Any]] = {
        use.offer_id: Counter({tuple(counter[:3]): counter[3] for counter in use.counters}) for use in kept
    }
    for one in taken:
        if one.taker in amounts:
            amounts[one.taker][one.scope, one.slot, one.shard] += one.amount
    for use in kept:
        use.amount = items[use.offer_id].after or 0
        use.counters = [[*key, amount] for key, amount in amounts[use.offer_id].items()]
    if kept:
        OfferUse.objects.bulk_update(kept, ["amount", "counters"])
    if removed:
        OfferUse.objects.filter(pk__in=removed).delete()
