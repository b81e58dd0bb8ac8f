"""The coupons that a checkout holds: taken, made final, given back. Each runs inside the caller's transaction."""

import uuid
from collections.abc import Iterator

from core.errors import Busy, DomainError
from coupons import rules, selectors
from coupons.contracts import RedemptionRequest
from coupons.models import CouponRedemption, Status
from coupons.services import transitions
from coupons.services.redemptions import redeem
from promotions.contracts import OfferUnavailable, Purchase, SelectedOffer
from promotions.errors import ReservationExpired


def reserve(*, purchase: Purchase) -> None:
    """Take one of each coupon until ``purchase.until``, in the order of their keys.

    Raises Lost, with whatever came to stand against one since the quote, and Busy.
    """
    for taking in _in_lock_order(purchase):
        asked = RedemptionRequest(
            id=_id(purchase, taking), customer=purchase.shopper_key, code=taking.code, reserved_until=purchase.until,
            redemption=purchase.id, amount=taking.amount, currency=purchase.currency,
        )  # fmt: skip
        try:
            redeem(coupon=uuid.UUID(taking.key), request=asked, at=purchase.at)
        except Busy:
            raise
        except DomainError as refusal:
            raise OfferUnavailable(taking, rules.as_conflict(refusal)) from refusal


def confirm(*, purchase: Purchase) -> None:
    """Make the redemptions final. Raises ReservationExpired when one is no longer held."""
    for held in _locked(purchase):
        if held.status != Status.RESERVED:
            raise ReservationExpired
        transitions.confirm_locked(held, at=purchase.at)


def release(*, purchase: Purchase) -> None:
    """Give back what is still reserved; nothing final is touched."""
    for held in _locked(purchase):
        if held.status == Status.RESERVED:
            transitions.release_locked(held, at=purchase.at)


def return_items(*, purchase: Purchase) -> None:
    """Give the final redemptions back, so that somebody can have them again."""
    for held in _locked(purchase):
        if held.status == Status.CONFIRMED:
            transitions.return_locked(held, at=purchase.at)


def _in_lock_order(purchase: Purchase) -> list[SelectedOffer]:
    return sorted(purchase.items, key=lambda taking: taking.key)


def _id(purchase: Purchase, taking: SelectedOffer) -> uuid.UUID:
    return rules.derive_redemption_id(purchase.id, uuid.UUID(taking.key))


def _locked(purchase: Purchase) -> Iterator[CouponRedemption]:
    """The checkout's redemptions, one after the other in the order in which they were taken."""
    for taking in _in_lock_order(purchase):
        yield selectors.lock_redemption(pk=_id(purchase, taking))
