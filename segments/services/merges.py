"""Audiences and segments of customers who are merged into others."""

import uuid
from datetime import datetime

from django.conf import settings
from django.db.models import Exists, F, OuterRef

from core import db
from core.errors import Busy
from segments.models import CustomerSlots, Segment, SegmentMember
from segments.services import customer_ranges, sync


def move_customer(*, brand_id: uuid.UUID, source: int, target: int, at: datetime) -> None:
    """Put the target in the place of the source in a brand's imported audiences and filled segments.

    Automatic audiences follow the orders, and segments that are being filled keep the source. A target without a free
    slot gets no further segment. Raises Busy if another transaction changes the slots of one of them.
    """
    db.execute("segments/sql/exchange_customer.sql", {"brand": brand_id, "source": source, "target": target})
    memberships = SegmentMember.objects.filter(segment=OuterRef("pk"))
    filled = Segment.objects.filter(Exists(memberships.filter(customer=source)), brand=brand_id)
    filled = filled.filter(state__in=sync.SYNCED_STATES)
    if not filled.exists():
        return
    ranges = {customer_ranges.range_of(source), customer_ranges.range_of(target)}
    if not all(customer_ranges.lock_range(customer_range, wait=False) for customer_range in sorted(ranges)):
        raise Busy
    segments = list(filled.select_for_update().order_by("pk").values_list("pk", flat=True))
    common = set(SegmentMember.objects.filter(segment__in=segments, customer=target).values_list("segment", flat=True))
    CustomerSlots.objects.bulk_create([CustomerSlots(customer_id=target)], ignore_conflicts=True)
    free = max(0, settings.SEGMENT_SLOTS_PER_CUSTOMER - CustomerSlots.objects.get(pk=target).used)
    moved = [segment for segment in segments if segment not in common][:free]
    dropped = [segment for segment in segments if segment not in moved]
    SegmentMember.objects.filter(segment__in=moved, customer=source).update(customer_id=target)
    SegmentMember.objects.filter(segment__in=dropped, customer=source).delete()
    CustomerSlots.objects.filter(pk=source).update(used=F("used") - len(segments))
    CustomerSlots.objects.filter(pk=target).update(used=F("used") + len(moved))
    Segment.objects.filter(pk__in=dropped).update(members_count=F("members_count") - 1)
    Segment.objects.filter(pk__in=segments).update(epoch=F("epoch") + 1)
    sync.request_sync(segment_ids=segments, at=at)
