"""The life cycle of promotions: activate, pause, resume, end and archive, and what follows from their dates.

The status follows from decision, dates and time (``redemptions.lifecycle``), so checkout needs no task. The tasks send
what has changed to the campaign engine, create missing segments and free those of promotions that stay paused.
"""

from contextlib import suppress
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import QuerySet

from core.errors import DomainError
from promotions.models import UNFINISHED, Promotion
from promotions.services import campaign_sync, segments
from redemptions.decisions import apply_action, delete_draft
from redemptions.lifecycle import Action
from redemptions.statuses import OfferDecision, OfferStatus

PAUSED_SEGMENT_TTL = timedelta(days=7)  # a promotion that is paused longer loses its segment until it is resumed


@transaction.atomic
def change_decision(*, promotion: Promotion, action: Action, at: datetime) -> Promotion:
    """Activate, pause, resume, end or archive a promotion. Repeating an action has no effect.

    A paused promotion keeps its segment for seven days, and gets one when it is resumed if it has none; ending and
    archiving free the slots at once. Raises InvalidStatus, and AudienceEmpty if the target audience has no customers.
    """
    locked = lock_promotion(promotion)
    if apply_action(locked, action=action, at=at):
        set_decision(locked, OfferDecision(locked.decision), at)
        locked.save(update_fields=["decided_at", "recorded_status"])
    return locked


@transaction.atomic
def delete_promotion(*, promotion: Promotion, at: datetime) -> None:
    """Delete a draft with its codes, and archive any other promotion. Its redemptions stay valid."""
    if not delete_draft(lock_promotion(promotion), at=at):
        change_decision(promotion=promotion, action=Action.ARCHIVE, at=at)


def lock_promotion(promotion: Promotion) -> Promotion:
    """Return the promotion as it is now, locked until the end of the transaction."""
    return Promotion.objects.select_for_update(of=("self",)).select_related("brand").get(pk=promotion.pk)


def set_decision(promotion: Promotion, decision: OfferDecision, at: datetime) -> None:
    """Set the decision of a locked promotion for the caller to save, with its segment and its sync."""
    promotion.decision, promotion.decided_at = decision, at
    if decision == OfferDecision.PUBLISHED:
        segments.sync_segment(promotion=promotion, at=at)
    elif decision == OfferDecision.PAUSED:
        segments.end_unfilled_segment(promotion=promotion, at=at)
    elif decision != OfferDecision.DRAFT:
        segments.end_segment(promotion=promotion, at=at)
    record_status(promotion, at)


def record_status(promotion: Promotion, at: datetime) -> None:
    """Set the status that is sent to the campaign engine, for the caller to save, and request the sync.

    A promotion with a target audience is sent as active once its segment is ready. Drafts are not sent.
    """
    was_draft, status = promotion.recorded_status == OfferStatus.DRAFT, promotion.status_at(at)
    if status == OfferStatus.ACTIVE and not segments.is_ready(promotion=promotion):
        status = OfferStatus.SCHEDULED
    promotion.recorded_status = status
    if status != OfferStatus.DRAFT and not (was_draft and status in (OfferStatus.ENDED, OfferStatus.ARCHIVED)):
        campaign_sync.request_sync(promotion_ids=[promotion.pk], at=at)


def start_due(*, at: datetime) -> int:
    """Send the promotions that have started, those with a target audience once their segment is ready.

    Creates the segments that are missing. Returns the number of promotions that were sent.
    """
    for promotion in segments.list_without_segment(at=at).select_related("brand"):
        with suppress(DomainError), transaction.atomic():  # the audience has no customers: retried by the next run
            segments.sync_segment(promotion=promotion, at=at)
    due = Promotion.objects.filter(
        recorded_status=OfferStatus.SCHEDULED, decision=OfferDecision.PUBLISHED, start_date__lte=at, end_date__gt=at
    )
    return _record(due.filter(segments.READY), OfferStatus.ACTIVE, at)


def end_due(*, at: datetime) -> int:
    """Send the promotions that have ended, and return their number. Free the segments of those paused for too long."""
    paused = Promotion.objects.filter(decision=OfferDecision.PAUSED, decided_at__lte=at - PAUSED_SEGMENT_TTL)
    for promotion in paused.filter(segments.HAS_SEGMENT):
        segments.end_segment(promotion=promotion, at=at)
    due = Promotion.objects.filter(recorded_status__in=UNFINISHED, end_date__lte=at)
    return _record(due, OfferStatus.ENDED, at)


@transaction.atomic
def _record(due: QuerySet[Promotion], status: OfferStatus, at: datetime) -> int:
    """Record the status of the promotions and request their syncs. Return how many."""
    keys = list(due.select_for_update(of=("self",)).order_by("pk").values_list("pk", flat=True))
    campaign_sync.request_sync(promotion_ids=keys, at=at)
    return Promotion.objects.filter(pk__in=keys).update(recorded_status=status)
