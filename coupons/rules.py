"""Decisions about coupons: values in, values out."""

import hashlib
import json
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from functools import lru_cache

from core.errors import DomainError, InvalidRequest, TokenInvalid
from coupons.contracts import CouponSnapshot, RedemptionRequest
from coupons.errors import CouponEnded, CouponLimitPerCustomer, CouponLimitReached, CouponNotStarted
from pricing import Offer, parse_offer
from promotions.errors import CodeExpired, CodeInactive, CodeNotFound, CodeNotStarted

LIMITS_LOCKED_BEFORE_START = timedelta(seconds=5)  # so long before its start what limits a coupon is fixed
TOLERANCE = 100  # an approximate limit may count behind by one in so many of its maximum
MAX_UNCOUNTED = 64

GUARANTEES = {
    "exact": "Never more than the maximum.",
    "sharded": "Never more than the maximum; the last one can always be had.",
    "pool": "Never more than the maximum; every unit is a row made ahead.",
    "approximate": "May exceed the maximum by the stated bound.",
}


# --- whether a redemption can be had ----------------------------------------------------------------------------------
def list_errors(*, seen: CouponSnapshot, asked: RedemptionRequest, at: datetime) -> Iterator[DomainError]:
    """What stands against a redemption, the most lasting reason first, apart from whether any are left."""
    if asked.customer in seen.inactive_users:
        yield TokenInvalid()
    if not seen.is_active or seen.end_date <= at:
        yield CouponEnded()
    elif at < seen.start_date:
        yield CouponNotStarted()
    yield from _of_code(seen, asked)
    if seen.maximum_per_user is not None and seen.counts.get(asked.customer, 0) >= seen.maximum_per_user:
        yield CouponLimitPerCustomer()


def _of_code(seen: CouponSnapshot, asked: RedemptionRequest) -> Iterator[DomainError]:
    """A code that was sent must open the coupon; codes that are good once must be sent."""
    if asked.code:
        opens = asked.code == seen.code or seen.codes.get(asked.code, 0) in (None, asked.customer)
        if not opens:
            yield CodeNotFound()
    elif seen.has_batches and seen.code is None:
        yield InvalidRequest.field("code", "This coupon is redeemed with a code of its own.", "required")


def with_counts(seen: CouponSnapshot, counts: Mapping[int, int]) -> CouponSnapshot:
    """The same coupon, with other counts."""
    return replace(seen, counts=counts)


def as_conflict(refusal: DomainError) -> DomainError:
    """The same refusal in the words of checkout, which speaks of codes."""
    if isinstance(refusal, CouponNotStarted):
        return CodeNotStarted()
    return CodeExpired() if isinstance(refusal, CouponEnded) else refusal


def offer_error(
    *, is_active: bool, start: datetime, end: datetime, left: int | None, user_left: int | None, at: datetime
) -> DomainError | None:
    """Why a code that opens a coupon offers nothing at checkout, the most lasting reason first."""
    if not is_active:
        return CodeInactive()
    if end <= at:
        return CodeExpired()
    if at < start:
        return CodeNotStarted()
    if left == 0:
        return CouponLimitReached()
    return CouponLimitPerCustomer() if user_left == 0 else None


@lru_cache(maxsize=4096)
def parse_offer_cached(offer: str) -> Offer:
    """An offer from its JSON; the same text again costs a look-up."""
    return parse_offer(json.loads(offer))


def derive_redemption_id(redemption: uuid.UUID, coupon: uuid.UUID) -> uuid.UUID:
    """The id of a coupon's redemption within a checkout's: as old as that one, and the same whenever it is asked for.

    So the table's key makes sure that a checkout takes a coupon once, and its redemption is found without an index.
    """
    drawn = int.from_bytes(hashlib.sha256(redemption.bytes + coupon.bytes).digest()[:10], "big")
    value = (redemption.int >> 80) << 80 | drawn
    value = value & ~(0xF << 76) | 7 << 76
    return uuid.UUID(int=value & ~(0x3 << 62) | 2 << 62)


# --- the approximate limit --------------------------------------------------------------------------------------------
def flush_size(*, cap: int, processes: int) -> int:
    """After how many takings each process counts them together, so that what it has not counted is within tolerance."""
    return max(1, min(MAX_UNCOUNTED, cap // (TOLERANCE * processes)))


def max_overshoot(*, cap: int, processes: int, threads: int) -> int:
    """By how much an approximate limit may be exceeded (``docs/algorithms/coupon-limits.md`` derives it)."""
    return processes * (flush_size(cap=cap, processes=processes) - 1 + threads)


# --- the pool ---------------------------------------------------------------------------------------------------------
def is_pool_build_time(*, start: datetime, at: datetime, hours: str) -> bool:
    """Whether units may be made now: in the quiet ``hours`` (``"1-5"``, UTC; ``"22-4"``; empty: always), or when the
    coupon starts within a day.
    """
    if not hours or start - at <= timedelta(days=1):
        return True
    first, last = (int(hour) for hour in hours.split("-"))
    return first <= at.hour < last if first <= last else at.hour >= first or at.hour < last


# --- which strategy ---------------------------------------------------------------------------------------------------
def advice(*, maximum: int | None, rush: int, within_orders: bool) -> tuple[str, str]:
    """The strategy to choose when ``rush`` redemptions are expected in the first minute, and why, as a sentence.

    The limits are those of the measurements in ``docs/algorithms/coupon-limits.md``.
    """
    if maximum is None:
        return "exact", "Without a maximum nothing is counted: the strategy makes no difference."
    a_second = rush / 60
    if within_orders and a_second > 100:
        return "sharded", f"{rush:,} in the first minute, within orders: sixteen counters do not wait for one another."
    if a_second > 2_000 and maximum >= 100_000:
        return "pool", f"{rush:,} in the first minute of {maximum:,}: units that are made ahead are taken side by side."
    if a_second > 500:
        return "sharded", f"{rush:,} in the first minute: sixteen counters do not wait for one another."
    return "exact", f"{rush:,} in the first minute: one counter keeps up, and is the simplest."
