"""Sync of segments to the segmentation service: the members page by page once they are known, and the end.

With an external service, a segment becomes active once the service has acknowledged all members; until then it holds
its slots, and callers see what it waits for. Without one, nothing is sent, and a segment is active once it is filled.
"""

import uuid
from collections.abc import Collection
from datetime import datetime

from core.outbox import enqueue_on_commit
from integrations.contracts import CircuitOpen, DeliveryFailed, RunClock, Service
from integrations.models import SyncJob
from integrations.selectors import service_url
from integrations.services import sync_jobs
from segments import selectors
from segments.models import Segment, State
from segments.ports import SegmentationService, SegmentPayload

SERVICE = Service.SEGMENTATION
SYNCED_STATES = [State.SYNCING, State.ACTIVE]  # the service stores no segments in other states
MAX_RUN_SECONDS = 300.0  # far below the time limit of a task; the next run continues after the last page


def get_filled_state() -> State:
    """Return the state of a filled segment with members: active, or syncing if there is an external service."""
    return State.SYNCING if service_url(SERVICE) else State.ACTIVE


def request_sync(*, segment_ids: Collection[uuid.UUID], at: datetime) -> None:
    """Request a sync of segments after the commit, if there is an external service."""
    if not service_url(SERVICE):
        return
    sync_jobs.request_sync(service=SERVICE, subjects=segment_ids, at=at)
    for segment_id in segment_ids:
        enqueue_on_commit("segments.sync_segment", segment_id=str(segment_id))


def sync_segment(*, segment_id: uuid.UUID, service: SegmentationService, clock: RunClock) -> bool:
    """Sync a segment if its sync is due and no other worker has it. Return whether the service is up to date."""
    sync_run = _SyncRun(service, clock)
    return sync_jobs.run_job(
        service=SERVICE, subject=segment_id, sync=sync_run.sync_segment, finish=sync_run.finish, clock=clock
    )


def sync_due(*, service: SegmentationService, clock: RunClock) -> int:
    """Sync the segments whose sync is due, the longest overdue first. Return the number that are up to date now."""
    sync_run = _SyncRun(service, clock)
    return sync_jobs.run_due_jobs(service=SERVICE, sync=sync_run.sync_segment, finish=sync_run.finish, clock=clock)


def retry_now(*, segment_ids: Collection[uuid.UUID], at: datetime) -> int:
    """Retry the pending syncs of segments now. Return their number."""
    count = sync_jobs.retry_now(service=SERVICE, subjects=segment_ids, at=at)
    for segment_id in segment_ids if count else ():
        enqueue_on_commit("segments.sync_segment", segment_id=str(segment_id))
    return count


class _SyncRun:
    """One run of syncs: sends segments, and activates each once the service has acknowledged it."""

    def __init__(self, service: SegmentationService, clock: RunClock) -> None:
        self.service, self.clock = service, clock
        self.completed = dict[uuid.UUID, tuple[int, str]]()  # epoch and external ID by segment

    def sync_segment(self, job: SyncJob) -> None:
        self.completed.pop(job.subject, None)
        segment = Segment.objects.filter(pk=job.subject, state__in=SYNCED_STATES).select_related("brand").first()
        if segment is None:
            self.service.delete(job.subject)
            return
        payload = _payload(segment)
        external_id = self.service.put(payload)
        self._sync_members(job, payload)
        if not self.service.complete(payload, pages=job.page, size=job.sent_count):
            sync_jobs.restart(job)
            raise DeliveryFailed("customers are missing; all are sent again")
        self.completed[segment.pk] = (segment.epoch, external_id)

    def _sync_members(self, job: SyncJob, payload: SegmentPayload) -> None:
        while size := self.service.page_size:
            members = selectors.list_members_after(segment_id=payload.id, after=job.cursor, limit=size)
            if not members:
                return
            self.service.add(payload, page=job.page, customer_ids=[customer_id for _, customer_id in members])
            now = self.clock.now()
            sync_jobs.save_progress(job, cursor=members[-1][0], count=len(members), at=now)
            if self.clock.elapsed_seconds > MAX_RUN_SECONDS:
                raise CircuitOpen(f"{job.sent_count:,} customers synced so far", now)

    def finish(self, job: SyncJob) -> None:
        if job.subject in self.completed:
            epoch, external_id = self.completed[job.subject]
            synced = Segment.objects.filter(pk=job.subject, epoch=epoch, state__in=SYNCED_STATES)
            synced.update(state=State.ACTIVE, external_id=external_id, synced_at=self.clock.now())


def _payload(segment: Segment) -> SegmentPayload:
    return SegmentPayload(
        segment.pk, segment.epoch, segment.brand.slug, segment.segment_type, segment.promotion_id,
        segment.start_date, segment.end_date,
    )  # fmt: skip
