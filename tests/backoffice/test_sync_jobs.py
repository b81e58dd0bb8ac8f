"""Superusers see pending sync jobs with their reasons, and can start them."""

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from core.models import OutboxMessage
from integrations.contracts import DeliveryFailed, Service
from integrations.models import SyncJob
from integrations.services import circuit_breaker, sync_jobs
from tests.factories import MembershipFactory, PromotionFactory, UserFactory

pytestmark = pytest.mark.django_db
ENGINE = Service.CAMPAIGN_ENGINE
PAGE = "/admin/outside/syncjob/"


@pytest.fixture
def root() -> Client:
    client = Client()
    client.force_login(UserFactory(is_superuser=True))
    return client


def pending_job(*, error: str = "", failures: int = 0) -> SyncJob:
    now = timezone.now()
    sync_jobs.request_sync(service=ENGINE, subjects=[PromotionFactory().pk], at=now)
    job = SyncJob.objects.latest("pk")
    SyncJob.objects.filter(pk=job.pk).update(error=error, failures=failures, due_at=now + timedelta(minutes=10))
    job.refresh_from_db()
    return job


def test_the_list_shows_pending_jobs_with_their_reasons(root: Client, django_assert_max_num_queries):
    for _ in range(5):
        pending_job(error="HTTP 503", failures=2)
    SyncJob.objects.filter(pk=pending_job().pk).update(acknowledged=1)

    with django_assert_max_num_queries(8):
        page = root.get(PAGE).content.decode()

    assert page.count("HTTP 503") == 5
    assert len(root.get(f"{PAGE}?status=failing").context["cl"].result_list) == 5
    assert len(root.get(f"{PAGE}?status=up_to_date").context["cl"].result_list) == 1


def test_a_job_has_a_page(root: Client):
    job = pending_job(error="connection failed", failures=1)

    page = root.get(f"{PAGE}{job.pk}/change/").content.decode()

    assert "connection failed" in page
    assert f"/admin/promotions/promotion/{job.subject}/change/" in page


def test_sync_now_makes_a_pending_job_due(root: Client):
    job = pending_job(error="HTTP 503", failures=4)

    root.post(PAGE, {"action": "sync_now", "_selected_action": [job.pk]})

    job.refresh_from_db()
    assert job.due_at <= timezone.now()
    assert job.failures == 0
    assert OutboxMessage.objects.get(task="promotions.sync_promotion").kwargs == {"promotion_id": str(job.subject)}


def test_resync_sends_a_job_again_from_the_start(root: Client):
    job = pending_job()
    SyncJob.objects.filter(pk=job.pk).update(acknowledged=1, cursor=70, page=7, sent_count=70)

    root.post(PAGE, {"action": "resync_all", "_selected_action": [job.pk]})

    job.refresh_from_db()
    assert (job.version, job.acknowledged, job.cursor, job.page, job.sent_count) == (2, 1, 0, 0, 0)


def test_brand_staff_can_neither_see_nor_sync_jobs():
    job = pending_job(error="a secret")
    client = Client()
    client.force_login(MembershipFactory().user)

    assert client.get(PAGE).status_code == 403
    assert client.post(PAGE, {"action": "sync_now", "_selected_action": [job.pk]}).status_code == 403

    job.refresh_from_db()
    assert job.due_at > timezone.now()
    assert not OutboxMessage.objects.exists()


def test_the_dashboard_shows_the_status_of_each_service(root: Client, settings):
    def status() -> dict[str, tuple[str, str]]:
        return {name: (value, note) for name, value, note, _ in root.get("/admin/").context["health"]}

    assert not {"Campaign engine", "Segmentation service"} & status().keys()

    settings.CAMPAIGN_ENGINE_URL = "https://engine.example"
    assert status()["Campaign engine"] == ("OK", "up to date")

    pending_job(error="HTTP 500", failures=1)
    assert status()["Campaign engine"] == ("1", "pending, 1 failed attempt")

    for _ in range(5):
        circuit_breaker.on_failure(
            ENGINE, DeliveryFailed("connection failed", is_service_failure=True), at=timezone.now()
        )
    value, note = status()["Campaign engine"]
    assert value == "Paused"
    assert note.startswith("since ")
    assert note.endswith("connection failed; 1 pending")
