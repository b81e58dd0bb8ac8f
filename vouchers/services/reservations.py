"""Reservation and return of vouchers for orders. Rows are locked in the order of their keys."""

import uuid
from collections.abc import Collection, Sequence
from typing import Any

from django.db.models import Case, QuerySet, Value, When

from core import db
from redemptions.amendments import exchange_items
from redemptions.contracts import AmendedItem, CustomerMove, LimitedOffer, OfferUnavailable, Purchase, ReturnedItem
from redemptions.errors import CodeNotFound, ReservationExpired
from redemptions.uses.contracts import read_limits
from vouchers.contracts import CUSTOMER_CAPS
from vouchers.errors import VoucherExpired, VoucherUsed
from vouchers.models import Campaign, Voucher, VoucherStatus

KIND = Campaign.offer_kind
COUNTED: dict[str, Any] = {"customer_caps": CUSTOMER_CAPS, "counts_all": True}  # each redeemed voucher has a use


def lock_offers(*, offers: Collection[uuid.UUID]) -> dict[uuid.UUID, LimitedOffer]:
    """Lock campaigns against changes of their limits, and return them."""
    rows = db.fetch_all("vouchers/sql/lock_campaigns.sql", {"offers": list(offers)})
    return {row["id"]: read_limits(KIND, row, **COUNTED) for row in rows}


def record_uses(*, offer: uuid.UUID) -> None:
    """Do nothing: each redeemed voucher has a use from its reservation on."""


def reserve(*, purchase: Purchase) -> dict[uuid.UUID, LimitedOffer]:
    """Reserve each voucher until ``purchase.until``, and return their campaigns, locked.

    Raises OfferUnavailable with VoucherUsed or VoucherExpired.
    """
    items = sorted(purchase.items, key=lambda item: item.key)
    rows = db.fetch_all(
        "vouchers/sql/reserve_vouchers.sql",
        {
            "ids": [item.key for item in items],
            "customer": purchase.shopper_key,
            "redemption": purchase.id,
            "at": purchase.at,
            "until": purchase.until,
        },
    )
    rows_by_id = {str(row["id"]): row for row in rows}
    for item in items:
        row = rows_by_id.get(item.key)
        if row is None:
            raise OfferUnavailable(item, CodeNotFound())
        if not row["is_reserved"]:
            is_expired = row["expires_at"] <= purchase.at or row["state"] == VoucherStatus.EXPIRED
            raise OfferUnavailable(item, VoucherExpired() if is_expired else VoucherUsed())
    return {row["campaign_id"]: read_limits(KIND, row, owner="campaign_id", **COUNTED) for row in rows}


def confirm(*, purchase: Purchase) -> None:
    """Mark the reserved vouchers as used. Raises ReservationExpired if a reservation has expired."""
    reserved = _lock(purchase, status=VoucherStatus.RESERVED, reserved_until__gt=purchase.at)
    if reserved.update(status=VoucherStatus.USED, reserved_until=None) != len(purchase.items):
        raise ReservationExpired


def release(*, purchase: Purchase) -> None:
    """Release the reserved vouchers; used ones stay used."""
    _make_available(_lock(purchase, status=VoucherStatus.RESERVED), purchase)


def return_items(*, purchase: Purchase, returned: Sequence[ReturnedItem]) -> None:
    """Make used vouchers available again, or expired after their expiry date. They keep no discounts to return."""
    if uses := [item.key for item in returned if item.is_use_returned]:
        _make_available(_lock(purchase, status=VoucherStatus.USED, pk__in=uses), purchase)


def amend_items(*, purchase: Purchase, amended: Sequence[AmendedItem]) -> None:
    """Return removed vouchers and use new ones. Vouchers keep no discounts to change. Raises OfferUnavailable."""
    exchange_items(purchase=purchase, amended=amended, return_items=return_items, reserve=reserve, confirm=confirm)


def move_customer(*, move: CustomerMove) -> tuple[tuple[uuid.UUID, uuid.UUID], ...]:
    """Make the vouchers and first logins of a customer those of another one.

    Of campaigns where both have one, each keeps the own.
    """
    db.execute("vouchers/sql/move_vouchers.sql", move.as_params())
    return ()


def _lock(purchase: Purchase, **conditions: object) -> QuerySet[Voucher]:
    """Lock the vouchers of the purchase that meet the conditions, in the order of their keys."""
    vouchers = Voucher.objects.filter(
        pk__in=[item.key for item in purchase.items], customer_id__in=purchase.customer_keys, redemption_id=purchase.id
    ).filter(**conditions)
    locked = vouchers.select_for_update(no_key=True).order_by("pk").values_list("pk", flat=True)
    return Voucher.objects.filter(pk__in=list(locked))


def _make_available(vouchers: QuerySet[Voucher], purchase: Purchase) -> None:
    expired = When(expires_at__lte=purchase.at, then=Value(VoucherStatus.EXPIRED))
    vouchers.update(
        status=Case(expired, default=Value(VoucherStatus.AVAILABLE)), redemption_id=None, reserved_until=None
    )
