"""Services that carry out what a brand decides about an offer, the same for every kind."""

from datetime import datetime

from redemptions.codes.services import archive_codes, delete_codes
from redemptions.events.contracts import EventType, NewEvent
from redemptions.events.services import append_events
from redemptions.lifecycle import Action, OfferLifecycle, decide
from redemptions.limits.models import Limit
from redemptions.statuses import OfferDecision, OfferStatus

EVENT_TYPES = {
    OfferStatus.SCHEDULED: EventType.OFFER_SCHEDULED,
    OfferStatus.ACTIVE: EventType.OFFER_ACTIVATED,
    OfferStatus.PAUSED: EventType.OFFER_PAUSED,
    OfferStatus.ENDED: EventType.OFFER_ENDED,
    OfferStatus.ARCHIVED: EventType.OFFER_ARCHIVED,
}


def apply_action(offer: OfferLifecycle, *, kind: str, action: Action, at: datetime) -> bool:
    """Save the decision that an action leads to, with its event, and return whether anything changed.

    The caller has locked the offer in its transaction. Archiving frees the texts of the offer's codes. Raises
    InvalidStatus.
    """
    decision = decide(action, status=offer.status_at(at))
    if decision is None:
        return False
    offer.decision = decision
    offer.save(update_fields=["decision"])
    if decision == OfferDecision.ARCHIVED:
        archive_codes(offer=offer.offer_key, at=at)
    type_ = EventType.OFFER_RESUMED if action == Action.RESUME else EVENT_TYPES[offer.status_at(at)]
    append_events([NewEvent(type_, at, offer.brand_id, kind, offer=offer.offer_key)])  # type: ignore[attr-defined]
    return True


def delete_draft(offer: OfferLifecycle, *, kind: str, at: datetime) -> bool:
    """Delete an offer that the caller has locked, with its codes, if it is a draft. Return whether it was.

    The event that it was archived has ``deleted`` in its data, for readers of its creation.
    """
    if offer.decision != OfferDecision.DRAFT:
        return False
    event = NewEvent(
        EventType.OFFER_ARCHIVED, at, offer.brand_id, kind, offer=offer.offer_key,  # type: ignore[attr-defined]
        data={"deleted": True},
    )  # fmt: skip
    delete_codes(offer=offer.offer_key)
    Limit.objects.filter(owner=offer.offer_key).delete()
    offer.delete()
    append_events([event])
    return True
