"""Amendments of orders, for kinds that take and return the uses of items one after another."""

from collections.abc import Callable, Sequence
from dataclasses import replace

from redemptions.contracts import AmendedItem, Purchase, ReturnedItem, SelectedOffer


def exchange_items(
    *,
    purchase: Purchase,
    amended: Sequence[AmendedItem],
    return_items: Callable[..., None],
    reserve: Callable[..., object],
    confirm: Callable[..., None],
) -> dict[str, int]:
    """Return the uses of removed items, and take and confirm those of new ones, with the functions of a backend.

    Return the discounts of the items that stay, by key. Raises OfferUnavailable.
    """
    removed = [ReturnedItem(item.key, item.before or 0, True) for item in amended if item.after is None]
    added = [
        SelectedOffer(item.key, item.code, item.after, item.offer_id, item.units_after)
        for item in amended
        if item.before is None and item.after is not None
    ]
    if removed:
        former = [
            SelectedOffer(item.key, item.code, item.before or 0, item.offer_id)
            for item in amended
            if item.after is None
        ]
        return_items(purchase=replace(purchase, items=former), returned=removed)
    if added:
        reserve(purchase=replace(purchase, items=added))
        confirm(purchase=replace(purchase, items=added))
    return {item.key: item.after for item in amended if item.before is not None and item.after is not None}
