"""Segmentation service over HTTP, as docs/integrations.md describes it."""

import uuid
from collections.abc import Sequence

from integrations.client import Client
from integrations.contracts import DeliveryFailed, RunClock, Service
from segments.ports import SegmentPayload

MAX_EXTERNAL_ID_LENGTH = 100


class HttpSegmentation:
    """A ``segments.ports.SegmentationService`` over HTTP; segment, epoch and page make up the key of each call."""

    page_size = 10_000

    def __init__(self, *, url: str, key: str, clock: RunClock) -> None:
        self._client = Client(Service.SEGMENTATION, url=url, key=key, clock=clock)

    def put(self, payload: SegmentPayload) -> str:
        document = {
            "epoch": payload.epoch, "merchant_id": payload.merchant_id, "segment_type": payload.segment_type,
            "promotion_id": str(payload.promotion_id) if payload.promotion_id else None,
            "starts_at": payload.starts_at.isoformat(), "expires_at": payload.expires_at.isoformat(),
        }  # fmt: skip
        key = f"{payload.id}:{payload.epoch}:{payload.expires_at.isoformat()}"
        external_id = self._client.call("PUT", f"/segments/{payload.id}", document, key=key).get("id", "")
        return external_id[:MAX_EXTERNAL_ID_LENGTH] if isinstance(external_id, str) and "\0" not in external_id else ""

    def add(self, payload: SegmentPayload, *, page: int, customer_ids: Sequence[str]) -> None:
        answer = self._client.call(
            "PUT", f"/segments/{payload.id}/epochs/{payload.epoch}/pages/{page}", {"customer_ids": list(customer_ids)},
            key=f"{payload.id}:{payload.epoch}:{page}",
        )  # fmt: skip
        received = answer.get("received")
        if received != len(customer_ids):
            raise DeliveryFailed(f"received {received} of {len(customer_ids):,} customers of a page")

    def complete(self, payload: SegmentPayload, *, pages: int, size: int) -> bool:
        answer = self._client.call(
            "POST", f"/segments/{payload.id}/epochs/{payload.epoch}/complete", {"pages": pages, "size": size},
            key=f"{payload.id}:{payload.epoch}:complete:{pages}",
        )  # fmt: skip
        return answer.get("size") == size

    def delete(self, segment_id: uuid.UUID) -> None:
        try:
            self._client.call("DELETE", f"/segments/{segment_id}", key=f"{segment_id}:delete")
        except DeliveryFailed as error:
            if error.status not in (404, 410):  # already deleted
                raise
