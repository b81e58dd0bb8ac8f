"""Events of returns and amendments: one for each offer, whatever its kind. Other statements append their own."""

import uuid
from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from typing import Any

from checkout.contracts import OrderTotals
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
    subtotal, data = redemption.total + redemption.discount_total, _data(redemption, at)
    append_events(
        _event(event_type, redemption, item, amount=amount, subtotal=subtotal, data=data, at=at)
        for item, amount in amounts.items()
        if is_complete or amount
    )


def append_amendment(
    redemption: Redemption, changes: Iterable[ItemChange], before: OrderTotals, *, at: datetime
) -> None:
    """Append what an amendment changed of each item: new ones are confirmed, and removed ones are returned.

    The amount and the subtotal of an item that stays are differences; its data has the new values.
    """
    former = before.total + before.discount
    brands = {change.item.brand_id for change in changes if change.before is not None}
    append_events(_amendment(redemption, change, former=former, brands=brands, at=at) for change in changes)


def _amendment(
    redemption: Redemption, change: ItemChange, *, former: int, brands: Collection[uuid.UUID], at: datetime
) -> NewEvent:
    """Return the event of an item. ``former`` is the subtotal of the order before, in minor units.

    ``brands`` are those whose offers the order had, so that it counts for them already.
    """
    subtotal, item, currency = redemption.total + redemption.discount_total, change.item, redemption.currency
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
