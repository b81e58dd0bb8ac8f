"""The campaign engine is told of promotions: made, changed, begun and ended, with their segments.

It never holds a promotion up: checkout decides by dates and segment whether a promotion is live, and the engine is told
until it knows (docs/adr/0015).
"""

import uuid
from collections.abc import Collection
from datetime import datetime

from core.outbox import enqueue_on_commit
from integrations.contracts import RunClock, Service
from integrations.models import SyncJob
from integrations.selectors import service_url
from integrations.services import sync_jobs
from promotions.models import Promotion, Status
from promotions.ports import Campaign, CampaignEngine, CampaignSegment
from segments.selectors import get_segments_by_promotion
from segments.services import sync

SERVICE = Service.CAMPAIGN_ENGINE


def request_sync(*, promotion_ids: Collection[uuid.UUID], at: datetime) -> None:
    """These were made, changed, begun or ended: the engine, where there is one, is told after the commit."""
    if not service_url(SERVICE):
        return
    sync_jobs.request_sync(service=SERVICE, subjects=promotion_ids, at=at)
    for promotion_id in promotion_ids:
        enqueue_on_commit("promotions.sync_promotion", promotion_id=str(promotion_id))


def sync_promotion(*, promotion_id: uuid.UUID, engine: CampaignEngine, clock: RunClock) -> bool:
    """Tell the engine of one promotion, if that is due and nobody else does it; whether it knows it now."""
    return sync_jobs.run_job(service=SERVICE, subject=promotion_id, sync=_sync_function(engine), finish=_no_op, clock=clock)


def sync_due(*, engine: CampaignEngine, clock: RunClock) -> int:
    """Tell the engine of what is due and not done, the longest due first; how many it knows now."""
    return sync_jobs.run_due_jobs(service=SERVICE, sync=_sync_function(engine), finish=_no_op, clock=clock)


def retry_sync(*, promotion: Promotion, at: datetime) -> int:
    """A person does not want to wait for the next try, with the promotion and its segment; how many were waiting."""
    found = sync_jobs.retry_now(service=SERVICE, subjects=[promotion.pk], at=at)
    if found:
        enqueue_on_commit("promotions.sync_promotion", promotion_id=str(promotion.pk))
    segments = [it.pk for it in get_segments_by_promotion(promotion_ids=[promotion.pk]).values()]
    return found + sync.retry_now(segment_ids=segments, at=at)


def _sync_function(engine: CampaignEngine) -> sync_jobs.SyncFunction:
    def sync_promotion(errand: SyncJob) -> None:
        promotion = Promotion.objects.select_related("brand").filter(pk=errand.subject).first()
        if promotion is not None and promotion.status != Status.DRAFT:
            engine.upsert(_campaign(promotion, errand.version))

    return sync_promotion


def _no_op(errand: SyncJob) -> None:
    """Nothing follows when the engine has taken a promotion."""


def _campaign(promotion: Promotion, version: int) -> Campaign:
    return Campaign(
        id=promotion.pk, version=version, merchant_id=promotion.brand.slug, name=promotion.name,
        description=promotion.description, status=promotion.status, trigger=promotion.trigger,
        starts_at=promotion.start_date, ends_at=promotion.end_date, currency=promotion.currency,
        priority=promotion.priority, offer=promotion.offer, segment=_segment(promotion),
    )  # fmt: skip


def _segment(promotion: Promotion) -> CampaignSegment | None:
    segment = get_segments_by_promotion(promotion_ids=[promotion.pk]).get(promotion.pk)
    if segment is None:
        return None
    return CampaignSegment(segment.pk, segment.external_id, segment.segment_type, segment.status)
