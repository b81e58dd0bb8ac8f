"""The promotions that a checkout holds: counted, made final, given back. Each runs inside the caller's transaction."""

import json
import uuid
from collections.abc import Iterator
from zoneinfo import ZoneInfo

from django.db.models import QuerySet

from core import db
from core.errors import DomainError
from promotions import limit_rules
from promotions.contracts import OfferUnavailable, Purchase, SelectedOffer
from promotions.errors import (
    BudgetExhausted,
    CodeAlreadyUsed,
    PromotionNotActive,
    ReservationExpired,
    UsageLimitPerCustomer,
    UsageLimitReached,
)
from promotions.models import LIVE, Code, Promotion, PromotionRedemption
from promotions.services import limits

LIMIT_ERRORS: dict[str, type[DomainError]] = {"budget": BudgetExhausted, "user": UsageLimitPerCustomer}


def reserve(*, purchase: Purchase) -> None:
    """Count one use of each promotion, in the order of their keys, until ``purchase.until``.

    A promotion that keeps no limit, opened by itself or by a code that anyone may use again, writes nothing. Raises
    Lost.
    """
    takings = sorted(purchase.items, key=lambda taking: taking.key)
    found = Promotion.objects.select_related("brand").in_bulk([uuid.UUID(taking.key) for taking in takings])
    single = set(
        Code.objects.filter(pk__in=[taking.code for taking in takings if taking.code], single_use=True).values_list(
            "pk", flat=True
        )
    )
    for taking in takings:
        promotion = found[uuid.UUID(taking.key)]
        if promotion.status not in LIVE or not promotion.start_date <= purchase.at < promotion.end_date:
            raise OfferUnavailable(taking, PromotionNotActive())
        _reserve(promotion, taking, purchase, code=taking.code if taking.code in single else "")


def _reserve(promotion: Promotion, taking: SelectedOffer, purchase: Purchase, code: str) -> None:
    counters = []
    for kind, slot, amount, cap in iter_limits(promotion, taking, purchase):
        taken = limits.take(
            promotion=promotion.pk,
            kind=kind,
            slot=slot,
            amount=amount,
            cap=cap,
            home=purchase.shopper_key % limit_rules.SHARDS,
        )
        if taken is None:
            raise OfferUnavailable(taking, LIMIT_ERRORS.get(kind, UsageLimitReached)())
        counters.append(taken)
    if not counters and not code:
        return
    row = db.fetch_one(
        "promotions/sql/insert_redemption.sql",
        {
            "promotion": promotion.pk, "redemption": purchase.id, "customer": purchase.shopper_key, "code": code,
            "amount": taking.amount, "counters": json.dumps(counters), "at": purchase.at, "until": purchase.until,
        },
    )  # fmt: skip
    if row is None:
        raise OfferUnavailable(taking, CodeAlreadyUsed())


def iter_limits(promotion: Promotion, taking: SelectedOffer, purchase: Purchase) -> Iterator[tuple[str, str, int, int]]:
    """The counters that a promotion keeps, as (kind, slot, amount, cap), in the one order in which they are taken."""
    first_days = limit_rules.period_starts(purchase.at.astimezone(ZoneInfo(promotion.brand.timezone)))
    if promotion.budget is not None and taking.amount:
        yield "budget", "", taking.amount, promotion.budget
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
    """Make the uses final. Raises ReservationExpired when one is no longer held."""
    held = _redemptions(purchase).select_for_update().order_by("promotion_id")
    if any(use.reserved_until is not None and use.reserved_until <= purchase.at for use in held):
        raise ReservationExpired
    _redemptions(purchase).update(reserved_until=None)


def release(*, purchase: Purchase) -> None:
    """Give back what is still held; nothing final is touched."""
    _release_counters(_redemptions(purchase).filter(reserved_until__isnull=False))


def return_items(*, purchase: Purchase) -> None:
    """Give the final uses back, and what they had taken of limits and budgets."""
    _release_counters(_redemptions(purchase).filter(reserved_until__isnull=True))


def _redemptions(purchase: Purchase) -> QuerySet[PromotionRedemption]:
    return PromotionRedemption.objects.filter(
        redemption_id=purchase.id, promotion_id__in=[uuid.UUID(taking.key) for taking in purchase.items]
    )


def _release_counters(uses: QuerySet[PromotionRedemption]) -> None:
    for use in uses.select_for_update().order_by("promotion_id"):
        limits.release(promotion=use.promotion_id, taken=use.counters)
        use.delete()
