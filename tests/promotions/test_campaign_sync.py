"""Sync of promotions to a campaign engine, which never delays a promotion."""

import re
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from accounts.contracts import Role
from core.models import OutboxMessage
from integrations.contracts import RunClock, Service
from integrations.models import SyncJob
from integrations.selectors import list_pending_syncs
from promotions import services
from promotions.adapters import campaign_engine
from promotions.models import Promotion
from promotions.selectors.promotions import list_promotion_syncs
from promotions.services import campaign_sync
from redemptions.lifecycle import Action
from redemptions.statuses import OfferDecision, OfferStatus
from segments.models import Segment, State
from segments.services import apply_audience
from tests.factories import BrandFactory, MembershipFactory, PromotionFactory
from tests.fakes.external_services import KEY, FakeServices

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def outside(settings: Any) -> Iterator[FakeServices]:
    with FakeServices() as standin:
        settings.CAMPAIGN_ENGINE_URL, settings.CAMPAIGN_ENGINE_KEY = standin.url, KEY
        yield standin


def create_promotion(at: datetime, **fields: Any) -> Promotion:
    defaults: dict[str, Any] = {
        "name": "Spring", "start_date": at, "end_date": at + timedelta(days=7),
        "offer": {"benefits": [{"kind": "percent", "value": "10", "on": "order"}]},
    }  # fmt: skip
    return services.create_promotion(brand=BrandFactory(slug="billo"), fields=defaults | fields, code=None, at=at)


def sync(promotion: Promotion, at: datetime) -> bool:
    clock = RunClock(at)
    return campaign_sync.sync_promotion(promotion_id=promotion.pk, engine=campaign_engine(clock), clock=clock)


def test_without_an_engine_nothing_is_synced(at: datetime):
    create_promotion(at)

    assert not SyncJob.objects.exists()
    assert not OutboxMessage.objects.exists()


def test_a_new_promotion_is_sent_with_all_fields(outside: FakeServices, at: datetime):
    promotion = create_promotion(at, description="Ten off", priority=3)
    assert outside.calls == []  # the request did not wait for the engine

    assert sync(promotion, at)

    assert outside.campaigns == {
        str(promotion.pk): {
            "id": str(promotion.pk), "version": 1, "merchant_id": "billo", "name": "Spring", "description": "Ten off",
            "status": "active", "trigger": "automatic", "starts_at": at.isoformat(),
            "ends_at": (at + timedelta(days=7)).isoformat(), "currency": "EUR", "priority": 3,
            "offer": promotion.offer, "segment": None,
        }
    }  # fmt: skip
    assert not sync(promotion, at)
    assert len(outside.calls) == 1


def test_a_draft_is_synced_when_it_is_activated(outside: FakeServices, at: datetime):
    promotion = create_promotion(at, decision=OfferDecision.DRAFT)
    assert not SyncJob.objects.exists()

    services.change_decision(promotion=promotion, action=Action.ACTIVATE, at=at)

    assert sync(promotion, at)
    assert outside.campaigns[str(promotion.pk)]["status"] == "active"


def test_an_ended_draft_is_never_synced(outside: FakeServices, at: datetime):
    draft = create_promotion(at, decision=OfferDecision.DRAFT)
    services.change_decision(promotion=draft, action=Action.END, at=at)

    assert not SyncJob.objects.exists()


def test_changes_and_the_end_are_sent_with_higher_versions(outside: FakeServices, at: datetime):
    promotion = create_promotion(at)
    sync(promotion, at)

    services.update_promotion(promotion=promotion, fields={"name": "Summer"}, at=at)
    assert sync(promotion, at)
    assert [outside.campaigns[str(promotion.pk)][name] for name in ("version", "name")] == [2, "Summer"]

    services.change_decision(promotion=promotion, action=Action.END, at=at)
    assert sync(promotion, at)
    assert [outside.campaigns[str(promotion.pk)][name] for name in ("version", "status")] == [3, "ended"]


def test_several_changes_are_sent_once(outside: FakeServices, at: datetime):
    promotion = create_promotion(at)
    for name in ("May", "June", "July"):
        services.update_promotion(promotion=promotion, fields={"name": name}, at=at)

    assert sync(promotion, at)

    assert outside.update_counts[str(promotion.pk)] == 1
    assert [outside.campaigns[str(promotion.pk)][name] for name in ("version", "name")] == [4, "July"]


def test_a_promotion_is_sent_with_its_segment(outside: FakeServices, at: datetime):
    promotion = PromotionFactory(target_audience="regulars")
    segment = Segment.objects.create(
        brand=promotion.brand, segment_type="regulars", promotion_id=promotion.pk, start_date=at, due_at=at,
        end_date=at + timedelta(days=7), state=State.ACTIVE, external_id="outside-7",
    )  # fmt: skip
    campaign_sync.request_sync(promotion_ids=[promotion.pk], at=at)

    assert sync(promotion, at)

    assert outside.campaigns[str(promotion.pk)]["segment"] == {
        "id": str(segment.pk), "external_id": "outside-7", "segment_type": "regulars", "status": "active",
    }  # fmt: skip


