"""Coupons of a checkout redemption: reserve, confirm, release and return them, in the transaction of the caller."""

import uuid
from collections.abc import Iterator, Sequence
from dataclasses import replace

from django.db.models import F

from core import db
from core.errors import Busy, DomainError
from core.ids import uuid7, uuid7_datetime
from coupons import rules, selectors
from coupons.contracts import RedemptionRequest
from coupons.models import CouponRedemption
from coupons.services import transitions
from coupons.services.redemptions import redeem
from redemptions.amendments import exchange_items
from redemptions.contracts import (
    AmendedItem,
    CustomerMove,
    LimitedOffer,
    OfferUnavailable,
    Purchase,
    ReturnedItem,
    SelectedOffer,
)
from redemptions.errors import ReservationExpired
from redemptions.limits import services as limits
from redemptions.limits.contracts import TakenLimit
from redemptions.limits.rules import CUSTOMER
from redemptions.statuses import LIVE, RedemptionStatus


def record_uses(*, offer: uuid.UUID) -> None:
    """Insert the uses of redemptions from before the coupon had such limits."""
    db.execute("coupons/sql/record_uses.sql", {"offer": offer})


def reserve(*, purchase: Purchase) -> dict[uuid.UUID, LimitedOffer]:
    """Reserve each coupon until ``purchase.until``, in the order of the keys. Return the coupons, locked.

    Raises OfferUnavailable with the error that has applied since the quote, and Busy.
    """
    limited = selectors.lock_offers(offers=[uuid.UUID(item.key) for item in purchase.items])
    if purchase.is_renewed:
        _rename_ended(purchase)
    for item in _in_lock_order(purchase):
        request = RedemptionRequest(
            id=_redemption_id(purchase, item),
            customer=purchase.shopper_key,
            code=item.code,
            reserved_until=purchase.until,
            redemption=purchase.id,
            amount=item.amount,
            currency=purchase.currency,
        )
        try:
            redeem(coupon=uuid.UUID(item.key), request=request, at=purchase.at)
        except Busy:
            raise
        except DomainError as error:
            raise OfferUnavailable(item, rules.as_conflict(error)) from error
    return limited


def confirm(*, purchase: Purchase) -> None:
    """Confirm the reservations. Raises ReservationExpired if one is no longer reserved."""
    for redemption in _iter_locked(purchase):
        if redemption.status != RedemptionStatus.RESERVED:
            raise ReservationExpired
        transitions.confirm_locked(redemption, at=purchase.at)


def release(*, purchase: Purchase) -> None:
    """Release the redemptions that are still reserved. The caller has locked the coupons."""
    for redemption in _iter_locked(purchase):
        if redemption.status == RedemptionStatus.RESERVED:
            transitions.release_locked(redemption, at=purchase.at)


def return_items(*, purchase: Purchase, returned: Sequence[ReturnedItem]) -> None:
    """Return parts of the discounts, and whole redemptions, so that their units can be redeemed again.

    The caller has locked the coupons.
    """
    items = {uuid.UUID(item.key): item for item in returned}
    for redemption in _iter_locked(purchase):
        item = items.get(redemption.coupon_id)
        if item is None or redemption.status != RedemptionStatus.CONFIRMED:
            continue
        if item.is_use_returned:
            transitions.return_locked(redemption, at=purchase.at)
        elif item.amount:
            CouponRedemption.objects.filter(pk=redemption.pk).update(returned_amount=F("returned_amount") + item.amount)


def amend_items(*, purchase: Purchase, amended: Sequence[AmendedItem]) -> None:
    """Change the discounts of confirmed redemptions. Raises OfferUnavailable and Busy as ``reserve``."""
    amounts = exchange_items(
        purchase=purchase, amended=amended, return_items=return_items, reserve=_reserve_new, confirm=confirm
    )
    for key, amount in sorted(amounts.items()):
        pk = rules.derive_redemption_id(purchase.id, uuid.UUID(key))
        CouponRedemption.objects.filter(pk=pk, status=RedemptionStatus.CONFIRMED).update(amount=amount)


def move_customer(*, move: CustomerMove) -> list[tuple[uuid.UUID, uuid.UUID]]:
    """Make the redemptions of a customer those of another one, and add up their counts.

    Return the redemptions without an order, with their coupons.
    """
    rows = db.fetch_all("coupons/sql/move_redemptions.sql", move.as_params())
    slot = str(move.source)
    limits.move(
        taken=[TakenLimit(row["coupon_id"], CUSTOMER, slot, 0, 1) for row in rows if row["is_active"]],
        slot=str(move.target),
    )
    return [(row["id"], row["coupon_id"]) for row in rows if row["redemption_id"] is None]


def _reserve_new(*, purchase: Purchase) -> None:
    """Reserve coupons that the order doesn't have, but may have had. Raises as ``reserve``."""
    reserve(purchase=replace(purchase, is_renewed=True))


def _rename_ended(purchase: Purchase) -> None:
    """Give redemptions of the order that have ended another ID of the same time, so that theirs can be used again."""
    ids = [_redemption_id(purchase, item) for item in _in_lock_order(purchase)]
    for pk in CouponRedemption.objects.filter(pk__in=ids).exclude(status__in=LIVE).values_list("pk", flat=True):
        CouponRedemption.objects.filter(id=pk).update(id=uuid7(uuid7_datetime(pk)))


def _in_lock_order(purchase: Purchase) -> list[SelectedOffer]:
    return sorted(purchase.items, key=lambda item: item.key)


def _redemption_id(purchase: Purchase, item: SelectedOffer) -> uuid.UUID:
    return rules.derive_redemption_id(purchase.id, uuid.UUID(item.key))


def _iter_locked(purchase: Purchase) -> Iterator[CouponRedemption]:
    """Lock and yield the redemptions of the purchase, one by one, in the order in which they were reserved."""
    for item in _in_lock_order(purchase):
        yield selectors.lock_redemption(pk=_redemption_id(purchase, item))
