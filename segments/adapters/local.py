"""The platform as its own segmentation service: checkout reads the members from the database, so no call is needed."""

import uuid
from collections.abc import Sequence

from segments.ports import SegmentPayload


class LocalSegmentation:
    """A ``segments.ports.SegmentationService`` that accepts everything and sends nothing."""

    page_size = 0

    def put(self, payload: SegmentPayload) -> str:
        return ""

    def add(self, payload: SegmentPayload, *, page: int, customer_ids: Sequence[str]) -> None:
        return None

    def complete(self, payload: SegmentPayload, *, pages: int, size: int) -> bool:
        return True

    def delete(self, segment_id: uuid.UUID) -> None:
        return None
