"""Events of returns. The statements of the other changes append theirs: one for each offer, whatever its kind."""

from collections.abc import Mapping
from datetime import datetime

from checkout.models import Redemption, RedemptionItem
from redemptions.events.contracts import EventType, NewEvent
from redemptions.events.services import append_events


def append_returns(
    redemption: Redemption, amounts: Mapping[RedemptionItem, int], *, is_complete: bool, at: datetime
) -> None:
    """Append the return of the items, with the amount that comes back of each.

    The events name the time of the confirmation, since results count a return where the redemption counts.
    """
    event_type = EventType.REDEMPTION_RETURNED if is_complete else EventType.REDEMPTION_PARTIALLY_RETURNED
    confirmed_at = redemption.confirmed_at or at
    append_events(
        NewEvent(
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
            subtotal=redemption.total + redemption.discount_total,
            currency=redemption.currency,
            data={"confirmed_at": confirmed_at.isoformat()},
        )
        for item, amount in amounts.items()
        if is_complete or amount
    )
