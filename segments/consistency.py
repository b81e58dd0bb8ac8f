"""What must hold among segments, their members and the slots of customers, counted again from the members."""

from collections.abc import Iterator
from datetime import datetime

from django.db import transaction
from django.db.models import F, Max

from core import db
from segments.models import CustomerSlots, Segment, SegmentMember, State
from segments.services import customer_ranges


def check(*, at: datetime, repair: bool) -> Iterator[str]:
    """A line a difference; ``repair`` writes what was counted, and releases again what has ended and has members."""
    for stripe in range(customer_ranges.range_of(_last()) + 1):
        yield from _slots(stripe, repair)
    yield from _segments(repair)


def _last() -> int:
    """The last customer who was ever in a segment, by key."""
    keys = [model.objects.aggregate(last=Max("customer_id"))["last"] or 0 for model in (CustomerSlots, SegmentMember)]
    return int(max(keys))


@transaction.atomic
def _slots(stripe: int, repair: bool) -> list[str]:
    customer_ranges.lock_range(stripe, wait=True)
    bounds = {"after": customer_ranges.range_end(stripe - 1), "until": customer_ranges.range_end(stripe)}
    wrong = db.fetch_all("segments/sql/recount_slots.sql", bounds)
    if wrong and repair:
        columns = {"customers": [row["customer_id"] for row in wrong], "counted": [row["counted"] for row in wrong]}
        db.execute("segments/sql/repair_slots.sql", columns)
    mended = ": mended" if repair else ""
    return [
        f"customer {row['customer_id']}: says {row['says']} slots, is in {row['counted']} segments{mended}"
        for row in wrong
    ]


def _segments(repair: bool) -> Iterator[str]:
    for row in db.fetch_all("segments/sql/recount_segments.sql", {}):
        mine = Segment.objects.filter(pk=row["id"], state=row["state"], cursor=row["cursor"])
        if row["state"] in {State.SCHEDULED, State.EXPIRED, State.DELETED}:
            mended = repair and mine.update(state=State.RELEASING, cursor=0, epoch=F("epoch") + 1)
            told = f"is {row['state']} and has {row['members']} members"
        else:
            mended = repair and mine.update(members_count=row["members"])
            told = f"says {row['says']} members, has {row['members']}"
        yield f"segment {row['id']}: {told}" + (": mended" if mended else "")
