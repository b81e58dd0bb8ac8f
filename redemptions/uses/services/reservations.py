"""Uses of offers by redemptions: reserve, confirm, release, return. Each runs in the caller's transaction.

One statement takes the budgets and limits of all offers of a redemption. The kinds' own rows are locked before these.
"""

import json
import uuid
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from django.db.models import QuerySet

from core import db
from redemptions.backends import get_backends
from redemptions.balances.contracts import Movement, MovementReason
from redemptions.balances.rules import iter_movements
from redemptions.balances.services import append_movements
from redemptions.contracts import (
    BalanceChanged,
    LimitedOffer,
    OfferUnavailable,
    Purchase,
    ReturnedItem,
)
from redemptions.errors import CodeAlreadyUsed, ReservationExpired
from redemptions.limits.contracts import LimitReached, LimitRequest, TakenLimit
from redemptions.limits.rules import (
    AMOUNT_SCOPES,
    BALANCE,
    GRANT,
    UNITS_SCOPE,
    base_scope,
    limit_error,
)
from redemptions.limits.strategies import orders as limits
from redemptions.uses.models import OfferUse
from redemptions.uses.services.requests import Codes, Items, find_codes_to_count, is_counted, list_requests


def lock_offers(kinds: Iterable[tuple[str, uuid.UUID]]) -> dict[uuid.UUID, LimitedOffer]:
    """Lock offers, given as kind and ID, so that their limits don't change before the end of the transaction.

    Takes a statement for each kind, in the order in which kinds are locked.
    """
    wanted: dict[str, set[uuid.UUID]] = {}
    for kind, offer in kinds:
        wanted.setdefault(kind, set()).add(offer)
    locked: dict[uuid.UUID, LimitedOffer] = {}
    for kind, backend in get_backends().items():
        if kind in wanted:
            locked |= backend.lock_offers(offers=wanted[kind])
    return locked


def reserve(
    *,
    purchase: Purchase,
    offers: Mapping[uuid.UUID, LimitedOffer],
    until: datetime | None,
    replaced: Collection[OfferUse] = (),
) -> None:
    """Take budgets and limits of locked offers for the purchase, and insert its uses, reserved ``until`` or confirmed.

    Offers whose uses are not counted are ignored. What expired reservations hold of a limit, and their codes, are taken
    from them. Locked uses that are ``replaced`` are released as ``release`` does, in the statement that takes. Raises
    OfferUnavailable.
    """
    items = {item.offer_id: item for item in purchase.items if is_counted(item.offer_id, offers, purchase)}
    if not items:
        release(uses=replaced, at=purchase.at)
        return
    former = [use for use in replaced if use.reserved_until is not None]
    _delete(former)
    codes = find_codes_to_count(items, offers)
    requests = list_requests(items, offers, purchase)
    taken = take_limits(
        requests,
        items,
        codes,
        purchase=purchase,
        reason=MovementReason.RESERVED,
        released=[one for use in former for one in list_taken(use)],
        returned=_list_returned(former, purchase.at),
    )
    insert_uses(items, taken, purchase, offers, codes=codes, until=until)


def take_limits(
    requests: Sequence[LimitRequest],
    items: Items,
    codes: Codes,
    *,
    purchase: Purchase,
    reason: MovementReason,
    released: Sequence[TakenLimit] = (),
    returned: Iterable[Movement] = (),
) -> list[TakenLimit]:
    """Take limits and balances, from expired reservations if they are reached or if these hold a code.

    ``released`` is what is released before, and ``returned`` are the movements of that. ``reason`` is that of the
    movements of what is taken. Raises OfferUnavailable, or BalanceChanged; then nothing is released.
    """
    expired = _lock_expired(offers=[], grants=[], codes=codes, at=purchase.at) if codes else []
    try:
        try:
            taken = _take_from(requests, expired, released, purchase.id)
        except LimitReached:
            grants = {request.owner for request in requests if base_scope(request.scope) == GRANT}
            more = _lock_expired(offers=items, grants=grants, codes=codes, at=purchase.at)
            if len(more) == len(expired):
                raise
            expired, taken = more, _take_from(requests, more, released, purchase.id)
    except LimitReached as reached:
        scope = reached.request.scope
        unavailable = BalanceChanged if base_scope(scope) == BALANCE else OfferUnavailable
        raise unavailable(items[reached.request.taker], limit_error(scope)) from reached
    movements = [movement for use in expired for movement in _iter_expired(use)]
    movements += returned
    movements += iter_movements(taken, redemption=purchase.id, reason=reason, sign=-1)
    append_movements(movements, at=purchase.at)
    return taken


