"""Sync of promotions and their segments to the campaign engine, after every change.

Checkout never waits for the engine: dates and segments decide whether a promotion is live. The sync is retried until it
succeeds (docs/adr/0015).
"""

import uuid
from collections.abc import Collection
from datetime import datetime

from core.outbox import enqueue_on_commit
from integrations.contracts import RunClock, Service
from integrations.models import SyncJob
from integrations.selectors import service_url
from integrations.services import sync_jobs
from promotions.models import Promotion
from promotions.ports import Campaign, CampaignEngine, CampaignSegment
from redemptions.statuses import OfferStatus
from segments.selectors import get_segments_by_promotion
from segments.services import sync

SERVICE = Service.CAMPAIGN_ENGINE


def request_sync(*, promotion_ids: Collection[uuid.UUID], at: datetime) -> None:
    """Request a sync of the promotions after the commit. Does nothing without a campaign engine."""
    if not service_url(SERVICE):
        return
    sync_jobs.request_sync(service=SERVICE, subjects=promotion_ids, at=at)
    for promotion_id in promotion_ids:
        enqueue_on_commit("promotions.sync_promotion", promotion_id=str(promotion_id))


def sync_promotion(*, promotion_id: uuid.UUID, engine: CampaignEngine, clock: RunClock) -> bool:
    """Sync a promotion if that is due and no other worker does it. Return whether the engine is up to date."""
    return sync_jobs.run_job(
        service=SERVICE, subject=promotion_id, sync=_sync_function(engine), finish=_no_op, clock=clock
    )


def sync_due(*, engine: CampaignEngine, clock: RunClock) -> int:
    """Sync the promotions that are due, the longest due first. Return the number of synced promotions."""
    return sync_jobs.run_due_jobs(service=SERVICE, sync=_sync_function(engine), finish=_no_op, clock=clock)


def retry_sync(*, promotion: Promotion, at: datetime) -> int:
    """Retry the pending syncs of a promotion and its segment now. Return the number of pending syncs."""
    count = sync_jobs.retry_now(service=SERVICE, subjects=[promotion.pk], at=at)
    if count:
        enqueue_on_commit("promotions.sync_promotion", promotion_id=str(promotion.pk))
    segments = get_segments_by_promotion(promotion_ids=[promotion.pk]).values()
    return count + sync.retry_now(segment_ids=[segment.pk for segment in segments], at=at)


def _sync_function(engine: CampaignEngine) -> sync_jobs.SyncFunction:
    def sync_promotion(job: SyncJob) -> None:
        promotion = Promotion.objects.select_related("brand").filter(pk=job.subject).first()
        if promotion is not None and promotion.recorded_status != OfferStatus.DRAFT:
            engine.upsert(_campaign(promotion, job.version))

    return sync_promotion


def _no_op(job: SyncJob) -> None:
    """Do nothing after a successful sync."""


def _campaign(promotion: Promotion, version: int) -> Campaign:
    return Campaign(
        id=promotion.pk, version=version, merchant_id=promotion.brand.slug, name=promotion.name,
        description=promotion.description, status=promotion.recorded_status, trigger=promotion.trigger,
        starts_at=promotion.start_date, ends_at=promotion.end_date, currency=promotion.currency,
        priority=promotion.priority, offer=promotion.offer, segment=_segment(promotion),
    )  # fmt: skip


def _segment(promotion: Promotion) -> CampaignSegment | None:
    segment = get_segments_by_promotion(promotion_ids=[promotion.pk]).get(promotion.pk)
    if segment is None:
        return None
    return CampaignSegment(segment.pk, segment.external_id, segment.segment_type, segment.status)
