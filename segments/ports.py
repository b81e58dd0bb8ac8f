"""What the platform needs of a segmentation service."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True, slots=True)
class SegmentPayload:
    """A segment as the service is to know it; ``epoch`` is of its members, and goes up when those become void."""

    id: uuid.UUID
    epoch: int
    merchant_id: str
    segment_type: str
    promotion_id: uuid.UUID | None
    starts_at: datetime
    expires_at: datetime


class SegmentationService(Protocol):
    """Knows the members of segments, for whoever shows or sends promotions.

    Its safety promise: whatever is told again, late or twice leaves the service as if it had been told once; a page
    replaces the same page, an older epoch changes nothing, and a deleted segment stays deleted.

    Each verb raises NotTaken or LeftAlone (``integrations``) when the service did not take it.
    """

    page_size: int  # members in a page; 0 for a service that needs none, because it reads the platform's own

    def put(self, facts: SegmentPayload) -> str:
        """Make the segment, or change it: what the service calls it, if it has a name of its own."""
        ...

    def add(self, facts: SegmentPayload, *, page: int, customer_ids: Sequence[str]) -> None:
        """Add one page of members, counted from 0."""
        ...

    def complete(self, facts: SegmentPayload, *, pages: int, size: int) -> bool:
        """All pages were added: whether the service has as many members as we have; if so, it may use them now."""
        ...

    def delete(self, segment_id: uuid.UUID) -> None:
        """The segment is no more; one that the service never knew is no more either."""
        ...
