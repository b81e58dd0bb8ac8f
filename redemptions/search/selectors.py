"""Reads of uses of offers and of refused attempts."""

from collections.abc import Collection, Sequence
from datetime import datetime
from uuid import UUID

from core import db
from redemptions.backends import get_offer_names
from redemptions.codes.models import Code
from redemptions.codes.rules import canonicalize_code
from redemptions.events.contracts import Position
from redemptions.search.contracts import FoundUse, UseEvent, UseFilter, UseStatus

TYPE_PREFIX = "redemption."
LAST_CHARACTER = "\U0010ffff"


def find_uses(*, wanted: UseFilter, before: Position | None, limit: int) -> Sequence[FoundUse]:
    """Return the uses and attempts that match, by their last event, newest first, older than a position."""
    statuses = [wanted.status] if wanted.status else list(UseStatus)
    lasting = [status for status in UseStatus if status is not UseStatus.REJECTED]
    rows = db.fetch_all(
        "redemptions/search/sql/select_uses.sql",
        {
            "types": [f"{TYPE_PREFIX}{status}" for status in statuses],
            "last": [f"{TYPE_PREFIX}{status}" for status in lasting],
            "tx": before.tx if before else None,
            "id": before.id if before else None,
            "brands": None if wanted.brands is None else list(wanted.brands),
            "kind": wanted.kind or None,
            "offer": wanted.offer,
            "customer": wanted.customer,
            "codes": list(wanted.codes) or None,
            "order": wanted.order or None,
            "order_end": wanted.order + LAST_CHARACTER,
            "start": wanted.start,
            "end": wanted.end,
            "limit": limit,
        },
    )
    names = get_offer_names((row["kind"], row["offer_id"]) for row in rows)
    return [_to_use(row, names.get(row["offer_id"], "")) for row in rows]


def _to_use(row: db.Row, name: str) -> FoundUse:
    events = [
        UseEvent(event["type"], datetime.fromisoformat(event["at"]), event["amount"]) for event in row["events"] or []
    ]
    return FoundUse(
        position=Position(row["tx"], row["id"]),
        status=UseStatus(row["type"].removeprefix(TYPE_PREFIX)),
        at=row["created_at"],
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


def list_code_texts(*, text: str, brands: Collection[UUID] | None) -> tuple[str, ...]:
    """Return the stored texts of the brands' codes that a text in any spelling means, and the text itself."""
    codes = Code.objects.filter(canonical=canonicalize_code(text))
    if brands is not None:
        codes = codes.filter(brand__in=brands)
    return tuple({text.strip().upper(), *codes.values_list("text", flat=True)})
