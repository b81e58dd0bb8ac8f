"""The segments of promotions with a target audience: segments follow their promotions, and statuses their segments."""

import uuid
from collections.abc import Collection
from datetime import datetime

from django.db.models import Exists, OuterRef, Q, QuerySet

from promotions.models import Promotion
from redemptions.statuses import OfferDecision
from segments import services as segments
from segments.contracts import AudienceReach
from segments.models import Segment, State

READY_STATES = [State.ACTIVE, State.EMPTY]


def _exists(*states: State) -> Exists:
    """Return the condition that a promotion's segment exists, in one of the states if any are given."""
    segments_of_promotion = Segment.objects.filter(promotion_id=OuterRef("pk"), deleted_at=None)
    return Exists(segments_of_promotion.filter(state__in=states) if states else segments_of_promotion)


READY = Q(target_audience="") | Q(_exists(*READY_STATES))  # of promotions: needs no segment, or its segment is ready
HAS_SEGMENT = Q(_exists())


def sync_segment(*, promotion: Promotion, at: datetime) -> None:
    """Create, update or end the segment of a published promotion after its audience and dates.

    Raises the errors of ``segments.services``.
    """
    if not promotion.target_audience:
        end_segment(promotion=promotion, at=at)
        return
    segments.sync_promotion_segment(
        brand=promotion.brand, promotion_id=promotion.pk, segment_type=promotion.target_audience,
        start_date=promotion.start_date, end_date=promotion.end_date, at=at,
    )  # fmt: skip


def is_ready(*, promotion: Promotion) -> bool:
    """Return whether the promotion needs no segment, or its segment has its members."""
    segment = Segment.objects.filter(promotion_id=promotion.pk, deleted_at=None, state__in=READY_STATES)
    return not promotion.target_audience or segment.exists()


def end_unfilled_segment(*, promotion: Promotion, at: datetime) -> None:
    """End the promotion's segment if it has no members yet, so that it isn't filled while the promotion is paused."""
    segments.delete(which=Q(promotion_id=promotion.pk, state=State.SCHEDULED), at=at)


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


def list_without_segment(*, at: datetime) -> QuerySet[Promotion]:
    """Return the scheduled and active promotions with a target audience that never had a segment."""
    live = Promotion.objects.filter(decision=OfferDecision.PUBLISHED, end_date__gt=at).exclude(target_audience="")
    return live.filter(~Exists(Segment.objects.filter(promotion_id=OuterRef("pk"))))
