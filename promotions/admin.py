"""The admin's pages of promotions: what runs when and gives what. They are written through the API, switched here."""

from typing import Any

from django.contrib import admin, messages
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.html import format_html_join
from unfold.decorators import display

from promoplatform.kernel import pages
from promoplatform.kernel.admin import BrandScopedAdmin, EstimatingPaginator
from promoplatform.kernel.errors import Refusal
from promoplatform.kernel.rights import Rights
from promotions import services
from promotions.engine.profile import OPTIONS
from promotions.models import PricingProfile, Promotion, Status

STATES = {
    Status.DRAFT: "info",
    Status.SCHEDULED: "primary",
    Status.ACTIVE: "success",
    Status.ACTIVE_WITHOUT_AUDIENCE: "warning",
    Status.ENDED: "info",
    Status.DEACTIVATED: "danger",
}
LIMITS = (
    ("limit_total", "in all"),
    ("limit_per_user", "a shopper"),
    ("limit_per_day", "a day"),
    ("limit_per_week", "a week"),
    ("limit_per_month", "a month"),
)


class StatusFilter(admin.SimpleListFilter):
    """By status."""

    title, parameter_name = "status", "status"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(status.value, str(status.label)) for status in Status]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Promotion]) -> QuerySet[Promotion]:
        return queryset.filter(status=self.value()) if self.value() in Status.values else queryset


@admin.register(Promotion)
class PromotionAdmin(BrandScopedAdmin):
    """A brand's promotions, the newest first."""

    list_filter = (StatusFilter, pages.BrandFilter)
    list_select_related = ("brand",)
    search_fields = ("name",)
    ordering = ("-pk",)
    list_per_page = 50
    show_full_result_count = False
    paginator = EstimatingPaginator
    actions = ("activate", "deactivate")
    fields = (
        "name",
        "description",
        "state",
        "from_to",
        "whom",
        "trigger",
        "conditions",
        "benefits",
        "most",
        "priority",
    )

    def get_list_display(self, request: HttpRequest) -> tuple[str, ...]:
        brand = ("brand",) if pages.works_for_several(request) else ()
        return ("name", "state", *brand, "from_to", "whom", "trigger", "most")

    def has_add_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_edit_permission(self, request: HttpRequest) -> bool:
        return self.may(request, Rights.EDIT)

    @display(description="status", label=STATES, ordering="status")
    def state(self, promotion: Promotion) -> tuple[str, str]:
        return promotion.status, promotion.get_status_display()

    @display(description="from and to", ordering="start_date")
    def from_to(self, promotion: Promotion) -> str:
        zone = promotion.brand.timezone
        return f"{pages.local(promotion.start_date, zone)} to {pages.local(promotion.end_date, zone)}"

    @display(description="for whom")
    def whom(self, promotion: Promotion) -> str:
        return promotion.target_audience.replace("_", " ") or "everyone"

    @display(description="at most")
    def most(self, promotion: Promotion) -> str:
        limits = [f"{limit:,} {word}" for name, word in LIMITS if (limit := getattr(promotion, name)) is not None]
        if promotion.budget is not None:
            limits.append(f"{pages.amount(promotion.budget, promotion.currency)} of discount")
        return ", ".join(limits) or "no limit"

    @display(description="conditions")
    def conditions(self, promotion: Promotion) -> str:
        return _list(promotion.offer.get("conditions", [])) or "none"

    @display(description="benefits")
    def benefits(self, promotion: Promotion) -> str:
        return _list(promotion.offer.get("benefits", []))

    @admin.action(description="Activate", permissions=["edit"])
    def activate(self, request: HttpRequest, queryset: QuerySet[Promotion]) -> None:
        for promotion in self.scoped(queryset, request, Rights.EDIT):
            try:
                services.activate(promotion=promotion, at=timezone.now())
            except Refusal as refusal:
                messages.error(request, f"{promotion}: {refusal.detail}")
            else:
                messages.success(request, f"{promotion} is activated.")

    @admin.action(description="Deactivate", permissions=["edit"])
    def deactivate(self, request: HttpRequest, queryset: QuerySet[Promotion]) -> None:
        for promotion in self.scoped(queryset, request, Rights.EDIT):
            try:
                services.deactivate(promotion=promotion)
            except Refusal as refusal:
                messages.error(request, f"{promotion}: {refusal.detail}")
            else:
                messages.success(request, f"{promotion} is deactivated.")


def _list(parts: list[dict[str, Any]]) -> str:
    """Parts of an offer, a line each."""
    told = [
        pages.phrase(part["kind"], {name: value for name, value in part.items() if name != "kind"}) for part in parts
    ]
    return format_html_join("", "<div>{}</div>", ((line,) for line in told))


@admin.register(PricingProfile)
class PricingProfileAdmin(BrandScopedAdmin):
    """How a brand wants its prices worked out; a brand without a profile has the defaults."""

    list_display = ("brand", "rounding", "round_on", "remainder", "percent_base", "free_units", "budget_overrun")
    list_select_related = ("brand",)
    ordering = ("brand",)
    fields = ("brand", *OPTIONS)

    def get_readonly_fields(self, request: HttpRequest, obj: Model | None = None) -> tuple[str, ...]:
        return () if obj is None else ("brand",)
