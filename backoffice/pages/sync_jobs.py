"""The page of what services outside are to know, for platform admins."""

import uuid
from collections.abc import Collection
from datetime import datetime
from typing import Any

from django.contrib import admin, messages
from django.db.models import F, Model, QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from unfold.decorators import display

from backoffice.base.admin import EstimatingPaginator, SuperuserAdmin
from backoffice.base.formatting import EMPTY_VALUE, format_datetime
from core.outbox import enqueue_on_commit
from integrations.contracts import Service
from integrations.models import SyncJob
from integrations.selectors import ServiceStatus, list_service_statuses
from integrations.services import sync_jobs

ADMIN_VIEWS = {Service.SEGMENTATION: "segments_segment", Service.CAMPAIGN_ENGINE: "promotions_promotion"}


class SyncStatusFilter(admin.SimpleListFilter):
    """What the service knows, and what it does not."""

    title, parameter_name = "state", "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("waiting", "Waiting"), ("failing", "Failing"), ("known", "Known")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[SyncJob]) -> QuerySet[SyncJob]:
        if self.value() == "known":
            return queryset.filter(acknowledged=F("version"))
        if self.value() in ("waiting", "failing"):
            waiting = queryset.filter(acknowledged__lt=F("version"))
            return waiting.filter(failures__gt=0) if self.value() == "failing" else waiting
        return queryset


@admin.register(SyncJob)
class SyncJobAdmin(SuperuserAdmin):
    """Each thing that a service outside is to know: whether it does, and why not."""

    list_display = ("service", "about", "state", "progress", "failures", "requested_at", "next_try", "reason")
    list_filter = (SyncStatusFilter, "service")
    search_fields = ("=subject",)
    ordering = ("-pk",)
    list_per_page = 50
    show_full_result_count = False
    paginator = EstimatingPaginator
    actions = ("sync_now", "resync_all")
    fields = ("service", "about", "state", "progress", "failures", "requested_at", "synced_at", "next_try", "error")

    @display(description="about")
    def about(self, job: SyncJob) -> str:
        view = ADMIN_VIEWS[Service(job.service)]
        label = f"{view.partition('_')[2]} {job.subject}"
        return format_html('<a href="{}">{}</a>', reverse(f"admin:{view}_change", args=[job.subject]), label)

    @display(description="state", label={"known": "success", "waiting": "info", "failing": "danger"})
    def state(self, job: SyncJob) -> str:
        if not job.is_open:
            return "known"
        return "failing" if job.failures else "waiting"

    @display(description="customers told")
    def progress(self, job: SyncJob) -> str:
        return f"{job.sent_count:,}" if job.service == Service.SEGMENTATION else EMPTY_VALUE

    @display(description="wanted (UTC)", ordering="requested_at")
    def requested_at(self, job: SyncJob) -> str:
        return format_datetime(job.requested_at, "UTC")

    @display(description="known (UTC)")
    def synced_at(self, job: SyncJob) -> str:
        return format_datetime(job.synced_at, "UTC")

    @display(description="next try (UTC)", ordering="due_at")
    def next_try(self, job: SyncJob) -> str:
        return format_datetime(job.due_at, "UTC") if job.is_open else EMPTY_VALUE

    @display(description="reason")
    def reason(self, job: SyncJob) -> str:
        return job.error[:100] + ("…" if len(job.error) > 100 else "")

    @admin.action(description="Tell now", permissions=["sync"])
    def sync_now(self, request: HttpRequest, queryset: QuerySet[SyncJob]) -> None:
        count, now = 0, timezone.now()
        for service, subjects in _by_service(queryset):
            count += sync_jobs.retry_now(service=service, subjects=subjects, at=now)
            _enqueue(service, subjects)
        messages.success(request, f"{count} are told now." if count else "None of these waits.")

    @admin.action(description="Tell everything again (the service lost it)", permissions=["sync"])
    def resync_all(self, request: HttpRequest, queryset: QuerySet[SyncJob]) -> None:
        count = 0
        for service, subjects in _by_service(queryset):
            sync_jobs.resync_all(service=service, subjects=subjects, at=timezone.now())
            _enqueue(service, subjects)
            count += len(subjects)
        messages.success(request, f"{count} are told again.")

    def has_sync_permission(self, request: HttpRequest) -> bool:
        return self._superuser(request)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False


def _by_service(queryset: QuerySet[SyncJob]) -> list[tuple[Service, list[uuid.UUID]]]:
    rows = list(queryset.order_by("pk").values_list("service", "subject"))
    return [(service, [subject for its, subject in rows if its == service]) for service in Service]


def _enqueue(service: Service, subjects: Collection[uuid.UUID]) -> None:
    for subject in map(str, subjects):
        if service is Service.SEGMENTATION:
            enqueue_on_commit("segments.sync_segment", segment_id=subject)
        else:
            enqueue_on_commit("promotions.sync_promotion", promotion_id=subject)


def health_cards(at: datetime) -> list[tuple[str, str, str, bool]]:
    """Of each service that is used, or still waited for: name, value, what it means, whether someone should look."""
    return [_to_health_card(status, at) for status in list_service_statuses() if status.is_configured or status.pending]


def _to_health_card(status: ServiceStatus, at: datetime) -> tuple[str, str, str, bool]:
    name = status.service.label.removeprefix("the ").capitalize()
    if status.open_since is not None:
        return (
            name,
            "left alone",
            f"since {format_datetime(status.open_since, 'UTC')} UTC: {status.error}; {status.pending:,} wait",
            True,
        )
    if not status.pending:
        return name, "ok", "knows everything", False
    late = status.oldest is not None and (at - status.oldest).total_seconds() > 15 * 60
    return (
        name,
        f"{status.pending:,}",
        f"to be told, {status.failing:,} failed before" if status.failing else "to be told",
        late,
    )
