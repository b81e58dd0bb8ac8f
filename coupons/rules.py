"""Decisions about coupons: values in, values out."""

import hashlib
import json
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from enum import Enum, auto
from functools import lru_cache

from core.errors import DomainError, InvalidRequest, TokenInvalid
from coupons.contracts import CouponSnapshot, RedemptionRequest
from coupons.errors import (
    BALANCE_NEEDS_CART,
    CODE_REQUIRED,
    CONDITIONS_NEED_CART,
    COUPON_INACTIVE,
    COUPON_NEEDS_CART,
    SINGLE_USE_CODE_REQUIRED,
    CouponEnded,
    CouponLimitPerCustomer,
    CouponLimitReached,
    CouponNotStarted,
)
from pricing import Offer, load_offer
from redemptions.codes.rules import find_code_error
from redemptions.errors import CartRequired, CodeExpired, CodeInactive, CodeNotFound, CodeNotStarted
from redemptions.lifecycle import derive_status, find_status_error


# --- eligibility ------------------------------------------------------------------------------------------------------
def list_errors(*, snapshot: CouponSnapshot, request: RedemptionRequest, at: datetime) -> Iterator[DomainError]:
    """Yield the errors that reject a redemption, the most permanent first. The total limit is not checked here."""
    if request.customer in snapshot.inactive_users:
        yield TokenInvalid()
    if error := _find_status_error(snapshot, at):
        yield error
    yield from _list_code_errors(snapshot, request, at)
    if snapshot.limits.needs_cart and request.redemption is None:
        yield CartRequired(COUPON_NEEDS_CART)
    if snapshot.has_conditions and request.redemption is None:
        yield CartRequired(CONDITIONS_NEED_CART)
    if snapshot.limits.stored_value is not None and request.redemption is None:
        yield CartRequired(BALANCE_NEEDS_CART)
    if snapshot.maximum_per_user is not None and snapshot.counts.get(request.customer, 0) >= snapshot.maximum_per_user:
        yield CouponLimitPerCustomer()


def _find_status_error(snapshot: CouponSnapshot, at: datetime) -> DomainError | None:
    """Return the error of a coupon that customers can't redeem now because of its status or its brand."""
    if not snapshot.brand_is_active:
        return CodeInactive(COUPON_INACTIVE)
    dates = {"start": snapshot.start_date, "end": snapshot.end_date}
    error = find_status_error(derive_status(decision=snapshot.decision, **dates, at=at))
    if isinstance(error, CodeNotStarted):
        return CouponNotStarted()
    if isinstance(error, CodeExpired):
        return CouponEnded()
    return error and CodeInactive(COUPON_INACTIVE)


def _list_code_errors(snapshot: CouponSnapshot, request: RedemptionRequest, at: datetime) -> Iterator[DomainError]:
    """Yield an error if the sent code can't be redeemed for the coupon, or if none was sent although it has codes."""
    if request.code:
        code = snapshot.find_code(request.code)
        error = CodeNotFound() if code is None else find_code_error(code, customer=request.customer, at=at)
        if error is not None:
            yield error
    elif snapshot.code is not None:
        yield InvalidRequest.field("code", str(CODE_REQUIRED), "required")
    elif snapshot.has_batches:
        yield InvalidRequest.field("code", str(SINGLE_USE_CODE_REQUIRED), "required")


def replace_counts(snapshot: CouponSnapshot, counts: Mapping[int, int]) -> CouponSnapshot:
    """Return the snapshot with other counts of redemptions per customer."""
    return replace(snapshot, counts=counts)


def as_conflict(error: DomainError) -> DomainError:
    """Return the error that checkout uses instead, since checkout refers to codes rather than coupons."""
    if isinstance(error, CouponNotStarted):
        return CodeNotStarted()
    return CodeExpired() if isinstance(error, CouponEnded) else error


def offer_error(*, status: str, remaining: int | None, remaining_for_customer: int | None) -> DomainError | None:
    """Return the most permanent error that rejects a coupon's code at checkout; None if the code is accepted."""
    if error := find_status_error(status):
        return error
    if remaining == 0:
        return CouponLimitReached()
    return CouponLimitPerCustomer() if remaining_for_customer == 0 else None


@lru_cache(maxsize=4096)
def parse_offer_cached(offer: str) -> Offer:
    """Return the offer that a JSON text describes. Repeated texts are answered from a cache."""
    return load_offer(json.loads(offer))


def derive_redemption_id(redemption: uuid.UUID, coupon: uuid.UUID) -> uuid.UUID:
    """Return the ID of a coupon's redemption within a checkout redemption: a UUIDv7 with the time of the latter.

    The ID is always the same, so the primary key prevents a checkout from redeeming a coupon twice, and the redemption
    is found without a further index.
    """
    drawn = int.from_bytes(hashlib.sha256(redemption.bytes + coupon.bytes).digest()[:10], "big")
    value = (redemption.int >> 80) << 80 | drawn
    value = value & ~(0xF << 76) | 7 << 76
    return uuid.UUID(int=value & ~(0x3 << 62) | 2 << 62)


# --- recommended counting method --------------------------------------------------------------------------------------
class Reason(Enum):
    """Reason for a recommended counting method."""

    NO_LIMIT = auto()
    BUSY_CHECKOUT = auto()
    PARALLEL_UNITS = auto()
    PARALLEL_COUNTERS = auto()
    SINGLE_COUNTER = auto()


def recommend_strategy(*, maximum: int | None, expected_redemptions: int, at_checkout: bool) -> tuple[str, Reason]:
    """Return the counting method for the redemptions that are expected in the first minute, and the reason.

    The thresholds come from the measurements in ``docs/algorithms/limit-strategies.md``.
    """
    if maximum is None:
        return "exact", Reason.NO_LIMIT
    per_second = expected_redemptions / 60
    if at_checkout and per_second > 100:
        return "sharded", Reason.BUSY_CHECKOUT
    if per_second > 2_000 and maximum >= 100_000:
        return "pool", Reason.PARALLEL_UNITS
    if per_second > 500:
        return "sharded", Reason.PARALLEL_COUNTERS
    return "exact", Reason.SINGLE_COUNTER
