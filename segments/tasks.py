"""Doors of segments for worker and beat."""

import uuid

from celery import shared_task
from django.utils import timezone

from integrations.contracts import RunClock
from segments import services
from segments.adapters import segmentation
from segments.services import slot_usage, sync


@shared_task(name="segments.process_queue")
def process_queue() -> None:
    """Release segments that have ended and fill those that are due, or go on with it."""
    services.process_queue(at=timezone.now())


@shared_task(name="segments.sync_segment")
def sync_segment(segment_id: str) -> None:
    """Tell the segmentation service of a segment, or go on telling."""
    clock = RunClock(timezone.now())
    sync.sync_segment(segment_id=uuid.UUID(segment_id), outside=segmentation(clock), clock=clock)


@shared_task(name="segments.sync_due")
def sync_due() -> None:
    """Tell the segmentation service what it does not know yet."""
    clock = RunClock(timezone.now())
    sync.sync_due(outside=segmentation(clock), clock=clock)


@shared_task(name="segments.count_slots")
def count_slots(audience_id: int | None) -> None:
    """Count how many slots the customers of an audience use, or all of the platform's."""
    slot_usage.count_slot_usage(audience_id=audience_id, at=timezone.now())


@shared_task(name="segments.apply_upload")
def apply_upload(upload_id: str) -> None:
    """Let a file that a brand's staff brought take effect."""
    services.apply_upload(upload_id=uuid.UUID(upload_id), at=timezone.now())


@shared_task(name="segments.purge_uploads")
def purge_uploads() -> None:
    """Forget files that nobody applied."""
    services.purge_uploads(at=timezone.now())
