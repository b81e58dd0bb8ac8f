"""Appends events, in the transaction of what they tell."""

import json
from collections.abc import Iterable
from typing import Any

from django.core.serializers.json import DjangoJSONEncoder

from core import db
from redemptions.events.contracts import NewEvent


def append_events(events: Iterable[NewEvent]) -> int:
    """Append the events in one statement, in the transaction of the caller. Return their number.

    Hot paths don't call this: their statements insert the events themselves, so that they need no further round trip.
    """
    rows = [_to_row(event) for event in events]
    if not rows:
        return 0
    return db.execute("redemptions/events/sql/append_events.sql", {"events": json.dumps(rows, cls=DjangoJSONEncoder)})


def _to_row(event: NewEvent) -> dict[str, Any]:
    return {
        "type": event.type.value,
        "at": event.at.isoformat(),
        "brand": event.brand,
        "kind": event.kind,
        "offer": event.offer,
        "code": event.code,
        "customer": event.customer,
        "order": event.order,
        "redemption": event.redemption,
        "amount": event.amount,
        "subtotal": event.subtotal,
        "currency": event.currency,
        "reason": event.reason,
        "data": event.data,
    }
