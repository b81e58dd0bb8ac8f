"""Helpers for tests of events."""

import time
from collections.abc import Callable, Iterator
from typing import Any

from django.db import connection

from core import db
from redemptions.events import selectors
from redemptions.events.contracts import EventFilter, EventType, Position
from redemptions.events.models import Event, EventReader
from redemptions.results.services import rollup

EVERYTHING = EventFilter()
DEADLINE_SECONDS = 120.0  # other processes of a parallel run may hold the horizon back


def read_all(wanted: EventFilter = EVERYTHING, *, after: Position | None = None, limit: int = 7) -> list[db.Row]:
    """Return all events that are below the horizon, read page by page."""
    events: list[db.Row] = []
    position = after or Position()
    while True:
        page = selectors.read_events(wanted=wanted, after=position, limit=limit)
        events += page.events
        if page.position == position:
            return events
        position = page.position


def wait_until(is_true: Callable[[], bool]) -> None:
    """Wait until a condition holds."""
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not is_true():
        assert time.monotonic() < deadline, "this took too long"
        time.sleep(0.05)


def wait_for_horizon() -> None:
    """Wait until all committed events are below the horizon."""
    newest = Event.objects.order_by("-tx").values_list("tx", flat=True).first() or 0
    wait_until(lambda: selectors.get_epoch_and_horizon()[1] > newest)


def count_confirmed() -> int:
    """Return the number of confirmed redemptions of discount codes that brands are told of."""
    return Event.objects.filter(type=EventType.REDEMPTION_CONFIRMED, kind="discount_code").count()


def iter_types() -> Iterator[Any]:
    """Yield the types of all events, in the order in which they were appended."""
    yield from Event.objects.order_by("id").values_list("type", flat=True)


def roll_up_now() -> None:
    """Add all events to the sums of results, also those of the test's own transaction, which is still running.

    Gives them the transaction number of the reader's position, so that events that follow are above the new one.
    """
    reader, _ = EventReader.objects.get_or_create(name=rollup.READER)
    with connection.cursor() as cursor:
        cursor.execute("UPDATE redemptions_event SET tx = %s WHERE tx >= %s", [reader.tx, reader.tx])
    db.fetch_one("redemptions/results/sql/roll_up_events.sql", {"tx": reader.tx, "until": reader.tx + 1})
