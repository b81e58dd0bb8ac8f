"""Admin pages of segments: list, metrics, progress and details."""

import uuid
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Model
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST, require_safe
from unfold.decorators import display

from backoffice.base.admin import BrandScopedAdmin, has_multiple_brands
from backoffice.base.changelists import EstimatingPaginator
from backoffice.base.filters import BrandFilter, StatusFilter
from backoffice.base.formatting import EMPTY_VALUE, format_datetime, format_number, format_period
from core.permissions import BrandPermissions
from segments import selectors, services
from segments.admin import metrics, slot_usage
from segments.models import SLOT_HOLDING_STATES, Segment, State

STATE_COLORS = {
    State.SCHEDULED: "primary",
    State.FILLING: "info",
    State.SYNCING: "info",
    State.ACTIVE: "success",
    State.EMPTY: "warning",
    State.RELEASING: "info",
    State.EXPIRED: "info",
    State.DELETED: "danger",
}
SYNC, PROCESS = "sync", "process"  # actions that don't wait for the periodic tasks


class SegmentStatusFilter(StatusFilter):
    """A filter by the stored state."""

    statuses = State.choices
    field_name = "state"


@admin.register(Segment)
class SegmentAdmin(BrandScopedAdmin):
    """Read-only pages of the segments of a brand, newest first; promotions and the internal API create them."""

    list_filter = (SegmentStatusFilter, BrandFilter)
    list_select_related = ("brand",)
    search_fields = ("segment_type",)
    search_help_text = gettext_lazy("Search by audience name")
    ordering = ("-pk",)
    list_per_page = 50
    show_full_result_count = False
    paginator = EstimatingPaginator
    actions = None

    def get_list_display(self, request: HttpRequest) -> tuple[str, ...]:
        brand = ("brand",) if has_multiple_brands(request) else ()
        return ("name", "status_label", *brand, "dates", "audience_size", "members", "skipped", "promotion")

    def has_add_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    # --- columns -----------------------------------------------------------------------------------------------------
    @display(description=gettext_lazy("audience"), ordering="segment_type")
    def name(self, segment: Segment) -> str:
        return str(segment)

    @display(description=gettext_lazy("status"), label=STATE_COLORS, ordering="state")
    def status_label(self, segment: Segment) -> tuple[str, str]:
        return segment.state, segment.get_state_display()

    @display(description=gettext_lazy("dates"), ordering="start_date")
    def dates(self, segment: Segment) -> str:
        return format_dates(segment)

    @display(description=gettext_lazy("audience size"), ordering="audience_count")
    def audience_size(self, segment: Segment) -> str:
        return format_number(segment.audience_count)

    @display(description=gettext_lazy("members"), ordering="members_count")
    def members(self, segment: Segment) -> str:
        return format_number(segment.members_count) if segment.slot_limit is not None else EMPTY_VALUE

    @display(description=gettext_lazy("skipped"), ordering="skipped_count")
    def skipped(self, segment: Segment) -> str:
        return format_number(segment.skipped_count) if segment.slot_limit is not None else EMPTY_VALUE

    @display(description=gettext_lazy("promotion"))
    def promotion(self, segment: Segment) -> str:
        return promotion_link(segment) or EMPTY_VALUE

    # --- the page of one segment -------------------------------------------------------------------------------------
    def get_urls(self) -> list[URLPattern]:
        wrap = self.admin_site.admin_view
        return [
            path("slots/", wrap(require_safe(slot_usage.slot_usage_view)), name="segments_slots"),
            path("<uuid:pk>/<str:action>/now/", wrap(require_POST(self.run_now)), name="segments_segment_now"),
            *super().get_urls(),
        ]

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Show a segment with its metrics, progress and details."""
        segment = self.get_object(request, object_id)
        if segment is None or not self.has_view_permission(request, segment):
            raise Http404
        if request.method == "POST":
            raise PermissionDenied  # nothing can be changed here
        at = timezone.now()
        context = self.admin_site.each_context(request) | {
            "title": _("Segment"), "opts": self.opts, "segment": segment, "brand": segment.brand,
            "state": (segment.get_state_display(), STATE_COLORS[State(segment.state)]), "details": details(segment),
            "cards": metrics.metric_cards(segment, at),
            "may_edit": self.has_brand_permission(request, BrandPermissions.EDIT, segment),
            "promotion": promotion_link(segment),
            "audience": selectors.find_audience(brand_id=segment.brand_id, segment_type=segment.segment_type),
        }  # fmt: skip
        return TemplateResponse(request, "admin/segments/segment.html", context | metrics.progress(segment, at))

    def run_now(self, request: HttpRequest, pk: uuid.UUID, action: str) -> HttpResponse:
        """Start the sync or the processing of a segment now."""
        segment = self.get_object(request, str(pk))
        if segment is None or action not in (SYNC, PROCESS):
            raise Http404
        if not self.has_brand_permission(request, BrandPermissions.EDIT, segment):
            raise PermissionDenied
        if action == SYNC:
            services.retry_now(segment_ids=[segment.pk], at=timezone.now())
            messages.success(request, _("Sync started."))
        else:
            services.enqueue_processing()
            messages.success(request, _("Processing started."))
        return redirect("admin:segments_segment_change", segment.pk)


def format_dates(segment: Segment) -> str:
    """Return the dates of a segment in the time zone of its brand."""
    return format_period(segment.start_date, segment.end_date, segment.brand.timezone)


def promotion_link(segment: Segment) -> str:
    """Return a link to the promotion of a segment, or an empty string if the internal API requested the segment."""
    if segment.promotion_id is None:
        return ""
    url = reverse("admin:promotions_promotion_change", args=[segment.promotion_id])
    return format_html('<a class="pp-link" href="{}">{}</a>', url, _("Promotion"))


def details(segment: Segment) -> list[tuple[str, str]]:
    """Return the rows of the details section: label and value."""
    zone = segment.brand.timezone
    rows = [
        (_("Dates"), f"{format_dates(segment)} ({zone})"),
        (_("Requested"), format_datetime(segment.created_at, zone)),
        (_("Populated"), format_datetime(segment.filled_at, zone)),
        (_("Slot limit"), str(segment.slot_limit or EMPTY_VALUE)),
    ]
    if segment.external_id:
        rows.append((_("External ID"), segment.external_id))
    if segment.deleted_at:
        rows.append((_("Ended early"), format_datetime(segment.deleted_at, zone)))
    if segment.state not in SLOT_HOLDING_STATES and segment.slot_limit is not None:
        rows.append((_("Slots"), _("none") if segment.state == State.EMPTY else _("released")))
    return rows
