"""Interface of a segmentation service."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True, slots=True)
class SegmentPayload:
    """A segment as the service stores it; ``epoch`` grows when the earlier members become void."""

    id: uuid.UUID
    epoch: int
    merchant_id: str
    segment_type: str
    promotion_id: uuid.UUID | None
    starts_at: datetime
    expires_at: datetime


class SegmentationService(Protocol):
    """A service that stores the members of segments for the systems that show or send promotions.

    Every call is idempotent, also when it arrives late or twice: a page replaces the page of the same number, an older
    epoch changes nothing, and a deleted segment stays deleted.

    Each method raises DeliveryFailed or CircuitOpen (``integrations.contracts``) if the call did not succeed.
    """

    page_size: int  # members of a page; 0 if the service reads the members from the database of the platform

    def put(self, payload: SegmentPayload) -> str:
        """Create or change the segment. Return the ID that the service uses, or an empty string."""
        ...

    def add(self, payload: SegmentPayload, *, page: int, customer_ids: Sequence[str]) -> None:
        """Add a page of members; pages count from 0."""
        ...

    def complete(self, payload: SegmentPayload, *, pages: int, size: int) -> bool:
        """Finish the segment after its last page. Return whether the service has all ``size`` members."""
        ...

    def delete(self, segment_id: uuid.UUID) -> None:
        """Delete the segment. A segment that the service never stored counts as deleted."""
        ...
