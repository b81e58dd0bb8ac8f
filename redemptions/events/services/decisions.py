"""Events of what a brand decides about an offer."""

from datetime import datetime

from redemptions.events.contracts import EventType, NewEvent
from redemptions.events.services.appending import append_events
from redemptions.lifecycle import Action, OfferLifecycle
from redemptions.statuses import OfferStatus

TYPES = {
    OfferStatus.SCHEDULED: EventType.OFFER_SCHEDULED,
    OfferStatus.ACTIVE: EventType.OFFER_ACTIVATED,
    OfferStatus.PAUSED: EventType.OFFER_PAUSED,
    OfferStatus.ENDED: EventType.OFFER_ENDED,
    OfferStatus.ARCHIVED: EventType.OFFER_ARCHIVED,
}


def append_decision(offer: OfferLifecycle, *, kind: str, action: Action, at: datetime) -> None:
    """Append the event of an action that has changed the decision about an offer."""
    type_ = EventType.OFFER_RESUMED if action == Action.RESUME else TYPES[offer.status_at(at)]
    append_events([NewEvent(type_, at, offer.brand_id, kind, offer=offer.pk)])  # type: ignore[attr-defined]
