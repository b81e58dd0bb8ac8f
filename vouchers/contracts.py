"""What others rely on: who arrives at a campaign, and what becomes of it."""

import enum
import uuid
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal


class Result(enum.StrEnum):
    """What a campaign has for someone who signs in."""

    GRANTED = "voucher_granted"
    ALREADY = "already_logged_in"
    FULL = "campaign_full"
    NOT_OPEN = "campaign_not_open"
    SHUT_OUT = "shut_out"  # no customer, or one whose user may no longer sign in


@dataclass(frozen=True, slots=True)
class Arrival:
    """Somebody signs in: a customer's internal key, and when."""

    customer_key: int
    at: datetime


@dataclass(frozen=True, slots=True)
class Given:
    """A voucher as its shopper sees it. ``discount`` is a percentage, None where the offer is none."""

    id: uuid.UUID
    campaign: str
    rank: int
    discount: Decimal | None
    description: str
    voucher_type: str
    created_at: datetime
    expires_at: datetime
    state: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of an arrival. A repeated one comes with the voucher that the first brought, if it did."""

    result: Result
    voucher: Given | None = None
