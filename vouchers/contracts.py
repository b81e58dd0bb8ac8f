"""Values that other modules rely on: claims of vouchers, their results, and login events."""

import enum
import uuid
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from core.ids import uuid7
from redemptions.limits.rules import CUSTOMER

CUSTOMER_CAPS = {CUSTOMER: 1}  # a customer has one voucher of a campaign
EVENT_ID_LENGTH = 100


class Result(enum.StrEnum):
    """Result of a claim."""

    GRANTED = "voucher_granted"
    ALREADY_CLAIMED = "already_logged_in"
    FULL = "campaign_full"
    NOT_OPEN = "campaign_not_open"
    UNKNOWN = "unknown"  # no such campaign
    INACTIVE_USER = "inactive_user"  # no such customer, or the user of the customer is inactive


@dataclass(frozen=True, slots=True)
class ClaimRequest:
    """A first login of a customer; ``event`` is the ID of its login event, if there is one.

    ``voucher_id`` is the ID of the voucher that the claim may create. A retry with the same ID gets the same answer,
    while a later login is recognized as a repeated one.
    """

    customer_key: int
    at: datetime
    event: str | None = None
    voucher_id: uuid.UUID = field(default_factory=uuid7)


@dataclass(frozen=True, slots=True)
class VoucherView:
    """A voucher as its customer sees it; ``discount`` is a percentage, None if the offer is not one."""

    id: uuid.UUID
    campaign: str
    rank: int
    discount: Decimal | None
    description: str
    voucher_type: str
    created_at: datetime
    expires_at: datetime
    status: str


@dataclass(frozen=True, slots=True)
class ClaimResult:
    """Result of a claim, with the voucher that this or an earlier login of the customer got."""

    result: Result
    voucher: VoucherView | None = None


@dataclass(frozen=True, slots=True)
class LoginEvent:
    """A login reported by the identity provider: in one campaign, or for None in every one active at its time."""

    id: str
    customer_id: str
    at: datetime
    campaign: str | None = None
