"""Events of returns and amendments: one for each offer, whatever its kind. Other statements append their own."""

import uuid
from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from typing import Any

from checkout import selectors
from checkout.models import Redemption, RedemptionItem
from checkout.services.amended_items import ItemChange
from core import money
from redemptions.events.contracts import EventType, NewEvent
from redemptions.events.services import append_events


def append_returns(
    redemption: Redemption, amounts: Mapping[RedemptionItem, int], *, is_complete: bool, at: datetime
) -> None:
    """Append the return of the items, with the amount that comes back of each.

    The events name the time of the confirmation, since results count a return where the redemption counts.
    """
    event_type = EventType.REDEMPTION_RETURNED if is_complete else EventType.REDEMPTION_PARTIALLY_RETURNED
    subtotals, data = selectors.get_subtotals(redemption), _data(redemption, at)
    append_events(
        _event(event_type, redemption, item, amount=amount, subtotal=subtotals[item.brand_id], data=data, at=at)
        for item, amount in amounts.items()
        if is_complete or amount
    )


def append_amendment(
    redemption: Redemption, changes: Iterable[ItemChange], former: Mapping[uuid.UUID, int], *, at: datetime
) -> None:
    """Append what an amendment changed of each item: new ones are confirmed, and removed ones are returned.

    The amount and the subtotal of an item that stays are differences; its data has the new values. ``former`` is what
    of the order counted for each brand before, in minor units.
    """
    subtotals = selectors.get_subtotals(redemption)
    brands = {change.item.brand_id for change in changes if change.before is not None}
    append_events(
        _amendment(redemption, change, subtotals=(former, subtotals), brands=brands, at=at) for change in changes
    )


def _amendment(
    redemption: Redemption,
    change: ItemChange,
    *,
    subtotals: tuple[Mapping[uuid.UUID, int], Mapping[uuid.UUID, int]],
    brands: Collection[uuid.UUID],
    at: datetime,
) -> NewEvent:
    """Return the event of an item. ``subtotals`` are what of the order counts for each brand, before and after.

    ``brands`` are those whose offers the order had, so that it counts for them already.
    """
    item, currency = change.item, redemption.currency
    former, subtotal = (sums.get(item.brand_id, 0) for sums in subtotals)
    if change.before is None:
        confirmed, mark = EventType.REDEMPTION_CONFIRMED, {"amended": True} if item.brand_id in brands else {}
        return _event(confirmed, redemption, item, amount=change.after, subtotal=subtotal, data=mark, at=at)
    data = _data(redemption, at)
    if change.after is None:
        returned = EventType.REDEMPTION_RETURNED
        return _event(returned, redemption, item, amount=change.before, subtotal=former, data=data, at=at)
    data |= {
        "amount": money.format_decimal(change.after, currency),
        "subtotal": money.format_decimal(subtotal, currency),
    }
    amended, difference = EventType.REDEMPTION_AMENDED, change.after - change.before
    return _event(amended, redemption, item, amount=difference, subtotal=subtotal - former, data=data, at=at)


def _data(redemption: Redemption, at: datetime) -> dict[str, Any]:
    return {"confirmed_at": (redemption.confirmed_at or at).isoformat()}


def _event(
    event_type: EventType,
    redemption: Redemption,
    item: RedemptionItem,
    *,
    amount: int | None,
    subtotal: int,
    data: Mapping[str, Any],
    at: datetime,
) -> NewEvent:
    return NewEvent(
        event_type,
        at,
        item.brand_id,
        item.kind,
        offer=item.offer_id,
        code=item.code,
        customer=redemption.customer_id,
        order=redemption.order,
        redemption=redemption.pk,
        amount=amount,
        subtotal=subtotal,
        currency=redemption.currency,
        data=data,
    )
