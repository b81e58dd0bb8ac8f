"""Prometheus metrics of sync jobs and circuit breakers."""

from collections.abc import Iterator

from django.utils import timezone
from prometheus_client import Metric
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from integrations.selectors import list_service_statuses


class SyncJobCollector(Collector):
    """Pending and failing sync jobs per external service, counted at each scrape."""

    def describe(self) -> list[Metric]:
        """Return nothing, so that registration runs no query."""
        return []

    def collect(self) -> Iterator[Metric]:
        now = timezone.now()
        pending = GaugeMetricFamily("promo_sync_jobs_pending", "Pending sync jobs", labels=["service"])
        failing = GaugeMetricFamily("promo_sync_jobs_failing", "Failing sync jobs", labels=["service"])
        oldest = GaugeMetricFamily(
            "promo_sync_jobs_pending_seconds", "Age of the oldest pending sync job in seconds", labels=["service"]
        )
        is_open = GaugeMetricFamily(
            "promo_circuit_breaker_open", "1 if the circuit breaker is open", labels=["service"]
        )
        for status in list_service_statuses():
            labels = [status.service.value]
            pending.add_metric(labels, status.pending)
            failing.add_metric(labels, status.failing)
            oldest.add_metric(labels, max(0.0, (now - status.oldest).total_seconds()) if status.oldest else 0.0)
            is_open.add_metric(labels, 0.0 if status.open_since is None else 1.0)
        yield from (pending, failing, oldest, is_open)
