"""Segments are asked for, moved and taken back, by the internal API and by promotions."""

import uuid
from datetime import datetime

from django.db import transaction
from django.db.models import Q

from accounts.models import Brand
from core.errors import InvalidRequest
from segments.errors import AudienceEmpty, SegmentAlreadyExists
from segments.models import Segment, State
from segments.selectors import audience_count
from segments.services import lifecycle, sync


@transaction.atomic
def schedule(
    *,
    brand: Brand,
    segment_type: str,
    start_date: datetime,
    end_date: datetime,
    at: datetime,
    promotion_id: uuid.UUID | None = None,
) -> Segment:
    """A segment of the brand's audience between two instants, filled when it starts; a small one that starts now, now.

    The same request again answers the same segment. Raises Invalid (dates), AudienceEmpty when nobody is in the
    audience (a light check: whether they have a free slot is seen when it starts), and PromotionHasSegment when the
    promotion has another.
    """
    _check_dates(start_date, end_date, at)
    asked = Segment(
        brand=brand, segment_type=segment_type, promotion_id=promotion_id, start_date=start_date, end_date=end_date,
        due_at=max(start_date, at), created_at=at,
    )  # fmt: skip
    if (known := _current_segment(asked)) is not None:
        return known
    asked.audience_count = _size(brand, segment_type)
    Segment.objects.bulk_create([asked], ignore_conflicts=True)
    segment = _current_segment(asked)
    if segment is None:
        raise SegmentAlreadyExists
    if segment.pk == asked.pk and asked.due_at <= at:
        lifecycle.fill_inline(segment=segment, at=at)
    return segment


def _current_segment(asked: Segment) -> Segment | None:
    """The segment that stands for this request, whoever made it."""
    live = Segment.objects.select_related("brand").filter(deleted_at=None, promotion_id=asked.promotion_id)
    same = {name: getattr(asked, name) for name in ("brand_id", "segment_type", "start_date", "end_date")}
    return live.filter(**same).first()


def _size(brand: Brand, segment_type: str) -> int:
    size = audience_count(brand_id=brand.pk, segment_type=segment_type)
    if not size:
        raise AudienceEmpty
    return size


def _check_dates(start_date: datetime, end_date: datetime, at: datetime) -> None:
    if end_date <= start_date:
        raise InvalidRequest.field("end_date", "The end comes after the start.")
    if end_date <= at:
        raise InvalidRequest.field("end_date", "The end is in the future.")


@transaction.atomic
def sync_promotion_segment(
    *, brand: Brand, promotion_id: uuid.UUID, segment_type: str, start_date: datetime, end_date: datetime, at: datetime
) -> Segment:
    """The segment of a promotion, as the promotion is now: made, or moved; audience and start only until it is filled.

    Raises as ``schedule`` does.
    """
    live = Segment.objects.select_related("brand").select_for_update(of=("self",))
    segment = live.filter(promotion_id=promotion_id, deleted_at=None).first()
    if segment is None:
        return schedule(
            brand=brand, segment_type=segment_type, start_date=start_date, end_date=end_date, at=at,
            promotion_id=promotion_id,
        )  # fmt: skip
    if segment.end_date != end_date and segment.state in sync.SYNCED_STATES:
        sync.request_sync(segment_ids=[segment.pk], at=at)
    segment.end_date = end_date
    if segment.state == State.SCHEDULED:
        if segment.segment_type != segment_type:
            segment.segment_type, segment.audience_count = segment_type, _size(brand, segment_type)
        if segment.start_date != start_date:
            segment.start_date, segment.due_at = start_date, max(start_date, at)
    _check_dates(segment.start_date, segment.end_date, at)
    segment.save(update_fields=["segment_type", "audience_count", "start_date", "end_date", "due_at"])
    if segment.state == State.SCHEDULED and segment.due_at <= at:
        lifecycle.fill_inline(segment=segment, at=at)
    return segment


@transaction.atomic
def delete(*, which: Q, at: datetime) -> None:
    """End these segments before their time: nobody is in them from now on, and their slots are free, of small ones at
    once. Those that have ended stay as they are; ending twice is ending once.
    """
    live = Segment.objects.filter(which, deleted_at=None).exclude(state__in=[State.EXPIRED, State.DELETED])
    for segment in live.select_for_update().order_by("pk"):
        lifecycle.end(Q(pk=segment.pk), at=at, last=State.DELETED)
        segment.refresh_from_db()
        if segment.state == State.RELEASING:
            lifecycle.release_inline(segment=segment, at=at)
