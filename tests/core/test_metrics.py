"""Prometheus metrics of the outbox and sync jobs, beside those of the web processes."""

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
    return {
        name: float(value) for name, _, value in (line.rpartition(" ") for line in lines if line.startswith("promo_"))
    }


def test_pending_messages_and_jobs_are_counted(client: Client):
    now = timezone.now()
    enqueue_on_commit("tests.record")
    OutboxMessage.objects.update(due_at=now - timedelta(minutes=5))
    OutboxMessage.objects.create(task="gone", dead_lettered_at=now)
    sync_jobs.request_sync(service=Service.SEGMENTATION, subjects=[uuid7(), uuid7()], at=now - timedelta(hours=1))
    SyncJob.objects.filter(pk=SyncJob.objects.first().pk).update(failures=3)  # type: ignore[union-attr]
    for _ in range(5):
        circuit_breaker.on_failure(
            Service.SEGMENTATION, DeliveryFailed("connection failed", is_service_failure=True), at=now
        )

    metrics = read(client)

    assert metrics["promo_outbox_pending"] == 1
    assert metrics["promo_outbox_dead_lettered"] == 1
    assert metrics["promo_outbox_overdue_seconds"] == pytest.approx(300, abs=30)
    assert metrics['promo_sync_jobs_pending{service="segmentation"}'] == 2
    assert metrics['promo_sync_jobs_failing{service="segmentation"}'] == 1
    assert metrics['promo_sync_jobs_pending_seconds{service="segmentation"}'] == pytest.approx(3600, abs=30)
    assert metrics['promo_circuit_breaker_open{service="segmentation"}'] == 1
    assert metrics['promo_circuit_breaker_open{service="campaign_engine"}'] == 0


def test_without_the_database_the_process_metrics_remain(client: Client, monkeypatch: pytest.MonkeyPatch):
    def raise_error() -> Any:
        raise Error("no database")

    monkeypatch.setattr(outbox, "get_backlog", raise_error)

    answer = client.get("/metrics")

    assert answer.status_code == 200
    assert b"promo_outbox" not in answer.content
    assert b"promo_request_seconds" in answer.content


def test_a_scrape_takes_few_queries(client: Client, django_assert_max_num_queries: Any):
    with django_assert_max_num_queries(3):
        client.get("/metrics")
