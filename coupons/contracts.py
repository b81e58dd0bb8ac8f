"""What is asked of a coupon, and what it looks like to whoever decides."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class RedemptionRequest:
    """One redemption that is asked for. ``until`` reserves it, without it the redemption is final at once.

    ``id`` is the redemption's own id-to-be; ``redemption`` the checkout's, with what it takes off: ``amount`` in minor
    units of ``currency``. ``code`` is normalised, or empty.
    """

    id: uuid.UUID
    customer: int
    code: str = ""
    reserved_until: datetime | None = None
    redemption: uuid.UUID | None = None
    amount: int | None = None
    currency: str | None = None


@dataclass(frozen=True, slots=True)
class CouponSnapshot:
    """A coupon as one statement saw it, with what concerns the customers and codes that were asked for.

    ``counts`` is how often each customer has it; ``codes`` are those of the asked codes that open it and are good once,
    each with the customer whose alone it is (None: anyone's); ``shut_out`` are customers whose user was deactivated.
    """

    id: uuid.UUID
    is_active: bool
    start_date: datetime
    end_date: datetime
    strategy: str
    maximum: int | None
    maximum_per_user: int | None
    code: str | None
    has_batches: bool
    counts: Mapping[int, int]
    codes: Mapping[str, int | None]
    inactive_users: frozenset[int]


@dataclass(frozen=True, slots=True)
class CouponUsage:
    """How much of a coupon is redeemed for good, how much is only reserved, and how much of its maximum is left.

    ``made`` is how many units a pool has so far; None for the other strategies.
    """

    used: int
    reserved: int
    remaining: int | None
    prepared: int | None
