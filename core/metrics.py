"""Prometheus metrics of the outbox."""

from collections.abc import Iterator

from django.utils import timezone
from prometheus_client import Metric
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from core import outbox


class OutboxCollector(Collector):
    """Pending and dead-lettered outbox messages, counted at each scrape in one query."""

    def describe(self) -> list[Metric]:
        """Return nothing, so that registration runs no query."""
        return []

    def collect(self) -> Iterator[Metric]:
        now, backlog = timezone.now(), outbox.get_backlog()
        age = max(0.0, (now - backlog["oldest"]).total_seconds()) if backlog["oldest"] else 0.0
        yield GaugeMetricFamily("promo_outbox_pending", "Pending outbox messages", backlog["pending"])
        yield GaugeMetricFamily("promo_outbox_dead_lettered", "Dead-lettered outbox messages", backlog["dead_lettered"])
        yield GaugeMetricFamily(
            "promo_outbox_overdue_seconds", "Age of the oldest overdue outbox message in seconds", age
        )
