"""Platform admins see what services outside do not know yet, and why, and can have it told now."""

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
PAGE = "/admin/outside/errand/"


@pytest.fixture
def root() -> Client:
    client = Client()
    client.force_login(UserFactory(is_superuser=True))
    return client


def waiting(*, error: str = "", failures: int = 0) -> SyncJob:
    now = timezone.now()
    sync_jobs.request_sync(service=ENGINE, subjects=[PromotionFactory().pk], at=now)
    found = SyncJob.objects.latest("pk")
    SyncJob.objects.filter(pk=found.pk).update(error=error, failures=failures, due_at=now + timedelta(minutes=10))
    found.refresh_from_db()
    return found


def test_the_list_shows_pending_jobs_with_their_reasons(root: Client, django_assert_max_num_queries):
    for _ in range(5):
        waiting(error="it answered 503", failures=2)
    SyncJob.objects.filter(pk=waiting().pk).update(acknowledged=1)

    with django_assert_max_num_queries(8):
        page = root.get(PAGE).content.decode()

    assert page.count("it answered 503") == 5
    assert len(root.get(f"{PAGE}?state=failing").context["cl"].result_list) == 5
    assert len(root.get(f"{PAGE}?state=known").context["cl"].result_list) == 1


def test_a_job_has_a_page(root: Client):
    errand = waiting(error="it cannot be reached", failures=1)

    page = root.get(f"{PAGE}{errand.pk}/change/").content.decode()

    assert "it cannot be reached" in page
    assert f"/admin/promotions/promotion/{errand.subject}/change/" in page


def test_sync_now_makes_a_pending_job_due(root: Client):
    errand = waiting(error="it answered 503", failures=4)

    root.post(PAGE, {"action": "tell_now", "_selected_action": [errand.pk]})

    errand.refresh_from_db()
    assert errand.due_at <= timezone.now()
    assert errand.failures == 0
    assert OutboxMessage.objects.get(task="promotions.sync_promotion").kwargs == {"promotion_id": str(errand.subject)}


def test_resync_sends_a_job_again_from_the_start(root: Client):
    errand = waiting()
    SyncJob.objects.filter(pk=errand.pk).update(acknowledged=1, cursor=70, page=7, sent_count=70)

    root.post(PAGE, {"action": "tell_again", "_selected_action": [errand.pk]})

    errand.refresh_from_db()
    assert (errand.version, errand.acknowledged, errand.cursor, errand.page, errand.sent_count) == (2, 1, 0, 0, 0)


def test_brand_staff_can_neither_see_nor_sync_jobs():
    errand = waiting(error="a secret")
    client = Client()
    client.force_login(MembershipFactory().user)

    assert client.get(PAGE).status_code == 403
    assert client.post(PAGE, {"action": "tell_now", "_selected_action": [errand.pk]}).status_code == 403

    errand.refresh_from_db()
    assert errand.due_at > timezone.now()
    assert not OutboxMessage.objects.exists()


def test_the_dashboard_shows_the_status_of_each_service(root: Client, settings):
    def told() -> dict[str, tuple[str, str]]:
        return {name: (value, meaning) for name, value, meaning, _ in root.get("/admin/").context["health"]}

    assert not {"Campaign engine", "Segmentation service"} & told().keys()

    settings.CAMPAIGN_ENGINE_URL = "https://engine.example"
    assert told()["Campaign engine"] == ("ok", "knows everything")

    waiting(error="it answered 500", failures=1)
    assert told()["Campaign engine"] == ("1", "to be told, 1 failed before")

    for _ in range(5):
        circuit_breaker.on_failure(ENGINE, DeliveryFailed("it cannot be reached", is_service_failure=True), at=timezone.now())
    value, meaning = told()["Campaign engine"]
    assert value == "left alone"
    assert meaning.startswith("since ")
    assert meaning.endswith("it cannot be reached; 1 wait")
