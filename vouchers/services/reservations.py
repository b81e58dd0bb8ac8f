"""Checkout takes vouchers of one redemption, and gives them back. Rows are locked in the order of their keys."""

from django.db.models import Case, QuerySet, Value, When

from core import db
from promotions.contracts import OfferUnavailable, Purchase
from promotions.errors import CodeNotFound, ReservationExpired
from vouchers.errors import VoucherExpired, VoucherUsed
from vouchers.models import Voucher, VoucherState


def reserve(*, purchase: Purchase) -> None:
    """Hold each voucher until ``purchase.until``. Raises Lost, with VoucherUsed or VoucherExpired."""
    takings = sorted(purchase.items, key=lambda taking: taking.key)
    rows = db.fetch_all(
        "vouchers/sql/reserve_vouchers.sql",
        {
            "ids": [taking.key for taking in takings],
            "customer": purchase.shopper_key,
            "redemption": purchase.id,
            "at": purchase.at,
            "until": purchase.until,
        },
    )
    found = {str(row["id"]): row for row in rows}
    for taking in takings:
        row = found.get(taking.key)
        if row is None:
            raise OfferUnavailable(taking, CodeNotFound())
        if not row["held"]:
            late = row["expires_at"] <= purchase.at or row["state"] == VoucherState.EXPIRED
            raise OfferUnavailable(taking, VoucherExpired() if late else VoucherUsed())


def confirm(*, purchase: Purchase) -> None:
    """Make the held vouchers used. Raises ReservationExpired when one is no longer held."""
    held = _locked(purchase, state=VoucherState.RESERVED, reserved_until__gt=purchase.at)
    if held.update(status=VoucherState.USED, reserved_until=None) != len(purchase.items):
        raise ReservationExpired


def release(*, purchase: Purchase) -> None:
    """Let go of what is still held; what is used stays."""
    _release(_locked(purchase, state=VoucherState.RESERVED), purchase)


def return_items(*, purchase: Purchase) -> None:
    """Give the used vouchers back, as far as their time is not up."""
    _release(_locked(purchase, state=VoucherState.USED), purchase)


def _locked(purchase: Purchase, **conditions: object) -> QuerySet[Voucher]:
    """The purchase's vouchers that meet the conditions, locked in the order in which everyone locks them."""
    mine = Voucher.objects.filter(
        pk__in=[taking.key for taking in purchase.items],
        customer_id=purchase.shopper_key,
        redemption_id=purchase.id,
        **conditions,
    )
    locked = mine.select_for_update(no_key=True).order_by("pk").values_list("pk", flat=True)
    return Voucher.objects.filter(pk__in=list(locked))


def _release(vouchers: QuerySet[Voucher], purchase: Purchase) -> None:
    late = When(expires_at__lte=purchase.at, then=Value(VoucherState.EXPIRED))
    vouchers.update(status=Case(late, default=Value(VoucherState.AVAILABLE)), redemption_id=None, reserved_until=None)
