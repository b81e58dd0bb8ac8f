"""Background tasks of audiences and segments."""

import uuid

from celery import shared_task
from django.utils import timezone

from integrations.contracts import RunClock
from segments import services
from segments.adapters import segmentation
from segments.services import slot_usage, sync


@shared_task(name="segments.process_queue")
def process_queue() -> None:
    """Release ended segments and fill due ones, from where earlier work stopped."""
    services.process_queue(at=timezone.now())


@shared_task(name="segments.sync_segment")
def sync_segment(segment_id: str) -> None:
    """Sync a segment to the segmentation service, from where an earlier run stopped."""
    clock = RunClock(timezone.now())
    sync.sync_segment(segment_id=uuid.UUID(segment_id), service=segmentation(clock), clock=clock)


@shared_task(name="segments.sync_due")
def sync_due() -> None:
    """Sync all pending segments to the segmentation service."""
    clock = RunClock(timezone.now())
    sync.sync_due(service=segmentation(clock), clock=clock)


@shared_task(name="segments.count_slots")
def count_slots(audience_id: int | None) -> None:
    """Count the used slots of the customers of an audience, or of all customers for None."""
    slot_usage.count_slot_usage(audience_id=audience_id, at=timezone.now())


@shared_task(name="segments.apply_upload")
def apply_upload(upload_id: str) -> None:
    """Apply an uploaded file to its audience."""
    services.apply_upload(upload_id=uuid.UUID(upload_id), at=timezone.now())


@shared_task(name="segments.purge_uploads")
def purge_uploads() -> None:
    """Delete uploaded files that were never applied."""
    services.purge_uploads(at=timezone.now())
