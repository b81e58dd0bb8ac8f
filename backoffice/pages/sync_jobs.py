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

SHOWN = {Service.SEGMENTATION: "segments_segment", Service.CAMPAIGN_ENGINE: "promotions_promotion"}


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
    def about(self, errand: SyncJob) -> str:
        place = SHOWN[Service(errand.service)]
        words = f"{place.partition('_')[2]} {errand.subject}"
        return format_html('<a href="{}">{}</a>', reverse(f"admin:{place}_change", args=[errand.subject]), words)

    @display(description="state", label={"known": "success", "waiting": "info", "failing": "danger"})
    def state(self, errand: SyncJob) -> str:
        if not errand.is_open:
            return "known"
        return "failing" if errand.failures else "waiting"

    @display(description="customers told")
    def progress(self, errand: SyncJob) -> str:
        return f"{errand.sent_count:,}" if errand.service == Service.SEGMENTATION else EMPTY_VALUE

    @display(description="wanted (UTC)", ordering="requested_at")
    def requested_at(self, errand: SyncJob) -> str:
        return format_datetime(errand.requested_at, "UTC")

    @display(description="known (UTC)")
    def synced_at(self, errand: SyncJob) -> str:
        return format_datetime(errand.synced_at, "UTC")

    @display(description="next try (UTC)", ordering="due_at")
    def next_try(self, errand: SyncJob) -> str:
        return format_datetime(errand.due_at, "UTC") if errand.is_open else EMPTY_VALUE

    @display(description="reason")
    def reason(self, errand: SyncJob) -> str:
        return errand.error[:100] + ("…" if len(errand.error) > 100 else "")

    @admin.action(description="Tell now", permissions=["sync"])
    def sync_now(self, request: HttpRequest, queryset: QuerySet[SyncJob]) -> None:
        found, now = 0, timezone.now()
        for service, subjects in _by_service(queryset):
            found += sync_jobs.retry_now(service=service, subjects=subjects, at=now)
            _enqueue(service, subjects)
        messages.success(request, f"{found} are told now." if found else "None of these waits.")

    @admin.action(description="Tell everything again (the service lost it)", permissions=["sync"])
    def resync_all(self, request: HttpRequest, queryset: QuerySet[SyncJob]) -> None:
        found = 0
        for service, subjects in _by_service(queryset):
            sync_jobs.resync_all(service=service, subjects=subjects, at=timezone.now())
            _enqueue(service, subjects)
            found += len(subjects)
        messages.success(request, f"{found} are told again.")

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


def health(at: datetime) -> list[tuple[str, str, str, bool]]:
    """Of each service that is used, or still waited for: name, value, what it means, whether someone should look."""
    return [_health(it, at) for it in list_service_statuses() if it.is_used or it.pending]


def _health(it: ServiceStatus, at: datetime) -> tuple[str, str, str, bool]:
    name = it.service.label.removeprefix("the ").capitalize()
    if it.open_since is not None:
        return (
            name,
            "left alone",
            f"since {format_datetime(it.open_since, 'UTC')} UTC: {it.error}; {it.pending:,} wait",
            True,
        )
    if not it.pending:
        return name, "ok", "knows everything", False
    late = it.oldest is not None and (at - it.oldest).total_seconds() > 15 * 60
    return (
        name,
        f"{it.pending:,}",
        f"to be told, {it.failing:,} failed before" if it.failing else "to be told",
        late,
    )
