"""What others rely on: who arrives at a campaign, and what becomes of it."""

import enum
import uuid
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from core.ids import uuid7

EVENT_ID_LENGTH = 100


class Result(enum.StrEnum):
    """What a campaign has for someone who signs in."""

    GRANTED = "voucher_granted"
    ALREADY_CLAIMED = "already_logged_in"
    FULL = "campaign_full"
    NOT_OPEN = "campaign_not_open"
    UNKNOWN = "unknown"  # there is no such campaign
    INACTIVE_USER = "shut_out"  # there is no such customer, or their user may no longer sign in


@dataclass(frozen=True, slots=True)
class ClaimRequest:
    """Somebody signs in: a customer's internal key, and when; ``event`` is the id of the event that told of it.

    ``voucher_id`` is the id of the voucher that they would get, by which the very same arrival, sent again since its
    answer was lost, is known from a later one.
    """

    customer_key: int
    at: datetime
    event: str | None = None
    voucher_id: uuid.UUID = field(default_factory=uuid7)


@dataclass(frozen=True, slots=True)
class VoucherView:
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
class ClaimResult:
    """What became of an arrival. A repeated one comes with the voucher that the first brought, if it did."""

    result: Result
    voucher: VoucherView | None = None


@dataclass(frozen=True, slots=True)
class LoginEvent:
    """The identity provider says that a customer signed in: in a campaign, or with None in every one open then."""

    id: str
    customer_id: str
    at: datetime
    campaign: str | None = None
