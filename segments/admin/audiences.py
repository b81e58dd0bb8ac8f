"""The admin's page of audiences: which the data platform sent, how large they are now."""

from django.contrib import admin
from django.db.models import Model
from django.http import HttpRequest
from unfold.decorators import display

from promoplatform.kernel import pages
from promoplatform.kernel.admin import BrandScopedAdmin, EstimatingPaginator
from segments.models import Audience


@admin.register(Audience)
class AudienceAdmin(BrandScopedAdmin):
    """Read only: the data platform's word is what counts."""

    list_filter = (pages.BrandFilter,)
    list_select_related = ("brand",)
    search_fields = ("segment_type",)
    ordering = ("brand", "segment_type")
    list_per_page = 25
    show_full_result_count = False
    paginator = EstimatingPaginator
    actions = None
    fields = ("name", "brand", "updated")

    def get_list_display(self, request: HttpRequest) -> tuple[str, ...]:
        brand = ("brand",) if pages.works_for_several(request) else ()
        return ("name", *brand, "members", "updated")

    @display(description="audience", ordering="segment_type")
    def name(self, audience: Audience) -> str:
        return audience.segment_type.replace("_", " ")

    @display(description="customers now", ordering="size")
    def members(self, audience: Audience) -> str:
        return f"{audience.size:,}"

    @display(description="updated")
    def updated(self, audience: Audience) -> str:
        return pages.local(audience.updated_at, audience.brand.timezone)

    def has_add_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False
