"""Values of the search: what is wanted, and what is found."""

import enum
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any


class UseStatus(enum.StrEnum):
    """What happened last to a use of an offer. ``rejected`` is an attempt that was refused."""

    RESERVED = "reserved"
    CONFIRMED = "confirmed"
    RELEASED = "released"
    EXPIRED = "expired"
    PARTIALLY_RETURNED = "partially_returned"
    RETURNED = "returned"
    REJECTED = "rejected"


class UseAction(enum.StrEnum):
    """What can be done with a use."""

    CONFIRM = "confirm"
    CANCEL = "cancel"
    REFUND = "refund"


@dataclass(frozen=True, slots=True)
class UseFilter:
    """Which uses are wanted. None and empty values match all; ``brands`` None means all brands.

    ``order`` is the beginning of a reference, and ``codes`` are texts as they are stored. ``redemption`` is the ID of
    an order's redemption or of a use itself. The last event is one of ``statuses``, from ``start`` to before ``end``.
    """

    brands: tuple[uuid.UUID, ...] | None
    kind: str = ""
    offer: uuid.UUID | None = None
    customer: int | None = None
    codes: tuple[str, ...] = ()
    order: str = ""
    redemption: uuid.UUID | None = None
    statuses: tuple[UseStatus, ...] = ()
    start: datetime | None = None
    end: datetime | None = None


@dataclass(frozen=True, slots=True)
class UseEvent:
    """An event of a use. ``amount`` is in minor units of the currency of the use."""

    type: str
    at: datetime
    amount: int | None


@dataclass(frozen=True, slots=True)
class FoundUse:
    """A use of an offer, or a refused attempt, with its last event and its life, oldest event first.

    ``event`` is the ID of the last event. ``redemption`` is the ID of the order's redemption or of the use itself;
    attempts have none. ``amount`` is the discount, and ``subtotal`` the undiscounted total of the brand's part of the
    order, both in minor units of ``currency``.
    """

    event: uuid.UUID
    status: UseStatus
    at: datetime
    brand_id: uuid.UUID
    brand: str
    kind: str
    offer: uuid.UUID | None
    offer_name: str
    code: str
    customer_id: str
    order: str
    redemption: uuid.UUID | None
    amount: int | None
    subtotal: int | None
    currency: str
    reason: Mapping[str, Any] | None
    count: int
    events: Sequence[UseEvent]

    @property
    def actions(self) -> Sequence[UseAction]:
        """What the brand can do with the use now."""
        if self.status is UseStatus.RESERVED:
            return (UseAction.CONFIRM, UseAction.CANCEL)
        if self.status in (UseStatus.CONFIRMED, UseStatus.PARTIALLY_RETURNED):
            return (UseAction.REFUND,)
        if self.status is UseStatus.EXPIRED and self.order:
            return (UseAction.CONFIRM,)
        return ()
