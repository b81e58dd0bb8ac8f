"""Questions about what services outside are still to be told; writes nothing."""

import uuid
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.db.models import Count, F, Min, Q

from integrations.contracts import Service
from integrations.models import CircuitState, SyncJob


@dataclass(frozen=True, slots=True)
class PendingSync:
    """Something that a service does not know yet: why, since when, and when it is told next; of a long series, how many
    items it has taken.
    """

    reason: str
    since: datetime
    next_try_at: datetime
    failures: int
    sent: int


@dataclass(frozen=True, slots=True)
class ServiceStatus:
    """How a service does: whether there is one, what it is still to be told, and why it is left alone, if it is."""

    service: Service
    is_used: bool
    pending: int
    failing: int
    oldest: datetime | None
    open_since: datetime | None
    error: str


def service_url(service: Service) -> str:
    """Where the service is; empty when there is none, and the platform does its work itself."""
    return {
        Service.SEGMENTATION: settings.SEGMENTATION_SERVICE_URL,
        Service.CAMPAIGN_ENGINE: settings.CAMPAIGN_ENGINE_URL,
    }[service]


def list_pending_syncs(*, service: Service, subjects: Collection[uuid.UUID]) -> dict[uuid.UUID, PendingSync]:
    """Those of the subjects that the service does not know as they stand now, with the reason in words; one query."""
    rows = SyncJob.objects.filter(service=service, subject__in=subjects, acknowledged__lt=F("version"))
    return {
        errand.subject: PendingSync(
            f"Waiting for {service.label}" + (f": {errand.error}." if errand.error else "."),
            errand.requested_at, errand.due_at, errand.failures, errand.sent_count,
        )
        for errand in rows
    }  # fmt: skip


def list_service_statuses() -> list[ServiceStatus]:
    """How each service does, in two queries."""
    rows = SyncJob.objects.filter(acknowledged__lt=F("version")).order_by().values_list("service")
    counted = rows.annotate(all=Count("pk"), bad=Count("pk", filter=Q(failures__gt=0)), oldest=Min("requested_at"))
    numbers = {service: (pending, failing, oldest) for service, pending, failing, oldest in counted}
    health = CircuitState.objects.in_bulk()
    found = []
    for service in Service:
        pending, failing, oldest = numbers.get(service.value, (0, 0, None))
        its = health.get(service.value) or CircuitState(service=service)
        used = bool(service_url(service))
        found.append(ServiceStatus(service, used, pending, failing, oldest, its.open_since, its.error))
    return found
