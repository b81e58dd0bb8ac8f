"""Movements of balances as plain values."""

import uuid
from dataclasses import dataclass
from enum import StrEnum


class MovementReason(StrEnum):
    """What changed a balance. A correction is the result of a consistency check."""

    RESERVED = "reserved"
    RELEASED = "released"
    EXPIRED = "expired"
    RETURNED = "returned"
    AMENDED = "amended"
    CORRECTED = "corrected"


@dataclass(frozen=True, slots=True)
class Movement:
    """A change of the balance of an offer's code by a redemption. ``amount`` is negative for what an order takes."""

    offer: uuid.UUID
    code: str
    currency: str
    redemption: uuid.UUID | None
    amount: int
    reason: MovementReason
