"""Reservations of promotions at checkout: reserve, confirm, release, return. Each runs in the caller's transaction."""

import json
import uuid
from collections.abc import Iterator
from zoneinfo import ZoneInfo

from django.db.models import QuerySet

from core import db
from promotions.errors import PromotionNotActive
from promotions.models import LIVE, Code, Promotion, PromotionRedemption
from promotions.services import limits
from redemptions.contracts import OfferUnavailable, Purchase, SelectedOffer
from redemptions.errors import CodeAlreadyUsed, ReservationExpired
from redemptions.limits.rules import SHARDS, limit_error, period_starts


def reserve(*, purchase: Purchase) -> None:
    """Reserve one use of each promotion until ``purchase.until``, in the order of the keys. Raises OfferUnavailable.

    Writes nothing for a promotion without limits, unless its code is single-use.
    """
    items = sorted(purchase.items, key=lambda item: item.key)
    promotions = Promotion.objects.select_related("brand").in_bulk([uuid.UUID(item.key) for item in items])
    codes = Code.objects.filter(pk__in=[item.code for item in items if item.code], single_use=True)
    single_use = set(codes.values_list("pk", flat=True))
    for item in items:
        promotion = promotions[uuid.UUID(item.key)]
        if promotion.status not in LIVE or not promotion.start_date <= purchase.at < promotion.end_date:
            raise OfferUnavailable(item, PromotionNotActive())
        _reserve(promotion, item, purchase, code=item.code if item.code in single_use else "")


def _reserve(promotion: Promotion, item: SelectedOffer, purchase: Purchase, code: str) -> None:
    counters = []
    for kind, scope_key, amount, cap in iter_limits(promotion, item, purchase):
        taken = limits.take(
            promotion=promotion.pk,
            kind=kind,
            scope_key=scope_key,
            amount=amount,
            cap=cap,
            home=purchase.shopper_key % SHARDS,
        )
        if taken is None:
            raise OfferUnavailable(item, limit_error(kind))
        counters.append(taken)
    if not counters and not code:
        return
    row = db.fetch_one(
        "promotions/sql/insert_redemption.sql",
        {
            "promotion": promotion.pk, "redemption": purchase.id, "customer": purchase.shopper_key, "code": code,
            "amount": item.amount, "counters": json.dumps(counters), "at": purchase.at, "until": purchase.until,
        },
    )  # fmt: skip
    if row is None:
        raise OfferUnavailable(item, CodeAlreadyUsed())


def iter_limits(promotion: Promotion, item: SelectedOffer, purchase: Purchase) -> Iterator[tuple[str, str, int, int]]:
    """Yield the promotion's limits as (kind, scope key, amount, cap), in the one order in which they are taken."""
    first_days = period_starts(purchase.at.astimezone(ZoneInfo(promotion.brand.timezone)))
    if promotion.budget is not None and item.amount:
        yield "budget", "", item.amount, promotion.budget
    if promotion.limit_per_day is not None:
        yield "day", first_days["day"].isoformat(), 1, promotion.limit_per_day
    if promotion.limit_per_month is not None:
        yield "month", first_days["month"].isoformat(), 1, promotion.limit_per_month
    if promotion.limit_total is not None:
        yield "total", "", 1, promotion.limit_total
    if promotion.limit_per_user is not None:
        yield "user", str(purchase.shopper_key), 1, promotion.limit_per_user
    if promotion.limit_per_week is not None:
        yield "week", first_days["week"].isoformat(), 1, promotion.limit_per_week


def confirm(*, purchase: Purchase) -> None:
    """Confirm the reserved uses. Raises ReservationExpired if one has expired."""
    reserved = _redemptions(purchase).select_for_update().order_by("promotion_id")
    if any(
        redemption.reserved_until is not None and redemption.reserved_until <= purchase.at for redemption in reserved
    ):
        raise ReservationExpired
    _redemptions(purchase).update(reserved_until=None)


def release(*, purchase: Purchase) -> None:
    """Release the reserved uses; confirmed uses stay."""
    _release_counters(_redemptions(purchase).filter(reserved_until__isnull=False))


def return_items(*, purchase: Purchase) -> None:
    """Return the confirmed uses and release what they took of limits and budgets."""
    _release_counters(_redemptions(purchase).filter(reserved_until__isnull=True))


def _redemptions(purchase: Purchase) -> QuerySet[PromotionRedemption]:
    return PromotionRedemption.objects.filter(
        redemption_id=purchase.id, promotion_id__in=[uuid.UUID(item.key) for item in purchase.items]
    )


def _release_counters(redemptions: QuerySet[PromotionRedemption]) -> None:
    for redemption in redemptions.select_for_update().order_by("promotion_id"):
        limits.release(promotion=redemption.promotion_id, taken=redemption.counters)
        redemption.delete()
