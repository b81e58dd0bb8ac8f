"""Reservations of promotions at checkout: reserve, confirm, release, return. Each runs in the caller's transaction."""

import json
import uuid
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from django.db.models import QuerySet

from core import db
from promotions.contracts import list_budgets, list_caps
from promotions.errors import PromotionNotActive
from promotions.models import PromotionRedemption
from redemptions.codes.selectors.codes import find_single_use_codes
from redemptions.contracts import OfferUnavailable, Purchase, ReturnedItem, SelectedOffer
from redemptions.errors import CodeAlreadyUsed, CurrencyMismatch, ReservationExpired
from redemptions.lifecycle import derive_status
from redemptions.limits import services as limits
from redemptions.limits.contracts import LimitReached, LimitRequest, TakenLimit
from redemptions.limits.rules import base_scope, budget_scope, limit_error, period_starts
from redemptions.statuses import OfferStatus


def reserve(*, purchase: Purchase) -> None:
    """Reserve one use of each promotion until ``purchase.until``, in the order of the keys. Raises OfferUnavailable.

    A limit or code that expired reservations hold is taken from them.
    """
    items = {uuid.UUID(item.key): item for item in sorted(purchase.items, key=lambda item: item.key)}
    promotions = lock_promotions(list(items))
    check_active(items, promotions, purchase)
    single_use = find_single_use_codes(codes=[(key, item.code) for key, item in items.items() if item.code])
    requests = [request for key, item in items.items() for request in iter_limits(promotions[key], item, purchase)]
    taken = take_limits(requests, items, purchase, single_use)
    insert_uses(items, taken, purchase, single_use=single_use, until=purchase.until)


def lock_promotions(keys: Sequence[uuid.UUID]) -> dict[uuid.UUID, db.Row]:
    """Lock promotions, so that their limits don't change before the end of the transaction, and return them."""
    rows = db.fetch_all("promotions/sql/lock_promotions.sql", {"promotions": list(keys)}) if keys else []
    return {row["id"]: row for row in rows}


def check_active(
    items: Mapping[uuid.UUID, SelectedOffer], promotions: Mapping[uuid.UUID, db.Row], purchase: Purchase
) -> None:
    """Raise OfferUnavailable for the first promotion that isn't active."""
    for key, item in items.items():
        promotion = promotions[key]
        dates = {"start": promotion["start_date"], "end": promotion["end_date"]}
        if derive_status(decision=promotion["decision"], **dates, at=purchase.at) != OfferStatus.ACTIVE:
            raise OfferUnavailable(item, PromotionNotActive())


def take_limits(
    requests: Sequence[LimitRequest],
    items: Mapping[uuid.UUID, SelectedOffer],
    purchase: Purchase,
    codes: Collection[tuple[uuid.UUID, str]],
    released: Sequence[TakenLimit] = (),
) -> list[TakenLimit]:
    """Take limits, from expired reservations if they are reached or if these hold a code, and release others.

    Raises OfferUnavailable; then nothing is released.
    """
    expired = _lock_expired(purchase, promotions=[], codes=codes) if codes else []
    try:
        try:
            return _take_from(requests, expired, released)
        except LimitReached:
            more = _lock_expired(purchase, promotions=list(items), codes=codes)
            if len(more) == len(expired):
                raise
            return _take_from(requests, more, released)
    except LimitReached as reached:
        raise OfferUnavailable(items[reached.request.owner], limit_error(reached.request.scope)) from reached


def _lock_expired(
    purchase: Purchase, *, promotions: Collection[uuid.UUID], codes: Collection[tuple[uuid.UUID, str]]
) -> list[db.Row]:
    params = {
        "promotions": list(promotions), "owners": [owner for owner, _ in codes], "codes": [code for _, code in codes],
        "at": purchase.at,
    }  # fmt: skip
    return db.fetch_all("promotions/sql/lock_expired.sql", params)


def _take_from(
    requests: Sequence[LimitRequest], expired: Sequence[db.Row], released: Sequence[TakenLimit]
) -> list[TakenLimit]:
    """Take the limits, after deleting expired reservations and releasing what they took. Raises LimitReached."""
    of_expired = [TakenLimit(use["promotion_id"], *counter) for use in expired for counter in use["counters"]]
    taken = limits.take(requests=requests, released=[*released, *of_expired])
    if expired:
        PromotionRedemption.objects.filter(pk__in=[use["id"] for use in expired]).delete()
    return taken


def iter_limits(promotion: db.Row, item: SelectedOffer, purchase: Purchase) -> Iterator[LimitRequest]:
    """Yield what the purchase takes of each limit of the promotion; the limit to report first comes first.

    Raises OfferUnavailable if the promotion has budgets, but none in the currency of the purchase.
    """
    budgets = list_budgets(promotion)
    if budgets and purchase.currency not in budgets:
        error = CurrencyMismatch(currency=purchase.currency, offer_currencies=sorted(budgets))
        raise OfferUnavailable(item, error)
    first_days = period_starts(purchase.at.astimezone(ZoneInfo(promotion["timezone"])))
    slots = {"customer": str(purchase.shopper_key)} | {scope: day.isoformat() for scope, day in first_days.items()}
    for scope, cap in list_caps(promotion).items():
        is_budget = base_scope(scope) == "budget"
        amount = item.amount if is_budget else 1
        if amount and (not is_budget or scope == budget_scope(purchase.currency)):
            yield LimitRequest(
                owner=promotion["id"],
                scope=scope,
                slot=slots.get(scope, ""),
                amount=amount,
                cap=cap,
                home=purchase.shopper_key,
            )


