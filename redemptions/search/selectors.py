"""Reads of uses of offers and of refused attempts."""

import time
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from accounts.selectors import get_shopper
from core import db
from core.errors import NotFound
from redemptions.backends import get_offer_names
from redemptions.events.contracts import Position
from redemptions.events.selectors import get_epoch_and_horizon, get_event, list_code_texts
from redemptions.search.contracts import FoundUse, UseEvent, UseFilter, UseStatus

TYPE_PREFIX = "redemption."
LAST_CHARACTER = "\U0010ffff"
LAST = Position((1 << 63) - 1)  # after every event
FIRST_RANGE = 20_000  # transactions that the first statement covers
RANGE_GROWTH = 4
TIME_BUDGET_SECONDS = 1.0
CHUNK = 500  # uses per statement of an export


@dataclass(frozen=True, slots=True)
class UsePage:
    """Uses and attempts, newest first, and the position from which the next page continues; None at the end."""

    uses: Sequence[FoundUse]
    position: Position | None


def build_filter(
    *, brands: Collection[UUID] | None, customer_id: str = "", code: str = "", **conditions: Any
) -> UseFilter | None:
    """Return the filter for a customer's ID, a code in any spelling and ``conditions``; None if nothing can match."""
    shopper = get_shopper(customer_id) if customer_id else None
    if customer_id and (shopper is None or shopper.id is None):
        return None
    return UseFilter(
        brands=None if brands is None else tuple(brands),
        customer=shopper.id if shopper else None,
        codes=list_code_texts(text=code, brands=brands) if code else (),
        **conditions,
    )


def find_uses(*, wanted: UseFilter, before: Position | None, limit: int) -> UsePage:
    """Return the uses and attempts that match, by their last event, newest first, older than a position.

    Without a customer, code, order or offer, reads ranges of transactions that grow until there are enough uses or the
    time is over. So a page with fewer uses isn't necessarily the last one.
    """
    params = _to_params(wanted)
    is_selective = bool(wanted.offer or wanted.customer is not None or wanted.order or wanted.codes)
    deadline = time.monotonic() + TIME_BUDGET_SECONDS
    position, span = before or LAST, FIRST_RANGE
    oldest = 0 if is_selective else max(0, min(position.tx, get_epoch_and_horizon()[1]) - span)
    rows: list[db.Row] = []
    while True:
        bounds = {"tx": position.tx, "id": position.id, "oldest": oldest, "limit": limit + 1 - len(rows)}
        rows += _select(params | bounds)
        position, span = Position(oldest), span * RANGE_GROWTH
        if len(rows) > limit or oldest == 0 or time.monotonic() > deadline:
            break
        oldest = max(0, oldest - span)
    following: Position | None = position if oldest else None
    if len(rows) > limit:
        following = Position(rows[limit - 1]["tx"], rows[limit - 1]["id"])
    return UsePage(_to_uses(rows[:limit]), following)


def iter_uses(*, wanted: UseFilter) -> Iterator[FoundUse]:
    """Yield all uses and attempts that match, newest first. Reads ``CHUNK`` at a time, so memory use is constant."""
    page = find_uses(wanted=wanted, before=None, limit=CHUNK)
    yield from page.uses
    while page.position is not None:
        page = find_uses(wanted=wanted, before=page.position, limit=CHUNK)
        yield from page.uses


def get_use(*, event: UUID, brands: Collection[UUID] | None) -> FoundUse:
    """Return the use or the refused attempt that an event of one of the brands (of any for None) belongs to.

    Raises NotFound, also for events of other objects.
    """
    row = get_event(event_id=event, brands=None if brands is None else list(brands))
    status = row["type"].removeprefix(TYPE_PREFIX)
    wanted = UseFilter(brands=(row["brand_id"],), kind=row["kind"], offer=row["offer_id"])
    if status == UseStatus.REJECTED:
        bounds = {"tx": row["tx"], "id": UUID(int=event.int + 1), "oldest": row["tx"], "limit": 1}
        uses: Sequence[FoundUse] = _to_uses(
            _select(_to_params(replace(wanted, statuses=(UseStatus.REJECTED,))) | bounds)
        )
        use = next(iter(uses), None)
    else:
        of_customer = replace(wanted, customer=row["customer_key"], redemption=row["redemption_id"])
        uses = find_uses(wanted=of_customer, before=None, limit=CHUNK).uses if row["redemption_id"] else []
        use = next((use for use in uses if use.code == row["code"]), None)
    if use is None:
        raise NotFound
    return use


def _select(params: dict[str, Any]) -> list[db.Row]:
    return db.fetch_all("redemptions/search/sql/select_uses.sql", params)


def _to_params(wanted: UseFilter) -> dict[str, Any]:
    statuses = wanted.statuses or tuple(UseStatus)
    lasting = [status for status in UseStatus if status is not UseStatus.REJECTED]
    return {
        "types": [f"{TYPE_PREFIX}{status}" for status in statuses],
        "last": [f"{TYPE_PREFIX}{status}" for status in lasting],
        "brands": None if wanted.brands is None else list(wanted.brands),
        "kind": wanted.kind or None,
        "offer": wanted.offer,
        "customer": wanted.customer,
        "codes": list(wanted.codes) or None,
        "order": wanted.order or None,
        "order_end": wanted.order + LAST_CHARACTER,
        "redemption": wanted.redemption,
        "start": wanted.start,
        "end": wanted.end,
    }


def _to_uses(rows: Sequence[db.Row]) -> list[FoundUse]:
    names = get_offer_names((row["kind"], row["offer_id"]) for row in rows)
    return [_to_use(row, names.get(row["offer_id"], "")) for row in rows]


def _to_use(row: db.Row, name: str) -> FoundUse:
    events = [
        UseEvent(event["type"], datetime.fromisoformat(event["at"]), event["amount"]) for event in row["events"] or []
    ]
    return FoundUse(
        event=row["id"],
        status=UseStatus(row["type"].removeprefix(TYPE_PREFIX)),
        at=row["created_at"],
        brand_id=row["brand_id"],
        brand=row["brand"],
        kind=row["kind"],
        offer=row["offer_id"],
        offer_name=name,
        code=row["code"],
        customer_id=row["customer_id"] or "",
        order=row["order"],
        redemption=row["redemption_id"],
        amount=_discount(events),
        subtotal=row["subtotal"],
        currency=row["currency"],
        reason=row["reason"],
        count=row["count"],
        events=events,
    )


def _discount(events: Sequence[UseEvent]) -> int | None:
    """Return the discount of a use at its confirmation or reservation, with what amendments changed."""
    discounts = [event.amount for event in events if event.type in ("redemption.reserved", "redemption.confirmed")]
    if not discounts or discounts[-1] is None:
        return None
    return discounts[-1] + sum(event.amount or 0 for event in events if event.type == "redemption.amended")
