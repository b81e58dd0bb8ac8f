"""Reads of promotions for their brands."""

import uuid
from collections.abc import Collection
from datetime import datetime

from django.db.models import QuerySet

from core.errors import NotFound
from integrations.contracts import Service
from integrations.selectors import PendingSync, list_pending_syncs
from promotions.models import Promotion
from redemptions.statuses import OfferDecision
from segments.selectors import get_segments_by_promotion


def list_for_brands(*, brand_ids: Collection[uuid.UUID] | None) -> QuerySet[Promotion]:
    """Return the promotions of these brands, or of all brands for None, newest first."""
    promotions = Promotion.objects.select_related("brand").order_by("-pk")
    return promotions if brand_ids is None else promotions.filter(brand_id__in=brand_ids)


def list_between(*, brand_ids: Collection[uuid.UUID] | None, start: datetime, end: datetime) -> QuerySet[Promotion]:
    """Return the promotions that overlap a period and aren't archived, the earliest start first.

    They are those of these brands, or of all brands for None.
    """
    promotions = list_for_brands(brand_ids=brand_ids).filter(start_date__lt=end, end_date__gt=start)
    return promotions.exclude(decision=OfferDecision.ARCHIVED).order_by("start_date", "pk")


def get_promotion(*, pk: uuid.UUID, brand_ids: Collection[uuid.UUID] | None) -> Promotion:
    """Return a promotion of one of these brands (of any for None). Raises NotFound."""
    promotion = list_for_brands(brand_ids=brand_ids).filter(pk=pk).first()
    if promotion is None:
        raise NotFound
    return promotion


def list_promotion_syncs(*, promotion: Promotion) -> list[PendingSync]:
    """Return the pending syncs of the promotion and of its segment, with their reasons. Runs two queries."""
    syncs = list(list_pending_syncs(service=Service.CAMPAIGN_ENGINE, subjects=[promotion.pk]).values())
    if promotion.target_audience:
        segments = get_segments_by_promotion(promotion_ids=[promotion.pk]).values()
        keys = [segment.pk for segment in segments]
        syncs += list_pending_syncs(service=Service.SEGMENTATION, subjects=keys).values()
    return syncs