def _iter_expired(use: db.Row) -> Iterator[Movement]:
    taken = _list_expired(use)
    return iter_movements(taken, redemption=use["redemption_id"], reason=MovementReason.EXPIRED)


def _list_expired(use: db.Row) -> list[TakenLimit]:
    return _list_taken(use["promotion_id"], use["redemption_id"], use["grant_key"], use["counters"])


def list_taken(use: OfferUse, counters: Iterable[Any] | None = None) -> list[TakenLimit]:
    """Return what the counters of a use, or these, say that it took, of the limits of its offer and of the grant."""
    taken = use.counters if counters is None else counters
    return _list_taken(use.offer_id, use.redemption_id, use.grant_key, taken)


def _list_taken(
    offer: uuid.UUID, redemption: uuid.UUID, grant: uuid.UUID | None, counters: Iterable[Any]
) -> list[TakenLimit]:
    return [
        TakenLimit(
            grant if grant and base_scope(scope) == GRANT else offer, scope, slot, shard, amount, offer, redemption
        )
        for scope, slot, shard, amount in counters
    ]


def _lock_expired(
    *, offers: Collection[uuid.UUID], grants: Collection[uuid.UUID], codes: Codes, at: datetime
) -> list[db.Row]:
    params = {
        "offers": list(offers), "grants": list(grants), "at": at,
        "owners": [owner for owner, _ in codes], "codes": [code for _, code in codes],
    }  # fmt: skip
    return db.fetch_all("redemptions/uses/sql/lock_expired.sql", params)


def _take_from(
    requests: Sequence[LimitRequest],
    expired: Sequence[db.Row],
    released: Sequence[TakenLimit],
    redemption: uuid.UUID,
) -> list[TakenLimit]:
    """Take the limits, also those that expired reservations hold, which lapse. Raises LimitReached."""
    of_expired = [one for use in expired for one in _list_expired(use)]
    taken = limits.take(requests=requests, redemption=redemption, released=[*released, *of_expired])
    if expired:
        lapsed = OfferUse.objects.filter(pk__in=[use["id"] for use in expired])
        lapsed.update(is_lapsed=True, counters=[], code="")
    return taken


def insert_uses(
    items: Items,
    taken: Iterable[TakenLimit],
    purchase: Purchase,
    offers: Mapping[uuid.UUID, LimitedOffer],
    *,
    codes: Codes,
    until: datetime | None,
) -> None:
    """Insert uses that are reserved ``until`` a time, or confirmed, with what they took of the limits.

    Raises OfferUnavailable for a single-use code that is already used.
    """
    counters: dict[uuid.UUID, list[Sequence[str | int]]] = {key: [] for key in items}
    for one in taken:
        counters[one.taker].append((one.scope, one.slot, one.shard, one.amount))
    uses = [
        {
            "kind": offers[key].kind,
            "offer": str(key),
            "code": item.code if (key, item.code) in codes else "",
            "amount": item.amount,
            "counters": counters[key],
            "grant_key": _find_grant_key(purchase, offers[key]),
            "identities": purchase.identities.list_slots(offers[key].brand_id),
        }
        for key, item in items.items()
    ]
    inserted = db.fetch_all(
        "redemptions/uses/sql/insert_uses.sql",
        {
            "redemption": purchase.id, "customer": purchase.shopper_key, "currency": purchase.currency,
            "at": purchase.at, "until": until,
            "uses": json.dumps(uses),
        },
    )  # fmt: skip
    for lost in sorted(items.keys() - {row["promotion_id"] for row in inserted}):
        raise OfferUnavailable(items[lost], CodeAlreadyUsed())


def _find_grant_key(purchase: Purchase, offer: LimitedOffer) -> str | None:
    grant = purchase.grants.get(offer.brand_id)
    return str(grant.key) if grant else None


