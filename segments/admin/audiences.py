"""Admin page of audiences with their sizes and sources."""

from typing import Any

from django.contrib import admin
from django.db.models import Model
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display

from backoffice.base.admin import BrandScopedAdmin, has_multiple_brands
from backoffice.base.changelists import EstimatingPaginator
from backoffice.base.filters import BrandFilter
from backoffice.base.formatting import format_datetime, format_number
from core.permissions import BrandPermissions
from segments.admin import automatic_audiences
from segments.contracts import Source
from segments.models import Audience

SOURCE_COLORS = {Source.IMPORTED.value: "info", Source.AUTOMATIC.value: "success"}


@admin.register(Audience)
class AudienceAdmin(BrandScopedAdmin):
    """Read-only list of audiences; imports, the API and purchases change them."""

    list_filter = (BrandFilter,)
    list_select_related = ("brand",)
    search_fields = ("segment_type",)
    search_help_text = _("Search by audience name")
    ordering = ("brand", "segment_type")
    list_per_page = 25
    show_full_result_count = False
    paginator = EstimatingPaginator
    actions = None
    fields = ("name", "brand", "customer_count", "source", "updated")
    change_form_outer_before_template = "admin/segments/audience.html"

    def get_list_display(self, request: HttpRequest) -> tuple[str, ...]:
        brand = ("brand",) if has_multiple_brands(request) else ()
        return ("name", *brand, "customer_count", "source_label", "updated")

    @display(description=_("audience"), ordering="segment_type")
    def name(self, audience: Audience) -> str:
        return audience.segment_type.replace("_", " ")

    @display(description=_("size"), ordering="size")
    def customer_count(self, audience: Audience) -> str:
        return format_number(audience.size)

    @display(description=_("source"), label=SOURCE_COLORS)
    def source_label(self, audience: Audience) -> tuple[str, str]:
        return audience.source, audience.get_source_display()

    @display(description=_("updated"))
    def updated(self, audience: Audience) -> str:
        return format_datetime(audience.updated_at, audience.brand.timezone)

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(automatic_audiences.automatic_audiences_view)
        return [path("automatic/", view, name="segments_automatic_audiences"), *super().get_urls()]

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        audience = self.get_object(request, object_id)
        context = {
            "can_import": audience
            and audience.source == Source.IMPORTED
            and self.has_brand_permission(request, BrandPermissions.EDIT, audience)
        }
        page: HttpResponse = super().change_view(request, object_id, form_url, context | (extra_context or {}))
        return page

    def has_add_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False
