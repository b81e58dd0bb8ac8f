"""Services that carry out what a brand decides about an offer, and report its status, the same for every kind.

Each change of a status has one event: the service that changes a decision or a date appends it, and a periodic task
appends those of offers that started or ended by their dates. ``reported_status`` of an offer is the status of its last
event.
"""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import Q, QuerySet

from redemptions.codes.services import archive_codes, delete_codes
from redemptions.events.contracts import EventType, NewEvent
from redemptions.events.services import append_events
from redemptions.lifecycle import LIVE_STATUSES, Action, OfferLifecycle, decide, offer_models
from redemptions.limits.models import Limit, LimitUnit
from redemptions.metadata import translate_external_id
from redemptions.statuses import OfferDecision, OfferStatus
from redemptions.uses.models import OfferTotalLimit
from redemptions.uses.services import open_total

EVENT_TYPES = {
    OfferStatus.SCHEDULED: EventType.OFFER_SCHEDULED,
    OfferStatus.ACTIVE: EventType.OFFER_ACTIVATED,
    OfferStatus.PAUSED: EventType.OFFER_PAUSED,
    OfferStatus.ENDED: EventType.OFFER_ENDED,
    OfferStatus.ARCHIVED: EventType.OFFER_ARCHIVED,
}
CHUNK = 500  # offers in one transaction


def create_offer(offer: Any, *, at: datetime, code: str = "") -> None:
    """Insert an offer, with the event of its creation, and that of its status unless it is a draft.

    Raises ExternalIdTaken.
    """
    offer.reported_status, offer.updated_at = offer.status_at(at), at
    with translate_external_id(type(offer)):
        offer.save(force_insert=True)
    if isinstance(offer, OfferTotalLimit):
        open_total(offer.limits)
    events = [_new_event(offer, EventType.OFFER_CREATED, at, code=code)]
    if offer.reported_status != OfferStatus.DRAFT:
        events.append(_new_event(offer, EVENT_TYPES[offer.reported_status], at))
    append_events(events)


def apply_action(offer: OfferLifecycle, *, action: Action, at: datetime) -> bool:
    """Save the decision that an action leads to, with its event, and return whether anything changed.

    The caller has locked the offer in its transaction. Archiving frees the texts of the offer's codes. Raises
    InvalidStatus.
    """
    decision = decide(action, status=offer.status_at(at))
    if decision is None:
        return False
    report_dates(offer, at=at)
    offer.decision, offer.updated_at = decision, at
    offer.save(update_fields=["decision", "updated_at"])
    if decision == OfferDecision.ARCHIVED:
        archive_codes(offer=offer.offer_key, at=at)
    report_status(offer, at=at, is_resumed=action == Action.RESUME)
    return True


def delete_draft(offer: OfferLifecycle, *, at: datetime) -> bool:
    """Delete an offer that the caller has locked, with its codes, if it is a draft. Return whether it was.

    The event that it was archived has ``deleted`` in its data, for readers of its creation.
    """
    if offer.decision != OfferDecision.DRAFT:
        return False
    event = _new_event(offer, EventType.OFFER_ARCHIVED, at, deleted=True)
    delete_codes(offer=offer.offer_key)
    Limit.objects.filter(owner=offer.offer_key).delete()
    LimitUnit.objects.filter(owner=offer.offer_key).delete()
    offer.delete()
    append_events([event])
    return True


def delete_or_archive(offer: OfferLifecycle, *, at: datetime) -> bool:
    """Delete a draft, or archive any other offer that the caller has locked. Return whether it was a draft."""
    is_deleted = delete_draft(offer, at=at)
    if not is_deleted:
        apply_action(offer, action=Action.ARCHIVE, at=at)
    return is_deleted


# --- events of statuses -----------------------------------------------------------------------------------------------
def report_status(offer: OfferLifecycle, *, at: datetime, is_resumed: bool = False) -> None:
    """Append the event of the status of an offer that the caller has locked, if its last event has another status."""
    status = offer.status_at(at)
    if status == offer.reported_status:
        return
    offer.reported_status = status
    offer.save(update_fields=["reported_status"])
    if status != OfferStatus.DRAFT:
        append_events([_new_event(offer, EventType.OFFER_RESUMED if is_resumed else EVENT_TYPES[status], at)])


def report_dates(offer: OfferLifecycle, *, at: datetime) -> None:
    """Append the events of dates of a locked offer that have passed and have none yet, before it is changed."""
    if events := list(_iter_timed_events(offer, at)):
        append_events(events)
        offer.reported_status = offer.status_at(at)
        offer.save(update_fields=["reported_status"])


def report_due(*, at: datetime) -> int:
    """Append the events of all offers that have started or ended by their dates. Return the number of offers.

    Each event is appended once, however many tasks run at the same time: a task locks the offers, and skips those that
    are locked.
    """
    return sum(_report_kind(model, at) for model in offer_models())


def _report_kind(model: Any, at: datetime) -> int:
    total = 0
    while reported := _report_chunk(model, at):
        total += reported
    return total


@transaction.atomic
def _report_chunk(model: Any, at: datetime) -> int:
    offers = list(lock_due(model, at=at)[:CHUNK])
    append_events([event for offer in offers for event in _iter_timed_events(offer, at)])
    for status in {offer.status_at(at) for offer in offers}:
        keys = [offer.pk for offer in offers if offer.status_at(at) == status]
        model.objects.filter(pk__in=keys).update(reported_status=status)
    return len(offers)


def lock_due(model: Any, *, at: datetime) -> QuerySet[Any]:
    """Return the offers of a kind whose dates have passed without an event, locked, without those that are locked."""
    has_started = Q(reported_status=OfferStatus.SCHEDULED, decision=OfferDecision.PUBLISHED, start_date__lte=at)
    due: QuerySet[Any] = model.objects.filter(has_started | Q(end_date__lte=at), reported_status__in=LIVE_STATUSES)
    return due.select_for_update(skip_locked=True, of=("self",), no_key=True).order_by("pk")


def _iter_timed_events(offer: Any, at: datetime) -> Iterator[NewEvent]:
    """Yield the events of dates that have passed, each with the date as ``effective_at``."""
    if offer.reported_status not in LIVE_STATUSES:
        return
    is_scheduled = offer.reported_status == OfferStatus.SCHEDULED and offer.decision == OfferDecision.PUBLISHED
    if is_scheduled and offer.start_date <= at:
        yield _new_event(offer, EventType.OFFER_ACTIVATED, at, effective_at=offer.start_date)
    if offer.end_date <= at:
        yield _new_event(offer, EventType.OFFER_ENDED, at, effective_at=offer.end_date)


def _new_event(offer: Any, type_: EventType, at: datetime, *, code: str = "", **data: object) -> NewEvent:
    return NewEvent(type_, at, offer.brand_id, offer.offer_kind, offer=offer.offer_key, code=code, data=data)