def insert_uses(
    items: Mapping[uuid.UUID, SelectedOffer],
    taken: Iterable[TakenLimit],
    purchase: Purchase,
    *,
    single_use: Collection[tuple[uuid.UUID, str]],
    until: datetime | None,
) -> None:
    """Insert redemptions that are reserved ``until`` a time, or confirmed, with what they took of the limits.

    Raises OfferUnavailable for a single-use code that is already used.
    """
    counters: dict[uuid.UUID, list[Sequence[str | int]]] = {key: [] for key in items}
    for one in taken:
        counters[one.owner].append((one.scope, one.slot, one.shard, one.amount))
    uses = [
        {
            "promotion": str(key),
            "code": item.code if (key, item.code) in single_use else "",
            "amount": item.amount,
            "counters": counters[key],
        }
        for key, item in items.items()
    ]
    inserted = db.fetch_all(
        "promotions/sql/insert_redemptions.sql",
        {
            "redemption": purchase.id, "customer": purchase.shopper_key, "currency": purchase.currency,
            "at": purchase.at, "until": until,
            "uses": json.dumps(uses),
        },
    )  # fmt: skip
    for lost in sorted(items.keys() - {row["promotion_id"] for row in inserted}):
        raise OfferUnavailable(items[lost], CodeAlreadyUsed())


def confirm(*, purchase: Purchase) -> None:
    """Confirm the reserved uses. Raises ReservationExpired if one has expired."""
    reserved = select_uses(purchase).select_for_update().order_by("promotion_id")
    untils = list(reserved.values_list("reserved_until", flat=True))
    is_taken_over = len(untils) < len(purchase.items)  # by another redemption, after the time was over
    if is_taken_over or any(until is not None and until <= purchase.at for until in untils):
        raise ReservationExpired
    select_uses(purchase).update(reserved_until=None)


def release(*, purchase: Purchase) -> None:
    """Release the reserved uses; confirmed uses stay."""
    _release_limits(select_uses(purchase).filter(reserved_until__isnull=False))


def return_items(*, purchase: Purchase, returned: Sequence[ReturnedItem]) -> None:
    """Return parts of the discounts to the budgets, and uses with all that they took of limits."""
    amounts = {uuid.UUID(item.key): item.amount for item in returned}
    uses = {uuid.UUID(item.key) for item in returned if item.is_use_returned}
    confirmed = select_uses(purchase).filter(promotion_id__in=amounts, reserved_until__isnull=True)
    kept = []
    released = []
    for use in _lock(confirmed):
        if use.promotion_id in uses:
            released += [TakenLimit(use.promotion_id, *counter) for counter in use.counters]
        else:
            use.counters, given_back = split_counters(use, amounts[use.promotion_id])
            use.returned_amount += amounts[use.promotion_id]
            released += given_back
            kept.append(use)
    limits.release(taken=released)
    PromotionRedemption.objects.bulk_update(kept, ["counters", "returned_amount"])
    confirmed.filter(promotion_id__in=uses).delete()


def split_counters(use: PromotionRedemption, amount: int) -> tuple[list[Sequence[Any]], list[TakenLimit]]:
    """Return the counters of a redemption without a part of its discount, and what is released of budgets."""
    counters: list[Sequence[Any]] = []
    released = []
    for scope, slot, shard, taken in use.counters:
        part = min(amount, taken) if base_scope(scope) == "budget" else 0
        amount -= part
        counters.append((scope, slot, shard, taken - part))
        if part:
            released.append(TakenLimit(use.promotion_id, scope, slot, shard, part))
    return counters, released


def select_uses(purchase: Purchase) -> QuerySet[PromotionRedemption]:
    return PromotionRedemption.objects.filter(
        redemption_id=purchase.id, promotion_id__in=[uuid.UUID(item.key) for item in purchase.items]
    )


def _release_limits(redemptions: QuerySet[PromotionRedemption]) -> None:
    """Delete redemptions and release what they took of limits."""
    released = _lock(redemptions)
    limits.release(taken=[TakenLimit(use.promotion_id, *counter) for use in released for counter in use.counters])
    PromotionRedemption.objects.filter(pk__in=[use.pk for use in released]).delete()


def _lock(redemptions: QuerySet[PromotionRedemption]) -> list[PromotionRedemption]:
    """Lock the promotions of redemptions, then the redemptions, and return these."""
    lock_promotions(list(redemptions.order_by().values_list("promotion_id", flat=True)))
    return list(redemptions.select_for_update().order_by("promotion_id"))