def lock_uses(*, redemptions: Collection[uuid.UUID], offers: Collection[tuple[str, uuid.UUID]]) -> list[OfferUse]:
    """Lock offers, given as kind and ID, then their uses by redemptions, and return these.

    Callers do this before they lock what the kinds keep, since a change of limits locks the offer first. Offers without
    uses are locked, too: the first limit of an offer inserts the uses of its redemptions.
    """
    lock_offers(offers)
    uses = select_uses(redemptions, [offer for _, offer in offers])
    return list(uses.select_for_update().order_by("offer_id", "redemption_id"))


def confirm(*, redemption: uuid.UUID, offers: Collection[uuid.UUID], at: datetime) -> None:
    """Confirm the reserved uses of a redemption. Raises ReservationExpired if one has expired."""
    params = {"redemption": redemption, "offers": list(offers), "at": at}
    if any(row["is_expired"] for row in db.fetch_all("redemptions/uses/sql/confirm_uses.sql", params)):
        raise ReservationExpired


def release(*, uses: Collection[OfferUse], at: datetime) -> None:
    """Delete those of locked uses that are reserved and release what they took; confirmed uses stay."""
    reserved = [use for use in uses if use.reserved_until is not None]
    delete_uses(uses=reserved)
    append_movements(_list_returned(reserved, at), at=at)


def _list_returned(reserved: Iterable[OfferUse], at: datetime) -> list[Movement]:
    """Return the movements of what reserved uses release."""
    movements: list[Movement] = []
    for use in reserved:
        is_expired = use.reserved_until is not None and use.reserved_until <= at
        reason = MovementReason.EXPIRED if is_expired else MovementReason.RELEASED
        movements += iter_movements(list_taken(use), redemption=use.redemption_id, reason=reason)
    return movements


def return_items(*, uses: Collection[OfferUse], returned: Mapping[uuid.UUID, ReturnedItem], at: datetime) -> None:
    """Return parts of the discounts of locked, confirmed uses, by offer, and uses with all that they took."""
    ended, kept, released = [], [], []
    movements: list[Movement] = []
    for use in uses:
        item = returned.get(use.offer_id)
        if item is None or use.reserved_until is not None:
            continue
        if item.is_use_returned:
            ended.append(use)
            part = list_taken(use)
        else:
            use.counters, part = split_counters(use, item.amount, item.units)
            use.returned_amount += item.amount
            released += part
            kept.append(use)
        movements += iter_movements(part, redemption=use.redemption_id, reason=MovementReason.RETURNED)
    if kept:
        OfferUse.objects.bulk_update(kept, ["counters", "returned_amount"])
    delete_uses(uses=ended, released=released)
    append_movements(movements, at=at)


def delete_uses(*, uses: Collection[OfferUse], released: Iterable[TakenLimit] = ()) -> None:
    """Delete locked uses, and release what they took, with what else is ``released``."""
    limits.release(taken=[*released, *(one for use in uses for one in list_taken(use))])
    _delete(uses)


def _delete(uses: Collection[OfferUse]) -> None:
    if uses:
        OfferUse.objects.filter(pk__in=[use.pk for use in uses]).delete()


def split_counters(use: OfferUse, amount: int, units: int) -> tuple[list[Sequence[Any]], list[TakenLimit]]:
    """Return the counters of a use without a part of its discount and units, and what is released of the limits."""
    counters: list[Sequence[Any]] = []
    released = []
    given = dict.fromkeys(AMOUNT_SCOPES, amount) | {UNITS_SCOPE: units}
    left = {(scope, slot): given.get(base_scope(scope), 0) for scope, slot, *_ in use.counters}
    for scope, slot, shard, taken in use.counters:
        part = min(left[scope, slot], taken)
        left[scope, slot] -= part
        counters.append((scope, slot, shard, taken - part))
        if part:
            released += list_taken(use, [(scope, slot, shard, part)])
    return counters, released


def select_uses(redemptions: Collection[uuid.UUID], offers: Collection[uuid.UUID]) -> QuerySet[OfferUse]:
    """Return the uses of offers by redemptions."""
    return OfferUse.objects.filter(redemption_id__in=list(redemptions), offer_id__in=list(offers))
