"""Queries of pending sync jobs and the status of external services."""

import uuid
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.db.models import Count, F, Min, Q
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from integrations.contracts import Service
from integrations.models import CircuitState, SyncJob

_NAMES = {
    Service.SEGMENTATION: gettext_lazy("the segmentation service"),
    Service.CAMPAIGN_ENGINE: gettext_lazy("the campaign engine"),
}


@dataclass(frozen=True, slots=True)
class PendingSync:
    """A pending sync job: the reason, its start, the next attempt and the number of accepted items."""

    reason: str
    since: datetime
    next_attempt_at: datetime
    failures: int
    sent_count: int


@dataclass(frozen=True, slots=True)
class ServiceStatus:
    """The status of a service: whether it is configured, its pending jobs, and its circuit breaker."""

    service: Service
    is_configured: bool
    pending: int
    failing: int
    oldest: datetime | None
    open_since: datetime | None
    error: str


def service_url(service: Service) -> str:
    """Return the URL of the service; empty if the platform does the work itself."""
    return {
        Service.SEGMENTATION: settings.SEGMENTATION_SERVICE_URL,
        Service.CAMPAIGN_ENGINE: settings.CAMPAIGN_ENGINE_URL,
    }[service]


def list_pending_syncs(*, service: Service, subjects: Collection[uuid.UUID]) -> dict[uuid.UUID, PendingSync]:
    """Return the pending syncs of the subjects, in one query."""
    rows = SyncJob.objects.filter(service=service, subject__in=subjects, acknowledged__lt=F("version"))
    return {
        job.subject: PendingSync(
            _waiting_reason(service, job.error), job.requested_at, job.due_at, job.failures, job.sent_count
        )
        for job in rows
    }  # fmt: skip


def _waiting_reason(service: Service, error: str) -> str:
    values = {"service": _NAMES[service], "error": error}
    return (_("Waiting for %(service)s: %(error)s.") if error else _("Waiting for %(service)s.")) % values


def list_service_statuses() -> list[ServiceStatus]:
    """Return the status of each service, in two queries."""
    rows = SyncJob.objects.filter(acknowledged__lt=F("version")).order_by().values_list("service")
    counted = rows.annotate(all=Count("pk"), bad=Count("pk", filter=Q(failures__gt=0)), oldest=Min("requested_at"))
    counts = {service: (pending, failing, oldest) for service, pending, failing, oldest in counted}
    states = CircuitState.objects.in_bulk()
    statuses = []
    for service in Service:
        pending, failing, oldest = counts.get(service.value, (0, 0, None))
        state = states.get(service.value) or CircuitState(service=service)
        is_configured = bool(service_url(service))
        statuses.append(ServiceStatus(service, is_configured, pending, failing, oldest, state.open_since, state.error))
    return statuses
