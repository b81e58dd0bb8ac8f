"""Metrics and progress of a segment for its admin page."""

from datetime import datetime
from typing import Any

from django.utils.translation import gettext as _

from backoffice.base.formatting import format_datetime, format_number, format_percentage, get_percentage
from integrations.contracts import Service
from integrations.selectors import PendingSync, list_pending_syncs
from segments import selectors, services
from segments.models import FILLABLE_STATES, Segment, State


def metric_cards(segment: Segment, at: datetime) -> list[tuple[str, str, str]]:
    """Return the metric cards of a segment: label, number and note."""
    if segment.state == State.SCHEDULED:
        types = [segment.segment_type]
        reach = services.get_reach(brand_id=segment.brand_id, segment_types=types, at=at)[segment.segment_type]
        full = reach.count - reach.with_free_slot
        requested = _("%(count)s when requested") % {"count": format_number(segment.audience_count)}
        share = {"share": format_percentage(full, reach.count)}
        return [
            (_("Audience size today"), format_number(reach.count), requested),
            (_("Reachable today"), format_number(reach.with_free_slot), _("customers with a free slot")),
            (_("Would be skipped"), format_number(full), _("%(share)s have no free slot") % share),
        ]
    processed = segment.members_count + segment.skipped_count
    uses_slots = segment.state in (State.ACTIVE, State.SYNCING)
    note = _("%(share)s use a slot") if uses_slots else _("%(share)s used a slot")
    member_share = {"share": format_percentage(segment.members_count, processed)}
    skipped_share = {"share": format_percentage(segment.skipped_count, processed)}
    return [
        (_("Audience"), format_number(max(processed, segment.audience_count)), _("customers at the start")),
        (
            _("Members"),
            format_number(segment.members_count),
            note % member_share,
        ),
        (_("Skipped"), format_number(segment.skipped_count), _("%(share)s had no free slot") % skipped_share),
    ]


def progress(segment: Segment, at: datetime) -> dict[str, Any]:
    """Return the template context of the progress section: progress, waiting reason and possible actions."""
    pending = None
    if segment.state != State.SCHEDULED:
        pending = list_pending_syncs(service=Service.SEGMENTATION, subjects=[segment.pk]).get(segment.pk)
    is_due = segment.state in FILLABLE_STATES and segment.due_at <= at
    text, percent = _progress(segment, pending.sent_count if pending else 0)
    return {
        "status_reason": _waiting_reason(pending, segment.brand.timezone) if pending else "",
        "can_process_now": is_due or segment.state == State.RELEASING,
        "progress_text": text,
        "percent": percent,
        "moving": is_due or segment.state in (State.RELEASING, State.SYNCING),
    }


def _waiting_reason(pending: PendingSync, zone: str) -> str:
    values = {
        "reason": pending.reason,
        "since": format_datetime(pending.since, zone),
        "next": format_datetime(pending.next_attempt_at, zone),
        "count": format_number(pending.failures),
    }
    if pending.failures > 1:
        return _("%(reason)s Since %(since)s, next attempt %(next)s, after %(count)s failed attempts.") % values
    return _("%(reason)s Since %(since)s, next attempt %(next)s.") % values


def _progress(segment: Segment, sent: int) -> tuple[str, int | None]:
    """Return the progress as a text and a percentage."""
    processed, total = segment.members_count + segment.skipped_count, segment.audience_count
    if segment.state == State.FILLING:
        counts = {"done": format_number(processed), "total": format_number(max(processed, total))}
        return _("%(done)s of %(total)s customers processed") % counts, get_percentage(processed, total)
    if segment.state == State.SYNCING:
        counts = {"done": format_number(sent), "total": format_number(segment.members_count)}
        return _("%(done)s of %(total)s customers synced") % counts, get_percentage(sent, segment.members_count)
    if segment.state == State.RELEASING:
        last_member = selectors.get_last_member(segment_id=segment.pk)
        return _("Ended. Releasing slots"), get_percentage(segment.cursor, last_member)
    return "", None
