"""What becomes of a redemption: confirmed, released, expired, refunded.

Locks the redemption first, then what counts it: the coupon's counters, then its customers. One coupon a transaction,
or, within an order, one after the other by their ids.
"""

import uuid
from collections.abc import Sequence
from datetime import datetime

import pghistory
from django.db import connection, transaction

from core import db
from coupons import selectors
from coupons.models import CouponRedemption, Status
from coupons.services.limits import LIMITS
from promotions.errors import InvalidStatus, ReservationExpired

BATCH = 1_000  # reservations that end in one transaction
MAX_BATCHES = 1_000  # of a coupon in one sweep; the next goes on


@transaction.atomic
def confirm(*, redemption: uuid.UUID, at: datetime) -> CouponRedemption:
    """The reservation becomes final. Confirming twice is confirming once. Raises ReservationExpired, WrongState."""
    return confirm_locked(selectors.lock_redemption(pk=redemption), at=at)


def confirm_locked(locked: CouponRedemption, *, at: datetime) -> CouponRedemption:
    """``confirm`` for whoever has locked the redemption."""
    if locked.status == Status.CONFIRMED:
        return locked
    if locked.status == Status.EXPIRED or (locked.status == Status.RESERVED and _is_terminal(locked, at)):
        raise ReservationExpired
    if locked.status != Status.RESERVED:
        raise InvalidStatus(current_status=locked.status)
    return _set_status(locked, Status.CONFIRMED, at, redeemed_at=at)


@transaction.atomic
def release(*, redemption: uuid.UUID, at: datetime) -> CouponRedemption:
    """The reservation gives its place back. Releasing twice is releasing once, and what has expired stays expired.

    Raises WrongState for what was confirmed.
    """
    return release_locked(selectors.lock_redemption(pk=redemption), at=at)


def release_locked(locked: CouponRedemption, *, at: datetime) -> CouponRedemption:
    """``release`` for whoever has locked the redemption."""
    if locked.status in (Status.RELEASED, Status.EXPIRED):
        return locked
    if locked.status != Status.RESERVED:
        raise InvalidStatus(current_status=locked.status)
    release_limit(coupon=locked.coupon_id, strategy=locked.coupon.limit_strategy, redemptions=[locked])
    return _set_status(locked, Status.EXPIRED if _is_terminal(locked, at) else Status.RELEASED, at, ended_at=at)


@transaction.atomic
def return_redemption(*, redemption: uuid.UUID, at: datetime) -> CouponRedemption:
    """What was confirmed gives its place back. Refunding twice is refunding once. Raises WrongState."""
    return return_locked(selectors.lock_redemption(pk=redemption), at=at)


def return_locked(locked: CouponRedemption, *, at: datetime) -> CouponRedemption:
    """``refund`` for whoever has locked the redemption."""
    if locked.status == Status.REFUNDED:
        return locked
    if locked.status != Status.CONFIRMED:
        raise InvalidStatus(current_status=locked.status)
    release_limit(coupon=locked.coupon_id, strategy=locked.coupon.limit_strategy, redemptions=[locked])
    return _set_status(locked, Status.REFUNDED, at, ended_at=at)


@transaction.atomic
def terminate(*, redemption: uuid.UUID, become: Status, at: datetime) -> CouponRedemption:
    """The brand's people end a redemption that was made of a coupon itself: a reservation is to become released,
    what was confirmed refunded. The audit log keeps it, once. Raises NotFound, WrongState.
    """
    ended = (release if become == Status.RELEASED else return_redemption)(
        redemption=selectors.get_redemption(pk=redemption).pk, at=at
    )
    if ended.ended_at == at:
        pghistory.create_event(ended, label=become)
    return ended


def _is_terminal(redemption: CouponRedemption, at: datetime) -> bool:
    return redemption.reserved_until is not None and redemption.reserved_until <= at


def _set_status(redemption: CouponRedemption, status: Status, at: datetime, **times: datetime) -> CouponRedemption:
    redemption.status, redemption.changed_at = status, at
    for name, value in times.items():
        setattr(redemption, name, value)
    redemption.save(update_fields=["status", "changed_at", *times])
    return redemption


def expire(*, coupon: uuid.UUID, strategy: str, at: datetime) -> bool:
    """End reservations of the coupon whose time is up, in the caller's transaction; whether there were any.

    Those who do so for one coupon take turns: each locks the counts of customers who are not its own, and who comes
    second finds the places that the first has freed. Whoever calls this holds none of the coupon's counters, not even
    one that it found full: those who take turns here wait for the counters.
    """
    if not selectors.has_expired(coupon=coupon, at=at):
        return False
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"coupons.expire {coupon}"])
    rows = db.fetch_all("coupons/sql/expire_reservations.sql", {"coupon": coupon, "at": at, "limit": BATCH})
    if rows:
        release_limit(coupon=coupon, strategy=strategy, redemptions=[CouponRedemption(**row) for row in rows])
    return True


def expire_due(*, at: datetime) -> int:
    """End every reservation whose time is up, a coupon and a batch a transaction; how many batches. Any number may run
    at once.
    """
    return sum(_expire(coupon, strategy, at) for coupon, strategy in selectors.list_coupons_with_expired(at=at))


def _expire(coupon: uuid.UUID, strategy: str, at: datetime) -> int:
    batches = 0
    while batches < MAX_BATCHES:
        with transaction.atomic():
            if not expire(coupon=coupon, strategy=strategy, at=at):
                break
        batches += 1
    return batches


def release_limit(*, coupon: uuid.UUID, strategy: str, redemptions: Sequence[CouponRedemption]) -> None:
    """Free what locked redemptions of one coupon took: its maximum, then their customers' counts, then codes."""
    if units := [(it.unit, it.pk) for it in redemptions if it.unit is not None]:
        LIMITS[strategy].release(coupon=coupon, taken=units)
    db.execute(
        "coupons/sql/decrement_customer_counts.sql",
        {"coupon": coupon, "customers": [it.customer_id for it in redemptions]},
    )
    if codes := [it.code for it in redemptions if it.code]:
        selectors.redeemed_codes_of(codes=codes, ids=[it.pk for it in redemptions]).delete()
