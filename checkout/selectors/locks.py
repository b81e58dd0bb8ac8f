"""Reads that lock redemptions and backtests until the transaction ends."""

import uuid
from datetime import datetime

from django.db.models import QuerySet

from checkout.models import Backtest, Redemption
from redemptions.statuses import LIVE, RedemptionStatus


def lock_redemption(*, pk: uuid.UUID) -> Redemption:
    """Return the redemption, locked until the transaction ends."""
    return _locked_rows().get(pk=pk)


def lock_live_redemption(
    *, brand_id: uuid.UUID | None, platform_key: uuid.UUID | None, customer_key: int, order: str
) -> Redemption | None:
    """Return the reserved or confirmed redemption of an order, locked until the transaction ends.

    Without a brand, the order is one of the customer: sent with a key of the platform, or by the shopper.
    """
    of_customer = {"brand": None, "platform_key": platform_key, "customer_id": customer_key}
    owner = {"brand_id": brand_id} if brand_id else of_customer
    return _locked_rows().filter(order=order, status__in=LIVE, **owner).first()


def _locked_rows() -> QuerySet[Redemption]:
    """Return a query that locks redemptions and joins the customers that answers name."""
    return Redemption.objects.select_for_update(of=("self",)).select_related("customer")


def lock_expired_redemption(*, at: datetime) -> Redemption | None:
    """Return the longest expired reservation, locked until the transaction ends. Skips locked rows."""
    expired = Redemption.objects.filter(status=RedemptionStatus.RESERVED, expires_at__lte=at).order_by("expires_at")
    return expired.select_for_update(of=("self",), skip_locked=True).first()


def lock_backtest(*, pk: uuid.UUID) -> Backtest | None:
    """Return the backtest, locked until the transaction ends, or None if another worker has locked it."""
    rows = Backtest.objects.select_for_update(of=("self",), skip_locked=True).select_related("brand")
    return rows.filter(pk=pk).first()
