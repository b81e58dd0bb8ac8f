"""The admin's page of audiences: which the data platform sent, how large they are now."""

from typing import Any

from django.contrib import admin
from django.db.models import Count, Model
from django.http import HttpRequest
from unfold.decorators import display

from promoplatform.kernel import pages
from promoplatform.kernel.admin import BrandScopedAdmin, EstimatingPaginator
from segments.models import Audience, AudienceMember


class AudienceList(pages.CountedList):
    """A page of audiences with their sizes."""

    def count(self, rows: list[Any]) -> None:
        members = AudienceMember.objects.filter(audience__in=[audience.pk for audience in rows])
        sizes = dict(members.values_list("audience_id").annotate(size=Count("customer_id")))
        for audience in rows:
            audience.size = sizes.get(audience.pk, 0)


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

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[pages.CountedList]:
        return AudienceList

    @display(description="audience", ordering="segment_type")
    def name(self, audience: Audience) -> str:
        return audience.segment_type.replace("_", " ")

    @display(description="customers now")
    def members(self, audience: Any) -> str:
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
