"""Admin page of the pricing settings of brands."""

from django.contrib import admin
from django.db.models import Model
from django.http import HttpRequest

from backoffice.base.admin import BrandScopedAdmin
from pricing.profile import OPTIONS
from promotions.models import PricingProfile


@admin.register(PricingProfile)
class PricingProfileAdmin(BrandScopedAdmin):
    """The pricing settings of brands. A brand without a profile has the defaults."""

    list_display = ("brand", "rounding", "round_on", "remainder", "percent_base", "free_units", "budget_overrun")
    list_select_related = ("brand",)
    ordering = ("brand",)
    fields = ("brand", *OPTIONS)

    def get_readonly_fields(self, request: HttpRequest, obj: Model | None = None) -> tuple[str, ...]:
        return () if obj is None else ("brand",)
