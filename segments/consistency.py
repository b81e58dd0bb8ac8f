"""Consistency check of segments, their members and the slots of customers."""

from collections.abc import Iterator
from datetime import datetime

from django.db import transaction
from django.db.models import F, Max

from core import db
from segments.models import CustomerSlots, Segment, SegmentMember, State
from segments.services import customer_ranges


def check(*, at: datetime, repair: bool) -> Iterator[str]:
    """Yield a line for each difference between stored counts and members.

    ``repair`` stores the counted numbers, and releases ended segments again that still have members.
    """
    for customer_range in range(customer_ranges.range_of(_last_customer()) + 1):
        yield from _check_slots(customer_range, repair)
    yield from _check_segments(repair)


def _last_customer() -> int:
    """Return the highest key of the customers that have ever been in a segment."""
    keys = [model.objects.aggregate(last=Max("customer_id"))["last"] or 0 for model in (CustomerSlots, SegmentMember)]
    return int(max(keys))


@transaction.atomic
def _check_slots(customer_range: int, repair: bool) -> list[str]:
    customer_ranges.lock_range(customer_range, wait=True)
    bounds = {
        "after": customer_ranges.range_end(customer_range - 1),
        "until": customer_ranges.range_end(customer_range),
    }
    differences = db.fetch_all("segments/sql/recount_slots.sql", bounds)
    if differences and repair:
        columns = {
            "customers": [row["customer_id"] for row in differences],
            "counted": [row["counted"] for row in differences],
        }
        db.execute("segments/sql/repair_slots.sql", columns)
    suffix = ": repaired" if repair else ""
    return [
        f"customer {row['customer_id']}: {row['says']} slots stored, {row['counted']} counted{suffix}"
        for row in differences
    ]


def _check_segments(repair: bool) -> Iterator[str]:
    for row in db.fetch_all("segments/sql/recount_segments.sql", {}):
        unchanged = Segment.objects.filter(pk=row["id"], state=row["state"], cursor=row["cursor"])
        if row["state"] in {State.SCHEDULED, State.EXPIRED, State.DELETED}:
            repaired = repair and unchanged.update(state=State.RELEASING, cursor=0, epoch=F("epoch") + 1)
            difference = f"{row['members']} members although {row['state']}"
        else:
            repaired = repair and unchanged.update(members_count=row["members"])
            difference = f"{row['says']} members stored, {row['members']} counted"
        yield f"segment {row['id']}: {difference}" + (": repaired" if repaired else "")
