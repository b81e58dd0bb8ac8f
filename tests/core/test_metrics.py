"""Prometheus reads how the machinery does, beside the counts of the web processes."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import Error
from django.test import Client
from django.utils import timezone

from core import outbox
from core.ids import uuid7
from core.models import OutboxMessage
from core.outbox import enqueue_on_commit
from integrations.contracts import DeliveryFailed, Service
from integrations.models import SyncJob
from integrations.services import circuit_breaker, sync_jobs

pytestmark = pytest.mark.django_db


def read(client: Client) -> dict[str, float]:
    lines = client.get("/metrics").content.decode().splitlines()
    return {name: float(value) for name, _, value in (it.rpartition(" ") for it in lines if it.startswith("promo_"))}


def test_pending_messages_and_jobs_are_counted(client: Client):
    now = timezone.now()
    enqueue_on_commit("tests.note")
    OutboxMessage.objects.update(due_at=now - timedelta(minutes=5))
    OutboxMessage.objects.create(task="gone", dead_lettered_at=now)
    sync_jobs.request_sync(service=Service.SEGMENTATION, subjects=[uuid7(), uuid7()], at=now - timedelta(hours=1))
    SyncJob.objects.filter(pk=SyncJob.objects.first().pk).update(failures=3)  # type: ignore[union-attr]
    for _ in range(5):
        circuit_breaker.on_failure(
            Service.SEGMENTATION, DeliveryFailed("it cannot be reached", is_service_failure=True), at=now
        )

    found = read(client)

    assert found["promo_tasks_waiting"] == 1
    assert found["promo_tasks_parked"] == 1
    assert found["promo_tasks_overdue_seconds"] == pytest.approx(300, abs=30)
    assert found['promo_outside_waiting{service="segmentation"}'] == 2
    assert found['promo_outside_failing{service="segmentation"}'] == 1
    assert found['promo_outside_waiting_seconds{service="segmentation"}'] == pytest.approx(3600, abs=30)
    assert found['promo_outside_left_alone{service="segmentation"}'] == 1
    assert found['promo_outside_left_alone{service="campaign_engine"}'] == 0


def test_without_the_database_the_process_metrics_remain(client: Client, monkeypatch: pytest.MonkeyPatch):
    def away() -> Any:
        raise Error("no database")

    monkeypatch.setattr(outbox, "get_backlog", away)

    answer = client.get("/metrics")

    assert answer.status_code == 200
    assert b"promo_tasks" not in answer.content
    assert b"promo_request_seconds" in answer.content


def test_a_scrape_takes_few_queries(client: Client, django_assert_max_num_queries: Any):
    with django_assert_max_num_queries(3):
        client.get("/metrics")
