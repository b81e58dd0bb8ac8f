"""The segment of a promotion with a target audience follows the promotion, whose status then follows the segment."""

import uuid
from collections.abc import Collection
from datetime import datetime

from django.db.models import Exists, OuterRef, Q, QuerySet

from promotions.models import LIVE, Promotion, Status
from segments import services as segments
from segments.contracts import AudienceReach
from segments.models import Segment, State

STATUS_BY = {State.ACTIVE: Status.ACTIVE, State.EMPTY: Status.ACTIVE_WITHOUT_AUDIENCE}  # else still on its way


def sync_segment(*, promotion: Promotion, at: datetime) -> None:
    """Make, move or end the segment of a promotion that is on its way or live, as its audience and dates are now.

    Sets the promotion's status for its caller to save. Raises as ``segments.services.follow`` does.
    """
    if not promotion.target_audience:
        end_segment(promotion=promotion, at=at)
        return
    segment = segments.sync_promotion_segment(
        brand=promotion.brand, promotion_id=promotion.pk, segment_type=promotion.target_audience,
        start_date=promotion.start_date, end_date=promotion.end_date, at=at,
    )  # fmt: skip
    if promotion.start_date <= at:
        promotion.status = STATUS_BY.get(State(segment.state), Status.SCHEDULED)


def end_segment(*, promotion: Promotion, at: datetime) -> None:
    """End the promotion's segment, if it has one: nobody is in it from now on, and its slots are free."""
    segments.delete(which=Q(promotion_id=promotion.pk), at=at)


def audience_counts(*, promotions: Collection[Promotion], at: datetime) -> dict[uuid.UUID, AudienceReach]:
    """For each promotion with a target audience, how many customers match now; a query for each brand."""
    wanted: dict[uuid.UUID, set[str]] = {}
    for it in promotions:
        if it.target_audience:
            wanted.setdefault(it.brand_id, set()).add(it.target_audience)
    found = {brand: segments.get_reach(brand_id=brand, segment_types=types, at=at) for brand, types in wanted.items()}
    return {it.pk: found[it.brand_id][it.target_audience] for it in promotions if it.target_audience}


def promotions_by_segment_status(*, due: QuerySet[Promotion]) -> list[tuple[Status, QuerySet[Promotion]]]:
    """Those of these scheduled promotions whose segments are ready, by the status that they get for it."""
    return [(status, due.filter(_has_segment(state))) for state, status in STATUS_BY.items()]


def without_segment(*, at: datetime) -> QuerySet[Promotion]:
    """Promotions with a target audience, on their way or live, that never had a segment."""
    live = Promotion.objects.filter(status__in=LIVE, end_date__gt=at).exclude(target_audience="")
    return live.filter(~Exists(Segment.objects.filter(promotion_id=OuterRef("pk"))))


def _has_segment(state: State) -> Exists:
    return Exists(Segment.objects.filter(promotion_id=OuterRef("pk"), deleted_at=None, state=state))
