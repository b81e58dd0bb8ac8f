"""The admin's pages of segments: which there are, how far each is, and why one waits."""

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
from django.views.decorators.http import require_POST, require_safe
from unfold.decorators import display

from backoffice.base.admin import BrandScopedAdmin, EstimatingPaginator, has_multiple_brands
from backoffice.base.filters import BrandFilter, StatusFilter
from backoffice.base.formatting import EMPTY_VALUE, format_datetime, format_period
from core.permissions import BrandPermissions
from segments import services
from segments.admin import metrics, slot_usage
from segments.models import SLOT_HOLDING_STATES, Audience, Segment, State

STATES = {
    State.SCHEDULED: "primary",
    State.FILLING: "info",
    State.SYNCING: "info",
    State.ACTIVE: "success",
    State.EMPTY: "warning",
    State.RELEASING: "info",
    State.EXPIRED: "info",
    State.DELETED: "danger",
}


class SegmentStatusFilter(StatusFilter):
    """A filter by the stored status."""

    statuses = State.choices
    field_name = "state"


@admin.register(Segment)
class SegmentAdmin(BrandScopedAdmin):
    """A brand's segments, the newest first. They follow promotions, or services of the platform: nobody writes them."""

    list_filter = (SegmentStatusFilter, BrandFilter)
    list_select_related = ("brand",)
    search_fields = ("segment_type",)
    ordering = ("-pk",)
    list_per_page = 50
    show_full_result_count = False
    paginator = EstimatingPaginator
    actions = None

    def get_list_display(self, request: HttpRequest) -> tuple[str, ...]:
        brand = ("brand",) if has_multiple_brands(request) else ()
        return ("name", "condition", *brand, "from_to", "audience", "members", "skipped", "promotion")

    def has_add_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    # --- columns -----------------------------------------------------------------------------------------------------
    @display(description="customers of", ordering="segment_type")
    def name(self, segment: Segment) -> str:
        return str(segment)

    @display(description="state", label=STATES, ordering="state")
    def condition(self, segment: Segment) -> tuple[str, str]:
        return segment.state, segment.get_state_display()

    @display(description="from and to", ordering="start_date")
    def from_to(self, segment: Segment) -> str:
        return period(segment)

    @display(description="audience", ordering="audience_count")
    def audience(self, segment: Segment) -> str:
        return f"{segment.audience_count:,}"

    @display(description="in it", ordering="members_count")
    def members(self, segment: Segment) -> str:
        return f"{segment.members_count:,}" if segment.slot_limit is not None else EMPTY_VALUE

    @display(description="no free slot", ordering="skipped")
    def skipped(self, segment: Segment) -> str:
        return f"{segment.skipped_count:,}" if segment.slot_limit is not None else EMPTY_VALUE

    @display(description="for")
    def promotion(self, segment: Segment) -> str:
        return promotion_link(segment) or EMPTY_VALUE

    # --- the page of one segment -------------------------------------------------------------------------------------
    def get_urls(self) -> list[URLPattern]:
        wrap = self.admin_site.admin_view
        return [
            path("slots/", wrap(require_safe(slot_usage.page)), name="segments_slots"),
            path("<uuid:pk>/<str:verb>/now/", wrap(require_POST(self.run_now)), name="segments_segment_now"),
            *super().get_urls(),
        ]

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """A segment: its numbers, how far it is, what it waits for, and the button that tries again."""
        found = self.get_object(request, object_id)
        if found is None or not self.has_view_permission(request, found):
            raise Http404
        if request.method == "POST":
            raise PermissionDenied  # there is nothing to be written
        at = timezone.now()
        shown = self.admin_site.each_context(request) | {
            "title": f"Segment of {found}", "opts": self.opts, "segment": found, "brand": found.brand,
            "state": (found.get_state_display(), STATES[State(found.state)]), "facts": details(found),
            "cards": metrics.metric_cards(found, at), "may_edit": self.has_brand_permission(request, BrandPermissions.EDIT, found),
            "promotion": promotion_link(found),
            "audience": Audience.objects.filter(brand=found.brand, segment_type=found.segment_type).first(),
        }  # fmt: skip
        return TemplateResponse(request, "admin/segments/segment.html", shown | metrics.progress(found, at))

    def run_now(self, request: HttpRequest, pk: uuid.UUID, verb: str) -> HttpResponse:
        """The buttons for whoever does not want to wait for the next sweep."""
        found = self.get_object(request, str(pk))
        if found is None or verb not in ("tell", "work"):
            raise Http404
        if not self.has_brand_permission(request, BrandPermissions.EDIT, found):
            raise PermissionDenied
        if verb == "tell":
            services.retry_now(segment_ids=[found.pk], at=timezone.now())
            messages.success(request, "It is told again now.")
        else:
            services.enqueue_processing()
            messages.success(request, "The queue is worked on now.")
        return redirect("admin:segments_segment_change", found.pk)


def period(segment: Segment) -> str:
    """From when to when, in the brand's time zone."""
    return format_period(segment.start_date, segment.end_date, segment.brand.timezone)


def promotion_link(segment: Segment) -> str:
    """A link to the promotion that it is for; empty for one that a service of the platform asked for."""
    if segment.promotion_id is None:
        return ""
    page = reverse("admin:promotions_promotion_change", args=[segment.promotion_id])
    return format_html('<a class="pp-link" href="{}">its promotion</a>', page)


def details(segment: Segment) -> list[tuple[str, str]]:
    """What the page says of a segment below its numbers."""
    zone = segment.brand.timezone
    known = [
        ("When", f"{period(segment)} ({zone})"),
        ("Asked for", format_datetime(segment.created_at, zone)),
        ("Filled", format_datetime(segment.filled_at, zone)),
        ("Slots a customer had then", str(segment.slot_limit or EMPTY_VALUE)),
    ]
    if segment.external_id:
        known.append(("Known outside as", segment.external_id))
    if segment.deleted_at:
        known.append(("Ended before its time", format_datetime(segment.deleted_at, zone)))
    if segment.state not in SLOT_HOLDING_STATES and segment.slot_limit is not None:
        known.append(("Slots", "all free again" if segment.state != State.EMPTY else "took none"))
    return known
