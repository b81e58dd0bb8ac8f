"""The platform as its own segmentation service: checkout reads the members where they are, so nobody is told."""

import uuid
from collections.abc import Sequence

from segments.ports import SegmentPayload


class LocalSegmentation:
    """Knows everything already (``segments.ports.SegmentationService``)."""

    page_size = 0

    def put(self, facts: SegmentPayload) -> str:
        return ""

    def add(self, facts: SegmentPayload, *, page: int, customer_ids: Sequence[str]) -> None:
        return None

    def complete(self, facts: SegmentPayload, *, pages: int, size: int) -> bool:
        return True

    def delete(self, segment_id: uuid.UUID) -> None:
        return None
