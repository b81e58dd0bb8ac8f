"""Values of events: their types, an event to append, and the position of a reader."""

import enum
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

NO_ID = uuid.UUID(int=0)  # before every ID


class EventType(enum.StrEnum):
    """What an event says: the object and what happened to it."""

    OFFER_CREATED = "offer.created"
    OFFER_SCHEDULED = "offer.scheduled"
    OFFER_ACTIVATED = "offer.activated"
    OFFER_PAUSED = "offer.paused"
    OFFER_RESUMED = "offer.resumed"
    OFFER_ENDED = "offer.ended"
    OFFER_ARCHIVED = "offer.archived"
    OFFER_BUDGET_THRESHOLD = "offer.budget_threshold"
    CODE_ISSUED = "code.issued"
    CODE_ASSIGNED = "code.assigned"
    CODE_IMPORTED = "code.imported"
    CODE_REVOKED = "code.revoked"
    REDEMPTION_RESERVED = "redemption.reserved"
    REDEMPTION_CONFIRMED = "redemption.confirmed"
    REDEMPTION_RELEASED = "redemption.released"
    REDEMPTION_EXPIRED = "redemption.expired"
    REDEMPTION_PARTIALLY_RETURNED = "redemption.partially_returned"
    REDEMPTION_RETURNED = "redemption.returned"
    REDEMPTION_REJECTED = "redemption.rejected"
    REDEMPTION_AMENDED = "redemption.amended"
    VOUCHER_GRANTED = "voucher.granted"
    VOUCHER_REASSIGNED = "voucher.reassigned"
    VOUCHER_REVOKED = "voucher.revoked"
    VOUCHER_EXPIRED = "voucher.expired"
    SEGMENT_FILLED = "segment.filled"
    SEGMENT_ENDED = "segment.ended"
    CUSTOMER_MERGED = "customer.merged"
    CUSTOMER_ERASED = "customer.erased"


@dataclass(frozen=True, slots=True)
class NewEvent:
    """An event to append. Amounts are in minor units of ``currency``; ``data`` is a small JSON object."""

    type: EventType
    at: datetime
    brand: uuid.UUID
    kind: str = ""
    offer: uuid.UUID | None = None
    code: str = ""
    customer: int | None = None
    order: str = ""
    redemption: uuid.UUID | None = None
    amount: int | None = None
    subtotal: int | None = None
    currency: str = ""
    reason: Mapping[str, Any] | None = None
    data: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, order=True)
class Position:
    """A position between events in commit order: after the event ``id`` of transaction ``tx``, before the next one."""

    tx: int = 0
    id: uuid.UUID = NO_ID


@dataclass(frozen=True, slots=True)
class EventFilter:
    """Which events a reader wants. None and empty texts match all events. ``brands`` None means all brands.

    ``types`` are event types, or the part before the dot with ``.*`` for all of an object, and ``codes`` texts as they
    are stored.
    """

    brands: tuple[uuid.UUID, ...] | None = None
    types: tuple[str, ...] = ()
    kind: str = ""
    offer: uuid.UUID | None = None
    customer: int | None = None
    order: str = ""
    codes: tuple[str, ...] = ()
