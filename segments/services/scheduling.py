"""Creation, changes and early ends of segments, for the internal API and for promotions."""

import uuid
from datetime import datetime

from django.db import transaction
from django.db.models import Q
from django.utils.translation import gettext as _

from accounts.models import Brand
from core.errors import InvalidRequest
from segments.errors import AudienceEmpty, SegmentAlreadyExists
from segments.models import TERMINAL_STATES, Segment, State
from segments.selectors import get_audience_size
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
    """Create a segment of an audience, filled at its start. A small segment that starts now is filled at once.

    The same request again returns the same segment. Raises InvalidRequest (dates), AudienceEmpty if the audience has
    no customers (free slots are checked only at the start), and SegmentAlreadyExists if the promotion has another
    segment.
    """
    _check_dates(start_date, end_date, at)
    new_segment = Segment(
        brand=brand, segment_type=segment_type, promotion_id=promotion_id, start_date=start_date, end_date=end_date,
        due_at=max(start_date, at), created_at=at,
    )  # fmt: skip
    if (existing := _current_segment(new_segment)) is not None:
        return existing
    new_segment.audience_count = _size(brand, segment_type)
    Segment.objects.bulk_create([new_segment], ignore_conflicts=True)
    segment = _current_segment(new_segment)
    if segment is None:
        raise SegmentAlreadyExists
    if segment.pk == new_segment.pk and new_segment.due_at <= at:
        lifecycle.fill_inline(segment=segment, at=at)
    return segment


def _current_segment(request: Segment) -> Segment | None:
    """Return the stored segment that has the promotion, audience and dates of the request."""
    current = Segment.objects.select_related("brand").filter(deleted_at=None, promotion_id=request.promotion_id)
    fields = {name: getattr(request, name) for name in ("brand_id", "segment_type", "start_date", "end_date")}
    return current.filter(**fields).first()


def _size(brand: Brand, segment_type: str) -> int:
    size = get_audience_size(brand_id=brand.pk, segment_type=segment_type)
    if not size:
        raise AudienceEmpty
    return size


def _check_dates(start_date: datetime, end_date: datetime, at: datetime) -> None:
    if end_date <= start_date:
        raise InvalidRequest.field("end_date", _("The end must be after the start."))
    if end_date <= at:
        raise InvalidRequest.field("end_date", _("The end must be in the future."))


@transaction.atomic
def sync_promotion_segment(
    *, brand: Brand, promotion_id: uuid.UUID, segment_type: str, start_date: datetime, end_date: datetime, at: datetime
) -> Segment:
    """Create the segment of a promotion, or update its dates and audience to those of the promotion.

    Audience and start can change only before the segment is filled. A segment that has ended is replaced by a new one.
    Raises what ``schedule`` raises.
    """
    segments = Segment.objects.select_related("brand").select_for_update(of=("self",))
    segment = segments.filter(promotion_id=promotion_id, deleted_at=None).first()
    if segment is not None and segment.state in TERMINAL_STATES:  # the promotion ended and gets another end
        Segment.objects.filter(pk=segment.pk).update(deleted_at=at)
        segment = None
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


def delete_segment(*, segment: Segment, at: datetime) -> None:
    """End a segment early, as ``delete`` does."""
    delete(which=Q(pk=segment.pk), at=at)


@transaction.atomic
def delete(*, which: Q, at: datetime) -> None:
    """End the matching segments early: they have no members from now on.

    The slots of small segments are released at once, others by the queue. Segments that have ended stay as they are.
    """
    segments = Segment.objects.filter(which, deleted_at=None).exclude(state__in=[State.EXPIRED, State.DELETED])
    for segment in segments.select_for_update().order_by("pk"):
        lifecycle.end(Q(pk=segment.pk), at=at, final_state=State.DELETED)
        segment.refresh_from_db()
        if segment.state == State.RELEASING:
            lifecycle.release_inline(segment=segment, at=at)
