"""The segments of promotions with a target audience: segments follow their promotions, and statuses their segments."""

import uuid
from collections.abc import Collection
from datetime import datetime

from django.db.models import Exists, OuterRef, Q, QuerySet

from promotions.models import LIVE, Promotion, Status
from segments import services as segments
from segments.contracts import AudienceReach
from segments.models import Segment, State

STATUS_BY_STATE = {State.ACTIVE: Status.ACTIVE, State.EMPTY: Status.ACTIVE_WITHOUT_AUDIENCE}  # others: scheduled


def sync_segment(*, promotion: Promotion, at: datetime) -> None:
    """Create, update or end the segment of a scheduled or active promotion after its audience and dates.

    Sets the promotion's status for its caller to save. Raises the errors of ``segments.services``.
    """
    if not promotion.target_audience:
        end_segment(promotion=promotion, at=at)
        return
    segment = segments.sync_promotion_segment(
        brand=promotion.brand, promotion_id=promotion.pk, segment_type=promotion.target_audience,
        start_date=promotion.start_date, end_date=promotion.end_date, at=at,
    )  # fmt: skip
    if promotion.start_date <= at:
        promotion.status = STATUS_BY_STATE.get(State(segment.state), Status.SCHEDULED)


def end_segment(*, promotion: Promotion, at: datetime) -> None:
    """End the promotion's segment, if it has one, and free the slots of its customers."""
    segments.delete(which=Q(promotion_id=promotion.pk), at=at)


def audience_counts(*, promotions: Collection[Promotion], at: datetime) -> dict[uuid.UUID, AudienceReach]:
    """Return the current size of each promotion's target audience. Runs one query for each brand."""
    types_by_brand: dict[uuid.UUID, set[str]] = {}
    targeted = [promotion for promotion in promotions if promotion.target_audience]
    for promotion in targeted:
        types_by_brand.setdefault(promotion.brand_id, set()).add(promotion.target_audience)
    reach = {
        brand_id: segments.get_reach(brand_id=brand_id, segment_types=types, at=at)
        for brand_id, types in types_by_brand.items()
    }
    return {promotion.pk: reach[promotion.brand_id][promotion.target_audience] for promotion in targeted}


def promotions_by_segment_status(*, due: QuerySet[Promotion]) -> list[tuple[Status, QuerySet[Promotion]]]:
    """Return the due promotions whose segments are ready, by the status that they get from their segment."""
    return [(status, due.filter(_has_segment(state))) for state, status in STATUS_BY_STATE.items()]


def list_without_segment(*, at: datetime) -> QuerySet[Promotion]:
    """Return the scheduled and active promotions with a target audience that never had a segment."""
    live = Promotion.objects.filter(status__in=LIVE, end_date__gt=at).exclude(target_audience="")
    return live.filter(~Exists(Segment.objects.filter(promotion_id=OuterRef("pk"))))


def _has_segment(state: State) -> Exists:
    return Exists(Segment.objects.filter(promotion_id=OuterRef("pk"), deleted_at=None, state=state))
