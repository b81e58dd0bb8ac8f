"""What Prometheus reads: the web processes' own counts, and what the database says about the machinery."""

from collections.abc import Iterator

import structlog
from django.db import Error
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django_prometheus.exports import ExportToDjangoView
from prometheus_client import CollectorRegistry, Metric, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from promoplatform.kernel import outbox
from promoplatform.kernel.outside.selectors import list_service_statuses

log = structlog.get_logger(__name__)


def metrics(request: HttpRequest) -> HttpResponse:
    """All of it; without the database, the counts of the web processes alone."""
    answer: HttpResponse = ExportToDjangoView(request)
    registry = CollectorRegistry()
    registry.register(OutboxCollector())
    try:
        answer.content += generate_latest(registry)
    except Error as error:
        log.warning("metrics_without_database", error=str(error))
    return answer


class OutboxCollector(Collector):
    """Promised tasks, and what services outside do not know yet; read anew at each scrape, in three small queries."""

    def describe(self) -> list[Metric]:
        """Nothing is asked before a scrape."""
        return []

    def collect(self) -> Iterator[Metric]:
        now, backlog = timezone.now(), outbox.backlog()
        age = max(0.0, (now - backlog["oldest"]).total_seconds()) if backlog["oldest"] else 0.0
        yield GaugeMetricFamily("promo_tasks_waiting", "Promised tasks that wait", backlog["waiting"])
        yield GaugeMetricFamily("promo_tasks_parked", "Promised tasks that failed too often", backlog["parked"])
        yield GaugeMetricFamily("promo_tasks_overdue_seconds", "By how much the oldest promised task is overdue", age)
        waiting = GaugeMetricFamily("promo_outside_waiting", "What a service does not know yet", labels=["service"])
        failing = GaugeMetricFamily("promo_outside_failing", "Of that, what it refused or missed", labels=["service"])
        oldest = GaugeMetricFamily("promo_outside_waiting_seconds", "Since when the oldest waits", labels=["service"])
        ill = GaugeMetricFamily("promo_outside_left_alone", "1 while the breaker is open", labels=["service"])
        for it in list_service_statuses():
            labels = [it.service.value]
            waiting.add_metric(labels, it.list_pending_syncs)
            failing.add_metric(labels, it.failing)
            oldest.add_metric(labels, max(0.0, (now - it.oldest).total_seconds()) if it.oldest else 0.0)
            ill.add_metric(labels, 0.0 if it.open_since is None else 1.0)
        yield from (waiting, failing, oldest, ill)
