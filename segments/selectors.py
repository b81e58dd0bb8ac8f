"""Questions about audiences; writes nothing."""

import uuid
from collections.abc import Collection

from segments.models import Audience, AudienceMember, SegmentMember


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


def audience_count(*, brand_id: uuid.UUID, segment_type: str) -> int:
    """How many customers are in a brand's audience; 0 for one that was never sent. Reads one row."""
    found = Audience.objects.filter(brand_id=brand_id, segment_type=segment_type).values_list("size", flat=True).first()
    return found or 0


def members_after(*, segment_id: uuid.UUID, after: int, limit: int) -> list[tuple[int, str]]:
    """The next members of a segment by key, each with the customer's id of the data platform."""
    members = SegmentMember.objects.filter(segment_id=segment_id, customer_id__gt=after).order_by("customer_id")
    return list(members.values_list("customer_id", "customer__customer_id")[:limit])
