"""Queue of segments: release the slots of ended segments first, then fill due segments, the longest overdue first.

One worker at a time processes the queue. Each transaction handles one range of customers and stores the progress of the
segment. After a crash the next worker continues there, and a task that is delivered twice does nothing twice (see
docs/algorithms/slots.md).
"""

from datetime import datetime

from django.conf import settings
from django.db import transaction
from django.db.models import Count, F, OuterRef, Q, Subquery
from django.db.models.functions import Coalesce

from core import db
from core.outbox import enqueue_on_commit
from integrations.contracts import RunClock
from segments.models import FILLABLE_STATES, SLOT_HOLDING_STATES, TERMINAL_STATES, Segment, SegmentMember, State
from segments.services import customer_ranges, sync

BUDGET = 60.0  # seconds that one task runs before it enqueues the next
INLINE_MAX_CUSTOMERS = 10_000  # customers that are processed within a request
INLINE_MAX_RANGES = 20  # ranges that are processed within a request; the queue processes the rest


class _Superseded(Exception):
    """Raised when the segment has ended or moved on while a range was processed."""


def process_queue(*, at: datetime, budget: float = BUDGET) -> None:
    """Process due segments until the queue is empty or the time budget is spent, then enqueue a follow-up task.

    ``at`` is the start of the run; segments that become due during the run are processed, too. ``budget`` is in
    seconds. Returns at once if another worker processes the queue.
    """
    clock = RunClock(at)
    while process_next_range(at=clock.now()):
        if clock.elapsed_seconds >= budget:
            enqueue_on_commit("segments.process_queue")
            return


def enqueue_processing() -> None:
    """Enqueue processing of the queue now, before the next periodic run."""
    enqueue_on_commit("segments.process_queue")


def end_due(*, at: datetime) -> int:
    """End the segments whose end date has passed. Return their number."""
    return end(Q(end_date__lte=at), at=at)


@transaction.atomic
def end(which: Q, *, at: datetime, final_state: State = State.EXPIRED) -> int:
    """End the matching segments that have not ended: they have no members from now on. Return their number.

    ``final_state`` is their state once all of their slots are released.
    """
    running = Segment.objects.select_for_update().filter(which).exclude(state__in=TERMINAL_STATES).order_by("pk")
    ending = list(running.values_list("pk", "state"))
    synced = [key for key, state in ending if state in sync.SYNCED_STATES]
    without_slots = [key for key, state in ending if state not in SLOT_HOLDING_STATES]
    changes = {"epoch": F("epoch") + 1, "cursor": 0, "deleted_at": at if final_state == State.DELETED else None}
    Segment.objects.filter(pk__in=without_slots).update(state=final_state, **changes)
    Segment.objects.filter(pk__in=[key for key, _ in ending]).exclude(pk__in=without_slots).update(
        state=State.RELEASING, **changes
    )
    sync.request_sync(segment_ids=synced, at=at)
    return len(ending)


def process_next_range(*, at: datetime) -> bool:
    """Process the next range of the queue. Return False if the queue is empty or another worker processes it."""
    try:
        with transaction.atomic():
            if not customer_ranges.try_lock_queue():
                return False
            end_due(at=at)
            segment = _next_segment(at)
            return segment is not None and _process_range(segment, at, wait=True)
    except _Superseded:
        return True


def _next_segment(at: datetime) -> Segment | None:
    """Return the segment to process: ended before due, the longest overdue first, brands of the same time in turns."""
    due = Segment.objects.filter(state__in=FILLABLE_STATES, due_at__lte=at)
    return (
        Segment.objects.filter(state=State.RELEASING).order_by("end_date", "pk").first()
        or due.order_by("due_at", _round_robin_position(), "pk").first()
    )


def _round_robin_position() -> Coalesce:
    """Count the older segments of the same brand that are due at the same time."""
    same = Segment.objects.filter(brand=OuterRef("brand"), due_at=OuterRef("due_at"), deleted_at=None)
    older = same.filter(pk__lt=OuterRef("pk")).order_by().values("brand").annotate(count=Count("pk"))
    return Coalesce(Subquery(older.values("count")), 0)


def fill_inline(*, segment: Segment, at: datetime) -> None:
    """Fill a small segment in its caller's transaction, unless the queue has earlier work or its ranges are locked.

    Enqueues processing of what is left.
    """
    enqueue_on_commit("segments.process_queue")
    if segment.audience_count <= INLINE_MAX_CUSTOMERS and _is_next(segment, at):
        _finish_inline(segment, at)


def release_inline(*, segment: Segment, at: datetime) -> None:
    """Release a small segment in its caller's transaction, unless its ranges are locked.

    Enqueues processing of what is left.
    """
    enqueue_on_commit("segments.process_queue")
    if segment.members_count <= INLINE_MAX_CUSTOMERS:
        _finish_inline(segment, at)


def _finish_inline(segment: Segment, at: datetime) -> None:
    for _ in range(INLINE_MAX_RANGES):
        if segment.state not in {*FILLABLE_STATES, State.RELEASING} or not _process_range(segment, at, wait=False):
            return
        segment.refresh_from_db()


def _is_next(segment: Segment, at: datetime) -> bool:
    """Return whether the queue would fill this segment now, with nothing to be released before."""
    return (
        not Segment.objects.filter(end_date__lte=at).exclude(state__in=TERMINAL_STATES).exists()
        and _next_segment(at) == segment
    )


def _process_range(segment: Segment, at: datetime, *, wait: bool) -> bool:
    """Process the next range of the segment, or finish the segment. Return False if another worker has the range."""
    releasing = segment.state == State.RELEASING
    customer = _first_member(segment) if releasing else _first_in_audience(segment)
    if customer is None:
        return _finish(segment, at)
    customer_range = customer_ranges.range_of(customer)
    if not customer_ranges.lock_range(customer_range, wait=wait):
        return False
    params = {
        "segment": segment.pk,
        "epoch": segment.epoch,
        "after": segment.cursor,
        "until": customer_ranges.range_end(customer_range),
    }
    if releasing:
        updated = db.execute("segments/sql/release_range.sql", params)
    else:
        slots = segment.slot_limit or settings.SEGMENT_SLOTS_PER_CUSTOMER
        updated = db.execute("segments/sql/fill_range.sql", params | {"slots": slots})
    if not updated:
        raise _Superseded
    return True


def _first_in_audience(segment: Segment) -> int | None:
    row = db.fetch_one("segments/sql/next_in_audience.sql", {"segment": segment.pk})
    return None if row is None else row["customer"]


def _first_member(segment: Segment) -> int | None:
    remaining = SegmentMember.objects.filter(segment=segment, customer_id__gt=segment.cursor)
    return remaining.order_by("customer_id").values_list("customer_id", flat=True).first()


def _finish(segment: Segment, at: datetime) -> bool:
    unchanged = Segment.objects.filter(pk=segment.pk, state=segment.state, epoch=segment.epoch)
    if segment.state == State.RELEASING:
        updated = unchanged.update(state=State.DELETED if segment.deleted_at else State.EXPIRED)
    else:
        state = sync.get_filled_state() if segment.members_count else State.EMPTY
        synced_at = at if state == State.ACTIVE else None  # without an external service there is nothing to sync
        counted = F("members_count") + F("skipped_count")
        updated = unchanged.update(state=state, audience_count=counted, filled_at=at, synced_at=synced_at)
        if state == State.SYNCING:
            sync.request_sync(segment_ids=[segment.pk], at=at)
    if not updated:
        raise _Superseded
    return True
