"""The segmentation service is told of segments: of the members once they are known, page by page, and of their end.

A segment that is told outside becomes active once the service has acknowledged all of it; until then it holds its
slots, and whoever asks is told what it waits for. Without such a service nobody is told, and a segment is active once
it is filled.
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
SYNCED_STATES = [State.SYNCING, State.ACTIVE]  # in the other states the service is to know nothing of a segment
MAX_RUN_SECONDS = 300.0  # seconds, well below what a task may take; the next run goes on behind the last page


def state_when_filled() -> State:
    """What a segment with members is once it is filled: active, or waiting for the service outside."""
    return State.SYNCING if service_url(SERVICE) else State.ACTIVE


def request_sync(*, segment_ids: Collection[uuid.UUID], at: datetime) -> None:
    """These were filled, changed or ended: the service, where there is one, is told after the commit."""
    if not service_url(SERVICE):
        return
    sync_jobs.request_sync(service=SERVICE, subjects=segment_ids, at=at)
    for segment_id in segment_ids:
        enqueue_on_commit("segments.tell", segment_id=str(segment_id))


def sync_segment(*, segment_id: uuid.UUID, outside: SegmentationService, clock: RunClock) -> bool:
    """Tell the service of one segment, if that is due and nobody else does it; whether it knows all of it now."""
    told = _SyncRun(outside, clock)
    return sync_jobs.run(service=SERVICE, subject=segment_id, tell=told.sync_segment, settle=told.settle, clock=clock)


def sync_due(*, outside: SegmentationService, clock: RunClock) -> int:
    """Tell the service of what is due and not done, the longest due first; how many it knows now."""
    told = _SyncRun(outside, clock)
    return sync_jobs.run_due(service=SERVICE, tell=told.sync_segment, settle=told.settle, clock=clock)


def retry_now(*, segment_ids: Collection[uuid.UUID], at: datetime) -> int:
    """A person does not want to wait for the next try; how many of these segments were waiting."""
    found = sync_jobs.retry_now(service=SERVICE, subjects=segment_ids, at=at)
    for segment_id in segment_ids if found else ():
        enqueue_on_commit("segments.tell", segment_id=str(segment_id))
    return found


class _SyncRun:
    """One run of telling: what was told, and what follows when it is acknowledged."""

    def __init__(self, outside: SegmentationService, clock: RunClock) -> None:
        self.outside, self.clock, self.names = outside, clock, dict[uuid.UUID, tuple[int, str]]()

    def sync_segment(self, errand: SyncJob) -> None:
        self.names.pop(errand.subject, None)
        segment = Segment.objects.filter(pk=errand.subject, state__in=SYNCED_STATES).select_related("brand").first()
        if segment is None:
            self.outside.delete(errand.subject)
            return
        facts = _payload(segment)
        name = self.outside.put(facts)
        self._sync_members(errand, facts)
        if not self.outside.complete(facts, pages=errand.page, size=errand.sent_count):
            sync_jobs.restart(errand)
            raise DeliveryFailed("it does not have all customers; they are told again")
        self.names[segment.pk] = (segment.epoch, name)

    def _sync_members(self, errand: SyncJob, facts: SegmentPayload) -> None:
        while size := self.outside.page_size:
            page = selectors.members_after(segment_id=facts.id, after=errand.cursor, limit=size)
            if not page:
                return
            self.outside.add(facts, page=errand.page, customer_ids=[customer_id for _, customer_id in page])
            now = self.clock.now()
            sync_jobs.save_progress(errand, cursor=page[-1][0], taken=len(page), at=now)
            if self.clock.is_out_of_time > MAX_RUN_SECONDS:
                raise CircuitOpen(f"{errand.sent_count:,} customers are told so far", now)

    def settle(self, errand: SyncJob) -> None:
        if errand.subject in self.names:
            epoch, name = self.names[errand.subject]
            told = Segment.objects.filter(pk=errand.subject, epoch=epoch, state__in=SYNCED_STATES)
            told.update(state=State.ACTIVE, external_id=name, synced_at=self.clock.now())


def _payload(segment: Segment) -> SegmentPayload:
    return SegmentPayload(
        segment.pk, segment.epoch, segment.brand.slug, segment.segment_type, segment.promotion_id,
        segment.start_date, segment.end_date,
    )  # fmt: skip
