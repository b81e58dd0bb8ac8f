"""The admin's page of audiences: which the data platform sent, how large they are now."""

from typing import Any

from django.contrib import admin
from django.db.models import Model
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path
from unfold.decorators import display

from backoffice.base.admin import BrandScopedAdmin, EstimatingPaginator, has_multiple_brands
from backoffice.base.filters import BrandFilter
from backoffice.base.formatting import format_datetime
from core.permissions import BrandPermissions
from segments.admin import automatic_audiences
from segments.contracts import Source
from segments.models import Audience

SOURCE_LABELS = {Source.IMPORTED: "data platform and files", Source.AUTOMATIC: "computed from purchases"}


@admin.register(Audience)
class AudienceAdmin(BrandScopedAdmin):
    """Read only: the data platform's word is what counts."""

    list_filter = (BrandFilter,)
    list_select_related = ("brand",)
    search_fields = ("segment_type",)
    ordering = ("brand", "segment_type")
    list_per_page = 25
    show_full_result_count = False
    paginator = EstimatingPaginator
    actions = None
    fields = ("name", "brand", "members", "source_label", "updated")
    change_form_outer_before_template = "admin/segments/audience.html"

    def get_list_display(self, request: HttpRequest) -> tuple[str, ...]:
        brand = ("brand",) if has_multiple_brands(request) else ()
        return ("name", *brand, "members", "source_label", "updated")

    @display(description="audience", ordering="segment_type")
    def name(self, audience: Audience) -> str:
        return audience.segment_type.replace("_", " ")

    @display(description="customers now", ordering="size")
    def members(self, audience: Audience) -> str:
        return f"{audience.size:,}"

    @display(
        description="kept by",
        label={SOURCE_LABELS[Source.IMPORTED]: "info", SOURCE_LABELS[Source.AUTOMATIC]: "success"},
    )
    def source_label(self, audience: Audience) -> str:
        return SOURCE_LABELS[Source(audience.source)]

    @display(description="updated")
    def updated(self, audience: Audience) -> str:
        return format_datetime(audience.updated_at, audience.brand.timezone)

    def get_urls(self) -> list[URLPattern]:
        wrap = self.admin_site.admin_view
        return [path("computed/", wrap(automatic_audiences.page), name="segments_computed"), *super().get_urls()]

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        audience = self.get_object(request, object_id)
        shown = {
            "may_bring": audience
            and audience.source == Source.IMPORTED
            and self.has_brand_permission(request, BrandPermissions.EDIT, audience)
        }
        page: HttpResponse = super().change_view(request, object_id, form_url, shown | (extra_context or {}))
        return page

    def has_add_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False
