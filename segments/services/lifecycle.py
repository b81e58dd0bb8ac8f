"""The queue of segments: what has ended is released first, then what is due is filled, the longest due first.

One worker at a time goes through it, a stripe of customers in each transaction, which also says how far the segment has
come. So whatever dies in between, the next one goes on exactly there, and however often the work is delivered, nothing
is done twice (see docs/algorithms/slots.md).
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

BUDGET = 60.0  # seconds that one task goes on; it promises the next
INLINE_MAX_CUSTOMERS = 10_000  # customers that are counted in or out with the request that asks for it
INLINE_MAX_RANGES = 20  # stripes that such a request works through; the queue does the rest


class _Superseded(Exception):
    """The segment was ended, or somebody else went on with it, while a stripe of it was worked on."""


def process_queue(*, at: datetime, budget: float = BUDGET) -> None:
    """Go through the queue until nothing is due; after ``budget`` seconds the rest is promised to another task.

    ``at`` is when the work begins; what comes due while it goes on is done, too. Leaves at once when somebody else is
    at it.
    """
    clock = RunClock(at)
    while process_next_range(at=clock.now()):
        if clock.is_out_of_time >= budget:
            enqueue_on_commit("segments.work")
            return


def enqueue_processing() -> None:
    """A person does not want to wait for the next sweep."""
    enqueue_on_commit("segments.work")


def end_due(*, at: datetime) -> int:
    """End the segments whose time is over; how many."""
    return end(Q(end_date__lte=at), at=at)


@transaction.atomic
def end(which: Q, *, at: datetime, last: State = State.EXPIRED) -> int:
    """End these segments, if they have not ended: nobody is in them from now on. How many; ``last`` is what they become
    once all of their slots are free.
    """
    live = Segment.objects.select_for_update().filter(which).exclude(state__in=TERMINAL_STATES).order_by("pk")
    ending = list(live.values_list("pk", "state"))
    known = [key for key, state in ending if state in sync.SYNCED_STATES]
    plain = [key for key, state in ending if state not in SLOT_HOLDING_STATES]
    over = {"epoch": F("epoch") + 1, "cursor": 0, "deleted_at": at if last == State.DELETED else None}
    Segment.objects.filter(pk__in=plain).update(state=last, **over)
    Segment.objects.filter(pk__in=[key for key, _ in ending]).exclude(pk__in=plain).update(
        state=State.RELEASING, **over
    )
    sync.request_sync(segment_ids=known, at=at)
    return len(ending)


def process_next_range(*, at: datetime) -> bool:
    """Do the next piece of work; False when there is none, or somebody else is at it."""
    try:
        with transaction.atomic():
            if not customer_ranges.try_lock_queue():
                return False
            end_due(at=at)
            segment = _next(at)
            return segment is not None and _process_range(segment, at, wait=True)
    except _Superseded:
        return True


def _next(at: datetime) -> Segment | None:
    """What is to be worked on now: the ended before the due, of these the longest due. Brands whose segments are due
    from one instant on take turns.
    """
    due = Segment.objects.filter(state__in=FILLABLE_STATES, due_at__lte=at)
    return (
        Segment.objects.filter(state=State.RELEASING).order_by("end_date", "pk").first()
        or due.order_by("due_at", _round_robin_position(), "pk").first()
    )


def _round_robin_position() -> Coalesce:
    """How many segments its brand has had before it from the same instant on."""
    same = Segment.objects.filter(brand=OuterRef("brand"), due_at=OuterRef("due_at"), deleted_at=None)
    before = same.filter(pk__lt=OuterRef("pk")).order_by().values("brand").annotate(many=Count("pk"))
    return Coalesce(Subquery(before.values("many")), 0)


def fill_inline(*, segment: Segment, at: datetime) -> None:
    """Fill a small segment inside its caller's transaction, unless others are before it or at its customers.

    Promises the work, so that whatever is left here is done soon.
    """
    enqueue_on_commit("segments.work")
    if segment.audience_count <= INLINE_MAX_CUSTOMERS and _is_next(segment, at):
        _finish_inline(segment, at)


def release_inline(*, segment: Segment, at: datetime) -> None:
    """Release a small segment inside its caller's transaction, unless others are at its customers; see above."""
    enqueue_on_commit("segments.work")
    if segment.members_count <= INLINE_MAX_CUSTOMERS:
        _finish_inline(segment, at)


def _finish_inline(segment: Segment, at: datetime) -> None:
    for _ in range(INLINE_MAX_RANGES):
        if segment.state not in {*FILLABLE_STATES, State.RELEASING} or not _process_range(segment, at, wait=False):
            return
        segment.refresh_from_db()


def _is_next(segment: Segment, at: datetime) -> bool:
    """Whether the queue would fill this one now, with nothing left to be released before."""
    return (
        not Segment.objects.filter(end_date__lte=at).exclude(state__in=TERMINAL_STATES).exists()
        and _next(at) == segment
    )


def _process_range(segment: Segment, at: datetime, *, wait: bool) -> bool:
    """Work on the segment's next stripe, or finish the segment where none is left; False when others are at it."""
    releasing = segment.state == State.RELEASING
    customer = _first_member(segment) if releasing else _first_in_audience(segment)
    if customer is None:
        return _finish(segment, at)
    stripe = customer_ranges.range_of(customer)
    if not customer_ranges.lock_range(stripe, wait=wait):
        return False
    params = {
        "segment": segment.pk,
        "epoch": segment.epoch,
        "after": segment.cursor,
        "until": customer_ranges.range_end(stripe),
    }
    if releasing:
        touched = db.execute("segments/sql/release_range.sql", params)
    else:
        slots = segment.slot_limit or settings.SEGMENT_SLOTS_PER_CUSTOMER
        touched = db.execute("segments/sql/fill_range.sql", params | {"slots": slots})
    if not touched:
        raise _Superseded
    return True


def _first_in_audience(segment: Segment) -> int | None:
    row = db.fetch_one("segments/sql/next_in_audience.sql", {"segment": segment.pk})
    return None if row is None else row["customer"]


def _first_member(segment: Segment) -> int | None:
    left = SegmentMember.objects.filter(segment=segment, customer_id__gt=segment.cursor)
    return left.order_by("customer_id").values_list("customer_id", flat=True).first()


def _finish(segment: Segment, at: datetime) -> bool:
    mine = Segment.objects.filter(pk=segment.pk, state=segment.state, epoch=segment.epoch)
    if segment.state == State.RELEASING:
        done = mine.update(state=State.DELETED if segment.deleted_at else State.EXPIRED)
    else:
        state = sync.state_when_filled() if segment.members_count else State.EMPTY
        synced_at = at if state == State.ACTIVE else None  # the platform's own knowledge is all there is to be told
        counted = F("members_count") + F("skipped")
        done = mine.update(state=state, audience_count=counted, filled_at=at, synced_at=synced_at)
        if state == State.SYNCING:
            sync.request_sync(segment_ids=[segment.pk], at=at)
    if not done:
        raise _Superseded
    return True
