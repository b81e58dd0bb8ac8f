"""Reads of coupon redemptions."""

import uuid
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

from django.db.models import QuerySet

from core.errors import NotFound
from coupons import rules
from coupons.models import CouponDefinition, CouponRedemption, RedeemedCode
from redemptions.contracts import Purchase
from redemptions.reservations import CustomerOfBrand, ReservationCount, count_by_brand
from redemptions.statuses import LIVE, UNPAID, RedemptionStatus


def get_redemption(*, pk: uuid.UUID) -> CouponRedemption:
    """Return a redemption that is not part of a checkout redemption. Raises NotFound."""
    redemptions = CouponRedemption.objects.filter(redemption_id=None).select_related(
        "coupon__brand", "customer__user"
    )  # fmt: skip
    redemption = redemptions.filter(pk=pk).first()
    if redemption is None:
        raise NotFound
    return redemption


def get_coupon_id(*, redemption: uuid.UUID) -> uuid.UUID:
    """Return the ID of the coupon of a redemption, which never changes. Raises NotFound."""
    coupon = CouponRedemption.objects.filter(pk=redemption).values_list("coupon_id", flat=True).first()
    if coupon is None:
        raise NotFound
    return coupon


def lock_redemption(*, pk: uuid.UUID) -> CouponRedemption:
    """Return a redemption with its coupon, locked until the transaction ends. Raises NotFound."""
    redemptions = CouponRedemption.objects.select_for_update(of=("self",)).select_related("coupon", "customer__user")
    redemption = redemptions.filter(pk=pk).first()
    if redemption is None:
        raise NotFound
    return redemption


def list_redemptions_of_code(*, coupon: uuid.UUID, code: str) -> list[CouponRedemption]:
    """Return the redemption that uses a single-use code, and those that released it; each by its own index."""
    redemptions = CouponRedemption.objects.filter(coupon_id=coupon, code=code)
    active_id = RedeemedCode.objects.filter(coupon=coupon, code=code).values_list("redemption_id", flat=True).first()
    active = redemptions.filter(pk=active_id, ended_at=None) if active_id else redemptions.none()
    return [*active, *redemptions.filter(ended_at__isnull=False).exclude(code="")]


def count_active(*, coupon: uuid.UUID) -> int:
    """Return the number of active redemptions of a coupon that took a unit of its limit, including reservations."""
    return CouponRedemption.objects.filter(coupon_id=coupon, status__in=LIVE, unit__isnull=False).count()


def count_reservations(
    *, customers: Collection[int], since: datetime, at: datetime
) -> dict[CustomerOfBrand, ReservationCount]:
    """Count the reservations without an order, by customer and brand of the coupon: those that are live, and those that
    have expired since a time.
    """
    rows = CouponRedemption.objects.filter(
        customer__in=customers, redemption_id=None, status__in=UNPAID, reserved_until__gt=since
    )
    return count_by_brand(rows, brand="coupon__brand", expires="reserved_until", at=at)


def list_expired(*, at: datetime) -> QuerySet[CouponRedemption]:
    """Return the reservations whose time is over and that are not marked as expired yet."""
    return CouponRedemption.objects.filter(status=RedemptionStatus.RESERVED, reserved_until__lte=at)


def has_expired(*, coupon: uuid.UUID, at: datetime) -> bool:
    """Return whether the coupon has such a reservation."""
    return list_expired(at=at).filter(coupon_id=coupon).exists()


def list_coupons_with_expired(*, at: datetime) -> list[tuple[uuid.UUID, str]]:
    """Return the coupons that have such reservations, each with its strategy, by ID."""
    coupons = CouponDefinition.objects.filter(pk__in=list_expired(at=at).values("coupon_id"))
    return list(coupons.order_by("pk").values_list("pk", "limit_strategy"))


def active_items(*, purchases: Sequence[Purchase]) -> Mapping[tuple[uuid.UUID, str], bool]:
    """Return which items of the purchases are active, and whether each is confirmed; one query."""
    items = _items_by_redemption(purchases)
    rows = CouponRedemption.objects.filter(pk__in=items, status__in=LIVE).values_list("pk", "status")
    return {items[pk]: status == RedemptionStatus.CONFIRMED for pk, status in rows}


def returned_amounts(*, purchases: Sequence[Purchase]) -> Mapping[tuple[uuid.UUID, str], int]:
    """Return what refunds returned of the active items of the purchases; one query."""
    items = _items_by_redemption(purchases)
    rows = CouponRedemption.objects.filter(pk__in=items, status__in=LIVE).values_list("pk", "returned_amount")
    return {items[pk]: amount for pk, amount in rows}


def _items_by_redemption(purchases: Sequence[Purchase]) -> dict[uuid.UUID, tuple[uuid.UUID, str]]:
    return {
        rules.derive_redemption_id(purchase.id, uuid.UUID(item.key)): (purchase.id, item.key)
        for purchase in purchases
        for item in purchase.items
    }
