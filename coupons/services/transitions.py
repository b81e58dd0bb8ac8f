"""Status changes of redemptions: confirmed, released, expired, returned.

Each locks the coupon against changes of its limits, then the redemption, the total limit and the count of its customer.
A transaction changes redemptions of one coupon, or, for an order, of several coupons in the order of their IDs.
"""

import uuid
from collections.abc import Sequence
from datetime import datetime

from django.db import connection, transaction

from core import db
from coupons import selectors
from coupons.models import CouponRedemption
from coupons.selectors.codes import KIND
from redemptions.errors import InvalidStatus, ReservationExpired
from redemptions.events.contracts import EventType
from redemptions.limits import services as limits
from redemptions.limits.contracts import TakenLimit
from redemptions.limits.rules import CUSTOMER
from redemptions.limits.strategies import STRATEGIES
from redemptions.statuses import RedemptionStatus
from redemptions.uses import services as uses

BATCH_SIZE = 1_000  # reservations that expire in one transaction
MAX_BATCHES = 1_000  # of one coupon in one run; the next run continues


@transaction.atomic
def confirm(*, redemption: uuid.UUID, at: datetime) -> CouponRedemption:
    """Confirm a reservation. Repeating the call has no effect. Raises ReservationExpired and InvalidStatus."""
    return confirm_locked(selectors.lock_redemption(pk=redemption), at=at)


def confirm_locked(locked: CouponRedemption, *, at: datetime) -> CouponRedemption:
    """Confirm a reservation that the caller has locked."""
    if locked.status == RedemptionStatus.CONFIRMED:
        return locked
    if locked.status == RedemptionStatus.EXPIRED or (
        locked.status == RedemptionStatus.RESERVED and _is_over(locked, at)
    ):
        raise ReservationExpired
    if locked.status != RedemptionStatus.RESERVED:
        raise InvalidStatus(current_status=locked.status)
    if locked.redemption_id is None:
        uses.confirm(redemption=locked.pk, offers=[locked.coupon_id], at=at)
    return _set_status(locked, RedemptionStatus.CONFIRMED, at, redeemed_at=at)


@transaction.atomic
def release(*, redemption: uuid.UUID, at: datetime) -> CouponRedemption:
    """Release a reservation. Repeating the call has no effect, and an expired reservation stays expired.

    Raises InvalidStatus for a confirmed redemption.
    """
    return release_locked(_lock_with_coupon(redemption), at=at)


def _lock_with_coupon(redemption: uuid.UUID) -> CouponRedemption:
    """Lock a redemption, and before it its coupon, so that a limit that is set knows whether it counts."""
    selectors.lock_offers(offers=[selectors.get_coupon_id(redemption=redemption)])
    return selectors.lock_redemption(pk=redemption)


def release_locked(locked: CouponRedemption, *, at: datetime) -> CouponRedemption:
    """Release a reservation that the caller has locked."""
    if locked.status in (RedemptionStatus.RELEASED, RedemptionStatus.EXPIRED):
        return locked
    if locked.status != RedemptionStatus.RESERVED:
        raise InvalidStatus(current_status=locked.status)
    release_limit(coupon=locked.coupon_id, strategy=locked.coupon.limit_strategy, redemptions=[locked], at=at)
    if _is_over(locked, at):
        return _set_status(locked, RedemptionStatus.EXPIRED, at, ended_at=locked.reserved_until)
    return _set_status(locked, RedemptionStatus.RELEASED, at, ended_at=at)


@transaction.atomic
def return_redemption(*, redemption: uuid.UUID, at: datetime) -> CouponRedemption:
    """Return a confirmed redemption. Repeating the call has no effect. Raises InvalidStatus."""
    return return_locked(_lock_with_coupon(redemption), at=at)


def return_locked(locked: CouponRedemption, *, at: datetime) -> CouponRedemption:
    """Return a confirmed redemption that the caller has locked."""
    if locked.status == RedemptionStatus.RETURNED:
        return locked
    if locked.status != RedemptionStatus.CONFIRMED:
        raise InvalidStatus(current_status=locked.status)
    release_limit(coupon=locked.coupon_id, strategy=locked.coupon.limit_strategy, redemptions=[locked], at=at)
    return _set_status(locked, RedemptionStatus.RETURNED, at, ended_at=at)


def _is_over(redemption: CouponRedemption, at: datetime) -> bool:
    return redemption.reserved_until is not None and redemption.reserved_until <= at


def _set_status(
    redemption: CouponRedemption,
    status: RedemptionStatus,
    at: datetime,
    *,
    redeemed_at: datetime | None = None,
    ended_at: datetime | None = None,
) -> CouponRedemption:
    """Set the status of a locked redemption, with its event. Checkout writes the events of its own redemptions."""
    redemption.status, redemption.changed_at = status, at
    redemption.redeemed_at = redeemed_at or redemption.redeemed_at
    redemption.ended_at = ended_at or redemption.ended_at
    db.execute(
        "coupons/sql/set_status.sql",
        {
            "id": redemption.pk,
            "status": status.value,
            "type": EventType(f"redemption.{status}").value,
            "at": at,
            "redeemed_at": redeemed_at,
            "ended_at": ended_at,
        },
    )
    return redemption


def expire(*, coupon: uuid.UUID, strategy: str, at: datetime) -> bool:
    """Expire reservations of the coupon whose time is over. Return whether there were any.

    Runs in the transaction of the caller, under an advisory lock: each call locks the counts of other customers, and
    the next one sees the units that the previous one released. The caller must hold no counter of the coupon, not even
    a full one, since calls that hold the advisory lock wait for counters.
    """
    if not selectors.has_expired(coupon=coupon, at=at):
        return False
    selectors.lock_offers(offers=[coupon])
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"coupons.expire {coupon}"])
    rows = db.fetch_all("coupons/sql/expire_reservations.sql", {"coupon": coupon, "at": at, "limit": BATCH_SIZE})
    if rows:
        release_limit(coupon=coupon, strategy=strategy, redemptions=[CouponRedemption(**row) for row in rows], at=at)
    return True


def expire_due(*, at: datetime) -> int:
    """Expire all reservations whose time is over, a coupon and a batch per transaction. Return the number of batches.

    Any number of calls may run at once.
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


def release_limit(*, coupon: uuid.UUID, strategy: str, redemptions: Sequence[CouponRedemption], at: datetime) -> None:
    """Release what locked redemptions of one coupon took: units, counts of customers, codes, and limits per period.

    Checkout releases those limits for its orders, together with the limits of other offers.
    """
    alone = [redemption.pk for redemption in redemptions if redemption.redemption_id is None]
    held = uses.lock_uses(redemptions=alone, offers=[(KIND, coupon)]) if alone else []
    units = [(redemption.unit, redemption.pk) for redemption in redemptions if redemption.unit is not None]
    if units:
        STRATEGIES[strategy].release(owner=coupon, taken=units)
    limits.release(taken=[TakenLimit(coupon, CUSTOMER, str(one.customer_id), 0, 1) for one in redemptions])
    if codes := [redemption.code for redemption in redemptions if redemption.code]:
        ids = [redemption.pk for redemption in redemptions]
        selectors.redeemed_codes_of(coupon=coupon, codes=codes, ids=ids).delete()
    uses.delete_uses(uses=held)
