"""Reads of events that miss none.

Transactions commit in another order than they began, so a reader that remembers the last ID it saw would miss events of
transactions that commit later. Readers therefore remember a position (transaction number, ID) and read only below the
horizon: the oldest transaction that still runs anywhere in the server. Whatever has a lower number has ended.
"""

import time
import uuid
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from django.db import connection

from core import db
from core.errors import NotFound
from core.texts import to_upper_case
from redemptions.events.contracts import EventFilter, Position

FIRST_RANGE = 10_000  # transactions that the first statement of a read covers
RANGE_GROWTH = 4
TIME_BUDGET_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class EventPage:
    """Events in commit order, and the position after them, from which the next read continues."""

    events: Sequence[db.Row]
    position: Position


def read_events(*, wanted: EventFilter, after: Position, limit: int) -> EventPage:
    """Return the next events that match, at most ``limit``, all below the horizon.

    Reads ranges of transactions that grow until there are enough events, the horizon is reached or the time is over. So
    a page with fewer events isn't necessarily the last one; its position is how far the read came.
    """
    _, horizon = get_epoch_and_horizon()
    deadline = time.monotonic() + TIME_BUDGET_SECONDS
    is_selective = wanted.offer is not None or wanted.customer is not None or bool(wanted.order or wanted.codes)
    span = horizon if is_selective else FIRST_RANGE
    events: list[db.Row] = []
    position = after
    while position.tx < horizon:
        until = min(horizon, position.tx + span)
        events += _select(wanted, position, until, limit - len(events))
        if len(events) >= limit:
            return EventPage(events, Position(events[-1]["tx"], events[-1]["id"]))
        position, span = Position(until), span * RANGE_GROWTH
        if time.monotonic() > deadline:
            break
    return EventPage(events, position)


def _select(wanted: EventFilter, after: Position, until: int, limit: int) -> list[db.Row]:
    return db.fetch_all(
        "redemptions/events/sql/select_events.sql",
        {
            "tx": after.tx,
            "id": after.id,
            "until": until,
            "brands": None if wanted.brands is None else list(wanted.brands),
            "types": [_to_pattern(name) for name in wanted.types] or None,
            "kind": wanted.kind or None,
            "offer": wanted.offer,
            "customer": wanted.customer,
            "order": wanted.order or None,
            "codes": list(wanted.codes) or None,
            "limit": limit,
        },
    )


def _to_pattern(event_type: str) -> str:
    """Return the pattern of LIKE for a type or, with ``.*``, for all types of an object."""
    escaped = event_type.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return f"{escaped[:-1]}%" if escaped.endswith(".*") else escaped


def get_event(*, event_id: uuid.UUID, brands: Sequence[uuid.UUID] | None) -> db.Row:
    """Return an event of one of the brands (of any for None). Raises NotFound."""
    row = db.fetch_one(
        "redemptions/events/sql/select_event.sql",
        {"id": event_id, "brands": None if brands is None else list(brands)},
    )
    if row is None:
        raise NotFound
    return row


def list_code_texts(*, text: str, brands: Collection[uuid.UUID] | None) -> tuple[str, ...]:
    """Return the stored texts of the brands' codes that a text in any spelling means, and the text itself.

    Attempts with unknown codes have the text that was sent.
    """
    params = {"text": text, "brands": None if brands is None else list(brands)}
    rows = db.fetch_all("redemptions/events/sql/select_code_texts.sql", params)
    return tuple({to_upper_case(text.strip()), *(row["text"] for row in rows)})


def get_epoch_and_horizon() -> tuple[str, int]:
    """Return the epoch of the event log and the number below which every transaction has ended."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT redemptions_event_epoch(), redemptions_event_horizon()")
        epoch, horizon = cursor.fetchone()
        return epoch, horizon
