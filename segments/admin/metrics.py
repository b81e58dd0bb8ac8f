"""Live numbers of a segment: how many are in it, how far its work is, and what it waits for."""

from datetime import datetime
from typing import Any

from backoffice.base.formatting import format_datetime, get_percentage
from integrations.contracts import Service
from integrations.selectors import PendingSync, list_pending_syncs
from segments import selectors, services
from segments.models import FILLABLE_STATES, Segment, State


def metric_cards(segment: Segment, at: datetime) -> list[tuple[str, str, str]]:
    """What a segment is about in numbers: what it is called, the number, and what it means."""
    if segment.state == State.SCHEDULED:
        types = [segment.segment_type]
        reach = services.get_reach(brand_id=segment.brand_id, segment_types=types, at=at)[segment.segment_type]
        full = reach.count - reach.with_free_slot
        return [
            ("Match now", f"{reach.count:,}", f"{segment.audience_count:,} when it was asked for"),
            ("Would be in it now", f"{reach.with_free_slot:,}", "have a free slot"),
            ("Would be passed over", f"{full:,}", f"{_share(full, reach.count)}have no free slot"),
        ]
    seen = segment.members_count + segment.skipped_count
    note = "of them have a slot taken" if segment.state in (State.ACTIVE, State.SYNCING) else "had a slot taken"
    return [
        ("Audience", f"{max(seen, segment.audience_count):,}", "customers when it started"),
        ("In it", f"{segment.members_count:,}", f"{_share(segment.members_count, seen)}{note}"),
        ("Passed over", f"{segment.skipped_count:,}", f"{_share(segment.skipped_count, seen)}had no free slot"),
    ]


def progress(segment: Segment, at: datetime) -> dict[str, Any]:
    """What moves on the page: how far it is, what it waits for, and whether that could be hurried."""
    wait = None
    if segment.state != State.SCHEDULED:
        wait = list_pending_syncs(service=Service.SEGMENTATION, subjects=[segment.pk]).get(segment.pk)
    due = segment.state in FILLABLE_STATES and segment.due_at <= at
    told, percent = _progress(segment, wait.sent if wait else 0)
    return {
        "wait": _waiting_reason(wait, segment.brand.timezone) if wait else "",
        "may_hurry": due or segment.state == State.RELEASING,
        "told": told,
        "percent": percent,
        "moving": due or segment.state in (State.RELEASING, State.SYNCING),
    }


def _waiting_reason(wait: PendingSync, zone: str) -> str:
    failed = f", after it failed {wait.failures:,} times" if wait.failures > 1 else ""
    return f"{wait.reason} Since {format_datetime(wait.since, zone)}, next try {format_datetime(wait.next_try_at, zone)}{failed}."


def _progress(segment: Segment, sent: int) -> tuple[str, int | None]:
    """How far it is, in words and as a percentage."""
    seen, all_of_them = segment.members_count + segment.skipped_count, segment.audience_count
    if segment.state == State.FILLING:
        return f"{seen:,} of {max(seen, all_of_them):,} customers gone through", get_percentage(seen, all_of_them)
    if segment.state == State.SYNCING:
        return f"{sent:,} of {segment.members_count:,} customers told", get_percentage(sent, segment.members_count)
    if segment.state == State.RELEASING:
        percent = get_percentage(segment.cursor, selectors.get_last_member(segment_id=segment.pk))
        return "Nobody is in it any more; the slots are being freed", percent
    return "", None


def _share(part: int, whole: int) -> str:
    return f"{100 * part / whole:.1f} % " if whole else ""
