"""Queries on audiences and segments."""

import uuid
from collections.abc import Collection, Iterator
from contextlib import suppress
from datetime import datetime
from typing import Any

from django.core.cache import cache
from django.db import transaction
from django.db.models import QuerySet

from core import db, redis
from core.errors import NotFound
from integrations.contracts import Service
from integrations.selectors import PendingSync, list_pending_syncs
from segments.contracts import SlotUsage, Source
from segments.models import Audience, AudienceMember, Segment, SegmentMember, State


# --- audiences -------------------------------------------------------------------------------------------------------
def get_segment_types(*, customer_key: int, brand_ids: Collection[uuid.UUID]) -> dict[uuid.UUID, frozenset[str]]:
    """Return, by brand, the segment types that the customer belongs to. Takes one query."""
    types_by_brand: dict[uuid.UUID, set[str]] = {brand_id: set() for brand_id in brand_ids}
    rows = AudienceMember.objects.filter(customer_id=customer_key, audience__brand_id__in=types_by_brand).values_list(
        "audience__brand_id", "audience__segment_type"
    )
    for brand_id, segment_type in rows:
        types_by_brand[brand_id].add(segment_type)
    return {brand_id: frozenset(types) for brand_id, types in types_by_brand.items()}


def list_segment_types(*, brand_id: uuid.UUID) -> list[str]:
    """Return the segment types of the brand's audiences in alphabetical order."""
    return list(
        Audience.objects.filter(brand_id=brand_id).order_by("segment_type").values_list("segment_type", flat=True)
    )


def get_audience_sizes(*, brand_id: uuid.UUID) -> dict[str, int]:
    """Return the sizes of the brand's audiences by segment type, in alphabetical order. Takes one query."""
    return dict(Audience.objects.filter(brand_id=brand_id).order_by("segment_type").values_list("segment_type", "size"))


def list_audiences(*, brand_ids: Collection[uuid.UUID] | None) -> QuerySet[Audience]:
    """Return the audiences of these brands with their brands; of all brands for None."""
    audiences = Audience.objects.select_related("brand")
    return audiences if brand_ids is None else audiences.filter(brand__in=brand_ids)


def find_audience(*, brand_id: uuid.UUID, segment_type: str) -> Audience | None:
    """Return an audience of the brand, or None."""
    return Audience.objects.filter(brand_id=brand_id, segment_type=segment_type).first()


def get_audience(*, brand_id: uuid.UUID, segment_type: str) -> Audience:
    """Return an audience of the brand. Raises NotFound."""
    audience = None if "\0" in segment_type else find_audience(brand_id=brand_id, segment_type=segment_type)
    if audience is None:
        raise NotFound
    return audience


def get_audiences_by_type(*, brand_id: uuid.UUID, segment_types: Collection[str]) -> dict[str, Audience]:
    """Return the brand's audiences of these segment types, by type."""
    audiences = Audience.objects.filter(brand_id=brand_id, segment_type__in=segment_types)
    return {audience.segment_type: audience for audience in audiences}


def list_automatic(*, brand_ids: Collection[uuid.UUID]) -> list[Audience]:
    """Return the automatic audiences of these brands, whether or not their customers have been selected yet."""
    rows = Audience.objects.filter(source=Source.AUTOMATIC, brand_id__in=brand_ids)
    return list(rows.select_related("brand").order_by("pk"))


def list_pending_automatic() -> list[Audience]:
    """Return the automatic audiences whose customers have not been selected yet, oldest first."""
    rows = Audience.objects.filter(source=Source.AUTOMATIC, counted_at=None)
    return list(rows.select_related("brand").order_by("pk"))


def list_ready_automatic() -> list[Audience]:
    """Return the automatic audiences whose customers have been selected."""
    rows = Audience.objects.filter(source=Source.AUTOMATIC, counted_at__isnull=False)
    return list(rows.select_related("brand").order_by("pk"))


def iter_member_keys(audience: Audience) -> Iterator[int]:
    """Iterate over the keys of the customers of an audience, in ascending order."""
    return audience.members.order_by("customer_id").values_list("customer_id", flat=True).iterator(10_000)


