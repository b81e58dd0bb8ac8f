"""The admin page of sync jobs to external services, for superusers, and their health on the dashboard."""

import uuid
from collections.abc import Collection
from datetime import datetime, timedelta

from django.contrib import admin, messages
from django.db.models import F, Q, QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display

from backoffice.base.admin import SuperuserReadOnlyAdmin, is_platform_admin
from backoffice.base.changelists import EstimatingPaginator
from backoffice.base.filters import StatusFilter
from backoffice.base.formatting import EMPTY_VALUE, format_datetime, format_number
from core.outbox import enqueue_on_commit
from integrations.contracts import Service
from integrations.models import SERVICE_CHOICES, SyncJob
from integrations.selectors import ServiceStatus, list_service_statuses
from integrations.services import sync_jobs

MAX_DELAY = timedelta(minutes=15)
MAX_REASON_LENGTH = 100
OBJECT_VIEWS = {
    Service.SEGMENTATION: ("admin:segments_segment_change", _("Segment %(id)s")),
    Service.CAMPAIGN_ENGINE: ("admin:promotions_promotion_change", _("Promotion %(id)s")),
}
STATUSES = {"pending": _("Pending"), "failing": _("Failing"), "up_to_date": _("Up to date")}
COLORS = {"pending": "info", "failing": "danger", "up_to_date": "success"}


class SyncStatusFilter(StatusFilter):
    """A filter by what the service has confirmed."""

    statuses = tuple(STATUSES.items())

    def get_condition(self, status: str, at: datetime) -> Q:
        is_pending = Q(acknowledged__lt=F("version"))
        return {
            "pending": is_pending,
            "failing": is_pending & Q(failures__gt=0),
            "up_to_date": Q(acknowledged=F("version")),
        }[status]


@admin.register(SyncJob)
class SyncJobAdmin(SuperuserReadOnlyAdmin):
    """Objects that an external service has to know, whether it does, and why not."""

    list_display = (
        "service",
        "subject_link",
        "status",
        "progress",
        "failures",
        "requested",
        "next_attempt",
        "reason",
    )
    list_filter = (SyncStatusFilter, "service")
    search_fields = ("=subject",)
    ordering = ("-pk",)
    list_per_page = 50
    show_full_result_count = False
    paginator = EstimatingPaginator
    actions = ("sync_now", "resync_all")
    fields = (
        "service", "subject_link", "status_text", "progress", "failures", "requested", "synced", "next_attempt",
        "error",
    )  # fmt: skip

    @display(description=_("object"))
    def subject_link(self, job: SyncJob) -> str:
        view, label = OBJECT_VIEWS[Service(job.service)]
        return format_html('<a href="{}">{}</a>', reverse(view, args=[job.subject]), label % {"id": job.subject})

    @display(description=_("status"), label=COLORS)
    def status(self, job: SyncJob) -> tuple[str, str]:
        status = ("failing" if job.failures else "pending") if job.is_open else "up_to_date"
        return status, str(STATUSES[status])

    @display(description=_("status"))
    def status_text(self, job: SyncJob) -> str:
        return str(self.status(job)[1])

    @display(description=_("synced customers"))
    def progress(self, job: SyncJob) -> str:
        return format_number(job.sent_count) if job.service == Service.SEGMENTATION else EMPTY_VALUE

    @display(description=_("requested (UTC)"), ordering="requested_at")
    def requested(self, job: SyncJob) -> str:
        return format_datetime(job.requested_at, "UTC")

    @display(description=_("synced (UTC)"))
    def synced(self, job: SyncJob) -> str:
        return format_datetime(job.synced_at, "UTC")

    @display(description=_("next attempt (UTC)"), ordering="due_at")
    def next_attempt(self, job: SyncJob) -> str:
        return format_datetime(job.due_at, "UTC") if job.is_open else EMPTY_VALUE

    @display(description=_("reason"))
    def reason(self, job: SyncJob) -> str:
        return job.error[:MAX_REASON_LENGTH] + ("…" if len(job.error) > MAX_REASON_LENGTH else "")

    @admin.action(description=_("Sync now"), permissions=["sync"])
    def sync_now(self, request: HttpRequest, queryset: QuerySet[SyncJob]) -> None:
        count, now = 0, timezone.now()
        for service, subjects in _group_by_service(queryset):
            count += sync_jobs.retry_now(service=service, subjects=subjects, at=now)
            _enqueue(service, subjects)
        text = ngettext("Sync started for %(count)s item.", "Sync started for %(count)s items.", count)
        messages.success(request, text % {"count": format_number(count)} if count else gettext("Nothing to sync."))

    @admin.action(description=_("Resync everything…"), permissions=["sync"])
    def resync_all(self, request: HttpRequest, queryset: QuerySet[SyncJob]) -> None:
        count = 0
        for service, subjects in _group_by_service(queryset):
            sync_jobs.resync_all(service=service, subjects=subjects, at=timezone.now())
            _enqueue(service, subjects)
            count += len(subjects)
        text = ngettext("Resync started for %(count)s item.", "Resync started for %(count)s items.", count)
        messages.success(request, text % {"count": format_number(count)})

    def has_sync_permission(self, request: HttpRequest) -> bool:
        return is_platform_admin(request)


def health_cards(at: datetime) -> list[tuple[str, str, str, bool]]:
    """Return for each service in use or with pending jobs: name, value, note, and whether it needs attention."""
    return [_to_health_card(status, at) for status in list_service_statuses() if status.is_configured or status.pending]


def _to_health_card(status: ServiceStatus, at: datetime) -> tuple[str, str, str, bool]:
    name = str(dict(SERVICE_CHOICES)[status.service.value])
    pending = format_number(status.pending)
    if status.open_since is not None:
        since = format_datetime(status.open_since, "UTC")
        note = gettext("since %(since)s UTC: %(error)s; %(pending)s pending")
        return name, gettext("Paused"), note % {"since": since, "error": status.error, "pending": pending}, True
    if not status.pending:
        return name, gettext("OK"), gettext("up to date"), False
    is_late = status.oldest is not None and at - status.oldest > MAX_DELAY
    failed = ngettext("pending, %(count)s failed attempt", "pending, %(count)s failed attempts", status.failing)
    note = failed % {"count": format_number(status.failing)} if status.failing else gettext("pending")
    return name, pending, note, is_late


def _group_by_service(queryset: QuerySet[SyncJob]) -> list[tuple[Service, list[uuid.UUID]]]:
    rows = list(queryset.order_by("pk").values_list("service", "subject"))
    return [(service, [subject for name, subject in rows if name == service]) for service in Service]


def _enqueue(service: Service, subjects: Collection[uuid.UUID]) -> None:
    for subject in map(str, subjects):
        if service is Service.SEGMENTATION:
            enqueue_on_commit("segments.sync_segment", segment_id=subject)
        else:
            enqueue_on_commit("promotions.sync_promotion", promotion_id=subject)
