"""Questions about audiences and segments; writes nothing."""

import uuid
from collections.abc import Collection, Iterator
from contextlib import suppress
from datetime import datetime
from typing import Any

from django.core.cache import cache
from django.db import transaction

from core import db, redis
from core.errors import NotFound
from integrations.contracts import Service
from integrations.selectors import PendingSync, list_pending_syncs
from segments.contracts import SlotUsage, Source
from segments.models import Audience, AudienceMember, Segment, SegmentMember, State


def segment_types(*, customer_key: int, brand_ids: Collection[uuid.UUID]) -> dict[uuid.UUID, frozenset[str]]:
    """For each of the brands, the segment types that the customer is in; one query."""
    found: dict[uuid.UUID, set[str]] = {brand_id: set() for brand_id in brand_ids}
    rows = AudienceMember.objects.filter(customer_id=customer_key, audience__brand_id__in=found).values_list(
        "audience__brand_id", "audience__segment_type"
    )
    for brand_id, segment_type in rows:
        found[brand_id].add(segment_type)
    return {brand_id: frozenset(types) for brand_id, types in found.items()}


def types_of(*, brand_id: uuid.UUID) -> list[str]:
    """The segment types that the data platform has sent for the brand, in alphabetical order."""
    return list(
        Audience.objects.filter(brand_id=brand_id).order_by("segment_type").values_list("segment_type", flat=True)
    )


def sizes_of(*, brand_id: uuid.UUID) -> dict[str, int]:
    """How many customers are in each of the brand's audiences, in alphabetical order; one query."""
    return dict(Audience.objects.filter(brand_id=brand_id).order_by("segment_type").values_list("segment_type", "size"))


def audience(*, brand_id: uuid.UUID, segment_type: str) -> Audience:
    """One of the brand's audiences. Raises NotFound."""
    found = (
        None if "\0" in segment_type else Audience.objects.filter(brand_id=brand_id, segment_type=segment_type).first()
    )
    if found is None:
        raise NotFound
    return found


def computed(*, brand_ids: Collection[uuid.UUID]) -> list[Audience]:
    """The audiences of these brands that are computed here, counted or not."""
    rows = Audience.objects.filter(source=Source.AUTOMATIC_SEGMENT_TYPES, brand_id__in=brand_ids)
    return list(rows.select_related("brand").order_by("pk"))


def list_pending_automatic() -> list[Audience]:
    """The audiences that brands want computed and that were not counted yet, the oldest first."""
    rows = Audience.objects.filter(source=Source.AUTOMATIC_SEGMENT_TYPES, counted_at=None)
    return list(rows.select_related("brand").order_by("pk"))


def list_ready_automatic() -> list[Audience]:
    """The audiences that are computed here and were counted."""
    rows = Audience.objects.filter(source=Source.AUTOMATIC_SEGMENT_TYPES, counted_at__isnull=False)
    return list(rows.select_related("brand").order_by("pk"))


def member_keys(audience: Audience) -> Iterator[int]:
    """The keys of an audience's customers, in order."""
    return audience.members.order_by("customer_id").values_list("customer_id", flat=True).iterator(10_000)


def audience_count(*, brand_id: uuid.UUID, segment_type: str) -> int:
    """How many customers are in a brand's audience; 0 for one that was never sent. Reads one row."""
    found = Audience.objects.filter(brand_id=brand_id, segment_type=segment_type).values_list("size", flat=True).first()
    return found or 0


def members_after(*, segment_id: uuid.UUID, after: int, limit: int) -> list[tuple[int, str]]:
    """The next members of a segment by key, each with the customer's id of the data platform."""
    members = SegmentMember.objects.filter(segment_id=segment_id, customer_id__gt=after).order_by("customer_id")
    return list(members.values_list("customer_id", "customer__customer_id")[:limit])


def last_member(*, segment_id: uuid.UUID) -> int:
    """The last of a segment's members by key; 0 when there is none. One probe of the index."""
    members = SegmentMember.objects.filter(segment_id=segment_id).order_by("-customer_id")
    return members.values_list("customer_id", flat=True).first() or 0


# --- segments --------------------------------------------------------------------------------------------------------
LARGE = 50_000  # customers; larger audiences are counted in the background
_CACHE_SECONDS = 86_400  # seconds


def count_slots(*, audience_id: int, at: datetime) -> SlotUsage:
    """How full the customers of an audience are; of a million it takes a second."""
    with transaction.atomic(), db.extended_timeouts():
        rows = db.fetch_all("segments/sql/count_slots.sql", {"audience": audience_id})
    found = {row["used"]: row["customers"] for row in rows}
    return SlotUsage(tuple(found.get(used, 0) for used in range(max(found, default=0) + 1)), at)


def get_cached_usage(*, audience_id: int | None) -> SlotUsage | None:
    """What was counted last of an audience, or of all customers; None when that is forgotten."""
    found: SlotUsage | None = None
    with suppress(redis.Error):  # only speed is lost
        found = cache.get(_key(audience_id))
    return found


def cache_usage(pressure: SlotUsage, *, audience_id: int | None) -> None:
    """Keep what was counted, for whoever asks next."""
    with suppress(redis.Error):
        cache.set(_key(audience_id), pressure, _CACHE_SECONDS)


def _key(audience_id: int | None) -> str:
    return f"segments:pressure:{audience_id or 'all'}"


def segments_of(*, promotion_ids: Collection[uuid.UUID]) -> dict[uuid.UUID, Segment]:
    """The segment of each promotion that has one."""
    found = Segment.objects.filter(promotion_id__in=promotion_ids).order_by("pk")
    return {it.promotion_id: it for it in found if it.promotion_id is not None}  # of several, the one made last


def segment_summaries_by_promotion(*, promotion_ids: Collection[uuid.UUID]) -> dict[uuid.UUID, dict[str, Any]]:
    """What callers are told of the segment of each promotion that has one."""
    segments = segments_of(promotion_ids=promotion_ids)
    known = segment_summaries(segments.values())
    return {promotion_id: known[it.pk] for promotion_id, it in segments.items()}


def segment(*, pk: uuid.UUID) -> Segment:
    """A segment. Raises NotFound."""
    found = Segment.objects.select_related("brand").filter(pk=pk).first()
    if found is None:
        raise NotFound
    return found


def segment_summaries(segments: Collection[Segment]) -> dict[uuid.UUID, dict[str, Any]]:
    """What callers are told of segments: how many are in each, or were when it was filled, and what it waits for."""
    waits = list_pending_syncs(
        service=Service.SEGMENTATION, subjects=[it.pk for it in segments if it.state == State.SYNCING]
    )
    return {it.pk: _summary(it, waits.get(it.pk)) for it in segments}


def _summary(segment: Segment, wait: PendingSync | None) -> dict[str, Any]:
    return {
        "id": segment.pk, "status": segment.status, "segment_type": segment.segment_type,
        "start_date": segment.start_date, "expires_at": segment.end_date, "audience_count": segment.audience_count,
        "members": segment.members_count, "skipped_no_slot": segment.skipped_count, "filled_at": segment.filled_at,
        "synced_at": segment.synced_at, "waiting_for": None if wait is None else wait.reason,
    }  # fmt: skip