def test_a_promotion_is_live_while_the_engine_fails(outside: FakeServices, at: datetime):
    outside.fault_rates = {"fail": 1.0}
    promotion = create_promotion(at)

    assert not sync(promotion, at)

    promotion.refresh_from_db()
    assert promotion.recorded_status == OfferStatus.ACTIVE
    (pending,) = list_pending_syncs(service=Service.CAMPAIGN_ENGINE, subjects=[promotion.pk]).values()
    assert pending.reason == "Waiting for the campaign engine: HTTP 503: fault requested by a test."
    outside.fault_rates = {}
    assert sync(promotion, at + timedelta(seconds=6))
    assert not list_pending_syncs(service=Service.CAMPAIGN_ENGINE, subjects=[promotion.pk])


def test_a_lost_response_is_retried(outside: FakeServices, at: datetime):
    promotion = create_promotion(at)
    outside.next("swallow")

    assert not sync(promotion, at)
    assert sync(promotion, at + timedelta(seconds=6))

    assert outside.update_counts[str(promotion.pk)] == 2
    assert outside.campaigns[str(promotion.pk)]["version"] == 1


def test_a_sync_can_be_retried_at_once(outside: FakeServices, at: datetime):
    promotion = create_promotion(at)
    outside.next(400)
    sync(promotion, at)

    assert campaign_sync.retry_sync(promotion=promotion, at=at + timedelta(seconds=1)) == 1
    assert sync(promotion, at + timedelta(seconds=1))


def test_the_periodic_task_syncs_due_promotions(outside: FakeServices, at: datetime):
    promotions = [PromotionFactory() for _ in range(3)]
    campaign_sync.request_sync(promotion_ids=[promotion.pk for promotion in promotions], at=at)
    clock = RunClock(at)

    assert campaign_sync.sync_due(engine=campaign_engine(clock), clock=clock) == 3

    assert outside.campaigns.keys() == {str(promotion.pk) for promotion in promotions}


def test_the_background_task_syncs_a_promotion(outside: FakeServices, run_outbox: Callable[[], int]):
    promotion = create_promotion(timezone.now())

    run_outbox()

    assert outside.campaigns.keys() == {str(promotion.pk)}


def test_a_promotion_starts_when_its_segment_is_synced(
    outside: FakeServices, settings: Any, run_outbox: Callable[[], int]
):
    settings.SEGMENTATION_SERVICE_URL, settings.SEGMENTATION_SERVICE_KEY = outside.url, KEY
    now, brand = timezone.now(), BrandFactory(slug="cake")
    apply_audience(brand=brand, segment_type="regulars", operation="add", customer_ids=["c1", "c2"])
    outside.fault_rates = {"fail": 1.0}
    offer = {"benefits": [{"kind": "percent", "value": "10", "on": "order"}]}
    promotion = services.create_promotion(
        brand=brand, code=None, at=now,
        fields={
            "name": "Spring", "start_date": now, "end_date": now + timedelta(days=7),
            "offer": offer, "target_audience": "regulars",
        },
    )  # fmt: skip
    run_outbox()
    services.start_due(at=timezone.now())

    promotion.refresh_from_db()
    assert promotion.recorded_status == OfferStatus.SCHEDULED
    assert {pending.reason for pending in list_promotion_syncs(promotion=promotion)} == {
        "Waiting for the segmentation service: HTTP 503: fault requested by a test.",
        "Waiting for the campaign engine: HTTP 503: fault requested by a test.",
    }
    client = Client()
    client.force_login(MembershipFactory(brand=brand).user)
    page = f"/admin/promotions/promotion/{promotion.pk}"
    html = client.get(f"{page}/change/").content.decode()
    assert "Waiting for the segmentation service: HTTP 503" in html
    assert re.search(r"Since \d+ \w{3}, \d\d:\d\d, next attempt at \d+ \w{3}, \d\d:\d\d\.", html)

    outside.fault_rates = {}
    client.post(f"{page}/sync/")
    run_outbox()
    services.start_due(at=timezone.now())
    run_outbox()

    promotion.refresh_from_db()
    assert promotion.recorded_status == OfferStatus.ACTIVE
    assert list_promotion_syncs(promotion=promotion) == []
    (segment,) = Segment.objects.all()
    assert outside.segments[str(segment.pk)].members == ["c1", "c2"]
    campaign = outside.campaigns[str(promotion.pk)]
    assert (campaign["status"], campaign["segment"]["external_id"]) == ("active", segment.external_id)
    assert "Waiting for" not in client.get(f"{page}/change/").content.decode()


def test_only_editors_of_the_brand_retry_a_sync(outside: FakeServices, at: datetime):
    outside.next(503)
    promotion = create_promotion(at)
    sync(promotion, at)
    before = SyncJob.objects.get()
    client = Client()
    client.force_login(MembershipFactory().user)

    assert client.post(f"/admin/promotions/promotion/{promotion.pk}/sync/").status_code == 404
    viewer = Client()
    viewer.force_login(MembershipFactory(brand=promotion.brand, role=Role.VIEWER).user)
    assert viewer.post(f"/admin/promotions/promotion/{promotion.pk}/sync/").status_code == 403

    assert SyncJob.objects.get().due_at == before.due_at
