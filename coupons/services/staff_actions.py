"""What staff of a brand do with coupon redemptions without an order. The audit log records each change, once."""

import uuid
from datetime import datetime

import pghistory
from django.db import transaction

from core.errors import NotFound
from coupons import selectors
from coupons.models import CouponRedemption
from coupons.services import transitions
from redemptions.statuses import RedemptionStatus


@transaction.atomic
def release_redemption(*, redemption: uuid.UUID, brand: uuid.UUID, at: datetime) -> None:
    """Release a reservation, as ``StandaloneBackend.release_redemption`` describes it."""
    _check_brand(redemption, brand)
    _record(transitions.release(redemption=redemption, at=at), RedemptionStatus.RELEASED, at)


@transaction.atomic
def return_redemption(*, redemption: uuid.UUID, brand: uuid.UUID, at: datetime) -> None:
    """Return a confirmed redemption, as ``StandaloneBackend.return_redemption`` describes it."""
    _check_brand(redemption, brand)
    _record(transitions.return_redemption(redemption=redemption, at=at), RedemptionStatus.RETURNED, at)


def _check_brand(redemption: uuid.UUID, brand: uuid.UUID) -> None:
    """Raise NotFound for a redemption of another brand or of an order."""
    if selectors.get_redemption(pk=redemption).coupon.brand_id != brand:
        raise NotFound


def _record(ended: CouponRedemption, label: RedemptionStatus, at: datetime) -> None:
    if ended.ended_at == at:
        pghistory.create_event(ended, label=label)