def get_audience_size(*, brand_id: uuid.UUID, segment_type: str) -> int:
    """Return the size of an audience, 0 if there is no such audience. Reads one row."""
    size = Audience.objects.filter(brand_id=brand_id, segment_type=segment_type).values_list("size", flat=True).first()
    return size or 0


# --- slots -----------------------------------------------------------------------------------------------------------
LARGE_AUDIENCE = 50_000  # customers; larger audiences are counted in the background
_CACHE_SECONDS = 86_400


def count_slots(*, audience_id: int, at: datetime) -> SlotUsage:
    """Count the used slots of the customers of an audience. A million customers take a second."""
    with transaction.atomic(), db.extended_timeouts():
        rows = db.fetch_all("segments/sql/count_slots.sql", {"audience": audience_id})
    counts = {row["used"]: row["customers"] for row in rows}
    return SlotUsage(tuple(counts.get(used, 0) for used in range(max(counts, default=0) + 1)), at)


def get_cached_usage(*, audience_id: int | None) -> SlotUsage | None:
    """Return the last count for an audience, or for all customers with None; None if the cache has no count."""
    usage: SlotUsage | None = None
    with suppress(redis.Error):  # the cache only saves time
        usage = cache.get(_key(audience_id))
    return usage


def cache_usage(usage: SlotUsage, *, audience_id: int | None) -> None:
    """Cache a count."""
    with suppress(redis.Error):
        cache.set(_key(audience_id), usage, _CACHE_SECONDS)


def _key(audience_id: int | None) -> str:
    return f"segments:pressure:{audience_id or 'all'}"


# --- segments --------------------------------------------------------------------------------------------------------
def get_segment(*, pk: uuid.UUID) -> Segment:
    """Return a segment with its brand. Raises NotFound."""
    segment = Segment.objects.select_related("brand").filter(pk=pk).first()
    if segment is None:
        raise NotFound
    return segment


def get_segments_by_promotion(*, promotion_ids: Collection[uuid.UUID]) -> dict[uuid.UUID, Segment]:
    """Return the segments of these promotions by promotion; the newest one if a promotion had several."""
    segments = Segment.objects.filter(promotion_id__in=promotion_ids).order_by("pk")
    return {segment.promotion_id: segment for segment in segments if segment.promotion_id is not None}


def list_members_after(*, segment_id: uuid.UUID, after: int, limit: int) -> list[tuple[int, str]]:
    """Return the members that follow the key ``after``, each with the customer's ID in the data platform."""
    members = SegmentMember.objects.filter(segment_id=segment_id, customer_id__gt=after).order_by("customer_id")
    return list(members.values_list("customer_id", "customer__customer_id")[:limit])


def get_last_member(*, segment_id: uuid.UUID) -> int:
    """Return the highest key among the members of a segment, 0 if there is none. Reads one index entry."""
    members = SegmentMember.objects.filter(segment_id=segment_id).order_by("-customer_id")
    return members.values_list("customer_id", flat=True).first() or 0


def segment_summaries_by_promotion(*, promotion_ids: Collection[uuid.UUID]) -> dict[uuid.UUID, dict[str, Any]]:
    """Return the API representations of the segments of these promotions, by promotion."""
    segments = get_segments_by_promotion(promotion_ids=promotion_ids)
    summaries = segment_summaries(segments.values())
    return {promotion_id: summaries[segment.pk] for promotion_id, segment in segments.items()}


def segment_summaries(segments: Collection[Segment]) -> dict[uuid.UUID, dict[str, Any]]:
    """Return the API representations of segments by key, with the reason if a segment waits for a sync."""
    syncing = [segment.pk for segment in segments if segment.state == State.SYNCING]
    pending = list_pending_syncs(service=Service.SEGMENTATION, subjects=syncing)
    return {segment.pk: _summary(segment, pending.get(segment.pk)) for segment in segments}


def _summary(segment: Segment, pending: PendingSync | None) -> dict[str, Any]:
    return {
        "id": segment.pk, "status": segment.status, "segment_type": segment.segment_type,
        "start_date": segment.start_date, "expires_at": segment.end_date, "audience_count": segment.audience_count,
        "member_count": segment.members_count, "skipped_no_slot": segment.skipped_count,
        "filled_at": segment.filled_at, "synced_at": segment.synced_at,
        "status_reason": None if pending is None else pending.reason,
    }  # fmt: skip
