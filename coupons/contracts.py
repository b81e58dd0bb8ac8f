"""Requests for redemptions of coupons, and what is known of a coupon when it is redeemed or shown."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from redemptions.codes.contracts import RestrictedCode
from redemptions.codes.rules import canonicalize_code
from redemptions.contracts import LimitedOffer
from redemptions.identities import NO_IDENTITIES, Identities
from redemptions.limits.contracts import UNLIMITED
from redemptions.limits.rules import CUSTOMER


@dataclass(frozen=True, slots=True)
class RedemptionRequest:
    """Request for one redemption of a coupon: a reservation if ``reserved_until`` is set, otherwise confirmed.

    ``id`` becomes the ID of the redemption. ``redemption`` is the ID of the checkout redemption that the coupon is part
    of, and ``amount`` its discount, in minor units of ``currency``. ``code`` may have any spelling; it is empty if none
    was sent. ``by_shopper`` is set if the customer sends it, whose reservations are limited. ``identities`` are who the
    customer also is, without an order: checkout takes those of its orders itself.
    """

    id: uuid.UUID
    customer: int
    code: str = ""
    reserved_until: datetime | None = None
    redemption: uuid.UUID | None = None
    amount: int | None = None
    currency: str | None = None
    by_shopper: bool = False
    identities: Identities = NO_IDENTITIES


@dataclass(frozen=True, slots=True)
class CouponSnapshot:
    """Snapshot of a coupon with the usage counts and code states of the requested customers.

    ``counts`` has the number of redemptions of each customer. ``codes`` has those of the requested codes that belong to
    the coupon, by canonical form. ``code`` is its generic code, also a revoked one.
    ``has_conditions`` tells whether its offer has conditions, which only a cart can meet.
    ``inactive_users`` are the customers whose user account is deactivated. ``limits`` are its budgets and limits per
    period, which its uses take from.
    """

    id: uuid.UUID
    brand_id: uuid.UUID
    decision: str
    brand_is_active: bool
    start_date: datetime
    end_date: datetime
    strategy: str
    maximum: int | None
    maximum_per_user: int | None
    code: str | None
    has_batches: bool
    has_conditions: bool
    counts: Mapping[int, int]
    codes: Mapping[str, RestrictedCode]
    inactive_users: frozenset[int]
    limits: LimitedOffer

    def find_code(self, text: str) -> RestrictedCode | None:
        """Return the code of the coupon that a sent text means, or None."""
        return self.codes.get(canonicalize_code(text) or "")


def list_customer_caps(maximum: int | None) -> dict[str, int]:
    """Return the cap per customer of a coupon by scope, which further identities of the customer take from.

    They are counted without a maximum, too, so that one that is set later counts what they used.
    """
    return {CUSTOMER: UNLIMITED if maximum is None else maximum}


@dataclass(frozen=True, slots=True)
class CouponUsage:
    """Confirmed and reserved redemptions of a coupon, and the rest of its limit; ``remaining`` is None without a limit.

    ``prepared`` is the number of units that a pool has so far; None for the other strategies.
    """

    used: int
    reserved: int
    remaining: int | None
    prepared: int | None
