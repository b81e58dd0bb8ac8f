"""Amendments of orders: what confirmed redemptions of promotions take of budgets and limits changes together."""

import uuid
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from core import db
from promotions.contracts import list_budgets
from promotions.models import PromotionRedemption
from promotions.services.reservations import (
    check_active,
    insert_uses,
    iter_limits,
    lock_promotions,
    split_counters,
    take_limits,
)
from redemptions.codes.selectors.codes import find_single_use_codes
from redemptions.contracts import AmendedItem, Purchase, SelectedOffer
from redemptions.limits.contracts import LimitRequest, TakenLimit
from redemptions.limits.rules import budget_scope


def amend_items(*, purchase: Purchase, amended: Sequence[AmendedItem]) -> None:
    """Change the discounts of confirmed redemptions, return removed ones, and insert new ones, confirmed.

    One statement locks all of the limits in their order. A use stays in the period in which it was taken. Raises
    OfferUnavailable.
    """
    items = {uuid.UUID(item.key): item for item in sorted(amended, key=lambda item: item.key)}
    promotions = lock_promotions(list(items))
    added = {
        key: SelectedOffer(item.key, item.code, item.after)
        for key, item in items.items()
        if item.before is None and item.after is not None
    }
    check_active(added, promotions, purchase)
    uses = _lock_uses(purchase, items)
    released = [one for use in uses.values() for one in _release_part(use, items[use.promotion_id])]
    single_use = find_single_use_codes(codes=[(key, item.code) for key, item in added.items() if item.code])
    requests = [
        *(request for key, item in added.items() for request in iter_limits(promotions[key], item, purchase)),
        *(request for key in uses for request in _iter_increases(promotions[key], items[key], purchase)),
    ]
    offers = {key: SelectedOffer(item.key, item.code, item.after or 0) for key, item in items.items()}
    taken = take_limits(requests, offers, purchase, single_use, released)
    if added:
        of_added = [one for one in taken if one.owner in added]
        insert_uses(added, of_added, purchase, single_use=single_use, until=None)
    _update_uses(uses, items, taken)


def _lock_uses(purchase: Purchase, items: Iterable[uuid.UUID]) -> dict[uuid.UUID, PromotionRedemption]:
    uses = PromotionRedemption.objects.filter(
        redemption_id=purchase.id, promotion_id__in=items, reserved_until__isnull=True
    )
    return {use.promotion_id: use for use in uses.select_for_update().order_by("promotion_id")}


def _release_part(use: PromotionRedemption, item: AmendedItem) -> list[TakenLimit]:
    """Return what a redemption releases, and take it off its counters: everything if the order no longer has it."""
    if item.after is None:
        return [TakenLimit(use.promotion_id, *counter) for counter in use.counters]
    use.counters, released = split_counters(use, max(0, (item.before or 0) - item.after))
    return released


def _iter_increases(promotion: db.Row, item: AmendedItem, purchase: Purchase) -> Iterator[LimitRequest]:
    """Yield what a greater discount takes of the budget, if the promotion has one in the currency of the order."""
    budget = list_budgets(promotion).get(purchase.currency)
    increase = (item.after or 0) - (item.before or 0)
    if budget is not None and increase > 0:
        scope, home = budget_scope(purchase.currency), purchase.shopper_key
        yield LimitRequest(owner=promotion["id"], scope=scope, slot="", amount=increase, cap=budget, home=home)


def _update_uses(
    uses: Mapping[uuid.UUID, PromotionRedemption], items: Mapping[uuid.UUID, AmendedItem], taken: Iterable[TakenLimit]
) -> None:
    """Write the discounts and counters of the redemptions that stay, and delete the others."""
    removed = [use.pk for key, use in uses.items() if items[key].after is None]
    kept = [use for key, use in uses.items() if items[key].after is not None]
    amounts: dict[uuid.UUID, Counter[Any]] = {
        use.promotion_id: Counter({tuple(counter[:3]): counter[3] for counter in use.counters}) for use in kept
    }
    for one in taken:
        if one.owner in amounts:
            amounts[one.owner][one.scope, one.slot, one.shard] += one.amount
    for use in kept:
        use.amount = items[use.promotion_id].after or 0
        use.counters = [[*key, amount] for key, amount in amounts[use.promotion_id].items()]
    PromotionRedemption.objects.bulk_update(kept, ["amount", "counters"])
    PromotionRedemption.objects.filter(pk__in=removed).delete()
