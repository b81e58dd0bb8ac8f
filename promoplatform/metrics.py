"""The Prometheus endpoint: metrics of the web processes, and of the outbox and sync jobs in the database."""

import structlog
from django.db import Error
from django.http import HttpRequest, HttpResponse
from django_prometheus.exports import ExportToDjangoView
from prometheus_client import CollectorRegistry, generate_latest

from core.metrics import OutboxCollector
from integrations.metrics import SyncJobCollector

log = structlog.get_logger(__name__)


def metrics(request: HttpRequest) -> HttpResponse:
    """Return all metrics; those of the web processes only if the database is unavailable."""
    response: HttpResponse = ExportToDjangoView(request)
    registry = CollectorRegistry()
    registry.register(OutboxCollector())
    registry.register(SyncJobCollector())
    try:
        response.content += generate_latest(registry)
    except Error as error:
        log.warning("metrics_without_database", error=str(error))
    return response
