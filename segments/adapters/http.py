"""A segmentation service over HTTP; docs/outside.md says what it has to offer."""

import uuid
from collections.abc import Sequence

from integrations.client import Client
from integrations.contracts import DeliveryFailed, RunClock, Service
from segments.ports import SegmentPayload

LONGEST_NAME = 100


class HttpSegmentation:
    """Tells a service (``segments.ports.SegmentationService``); the key of each call is segment, epoch and page."""

    page_size = 10_000

    def __init__(self, *, url: str, key: str, clock: RunClock) -> None:
        self._client = Client(Service.SEGMENTATION, url=url, key=key, clock=clock)

    def put(self, facts: SegmentPayload) -> str:
        document = {
            "epoch": facts.epoch, "merchant_id": facts.merchant_id, "segment_type": facts.segment_type,
            "promotion_id": str(facts.promotion_id) if facts.promotion_id else None,
            "starts_at": facts.starts_at.isoformat(), "expires_at": facts.expires_at.isoformat(),
        }  # fmt: skip
        key = f"{facts.id}:{facts.epoch}:{facts.expires_at.isoformat()}"
        name = self._client.call("PUT", f"/segments/{facts.id}", document, key=key).get("id", "")
        return name[:LONGEST_NAME] if isinstance(name, str) and "\0" not in name else ""

    def add(self, facts: SegmentPayload, *, page: int, customer_ids: Sequence[str]) -> None:
        answer = self._client.call(
            "PUT", f"/segments/{facts.id}/epochs/{facts.epoch}/pages/{page}", {"customer_ids": list(customer_ids)},
            key=f"{facts.id}:{facts.epoch}:{page}",
        )  # fmt: skip
        received = answer.get("received")
        if received != len(customer_ids):
            raise DeliveryFailed(f"it took {received} of {len(customer_ids):,} customers of a page")

    def complete(self, facts: SegmentPayload, *, pages: int, size: int) -> bool:
        answer = self._client.call(
            "POST", f"/segments/{facts.id}/epochs/{facts.epoch}/complete", {"pages": pages, "size": size},
            key=f"{facts.id}:{facts.epoch}:complete:{pages}",
        )  # fmt: skip
        return answer.get("size") == size

    def delete(self, segment_id: uuid.UUID) -> None:
        try:
            self._client.call("DELETE", f"/segments/{segment_id}", key=f"{segment_id}:delete")
        except DeliveryFailed as fault:
            if fault.status not in (404, 410):  # there it is no more
                raise
