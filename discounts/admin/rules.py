"""The admin's pages of discount rules. What a code has made use of does not change behind its back."""

from typing import Any

from django.contrib import admin
from django.db.models import Count, Model
from django.http import HttpRequest
from unfold.decorators import display

from backoffice.base.admin import AnnotatedChangeList, BrandScopedAdmin, EstimatingPaginator, has_multiple_brands
from backoffice.base.filters import BrandFilter
from backoffice.base.formatting import format_datetime, humanize_pair
from backoffice.brand_selection import BrandCreateMixin
from discounts.admin.forms import RuleForm
from discounts.models import DiscountCode, DiscountRule

TERM_LABELS = {
    "min_subtotal": "from {value}",
    "max_subtotal": "up to {value}",
    "subtotal_equals": "for exactly {value}",
    "min_quantity": "from {value} units",
    "min_line_quantity": "from {value} units of one line",
    "nth_order": "on order number {value}",
}


def describe_terms(terms: dict[str, Any]) -> str:
    """A rule's terms, a phrase each."""
    phrases = []
    for condition in terms.get("conditions", []):
        if words := TERM_LABELS.get(condition["kind"]):
            phrases.append(words.format(value=condition.get("value")))
        else:
            phrases.append(humanize_pair(condition["kind"], {k: v for k, v in condition.items() if k != "kind"}))
    phrases += [humanize_pair(name, value) for name, value in terms.items() if name != "conditions"]
    return "; ".join(phrases) or "none"


class RuleList(AnnotatedChangeList):
    """A page of rules, each with how many codes it has."""

    def count(self, rows: list[Any]) -> None:
        codes = DiscountCode.objects.filter(rule__in=[rule.pk for rule in rows]).order_by()
        counted = dict(codes.values_list("rule_id").annotate(codes=Count("pk")))
        for rule in rows:
            rule.code_count = counted.get(rule.pk, 0)


@admin.register(DiscountRule)
class DiscountRuleAdmin(BrandCreateMixin, BrandScopedAdmin):
    """A brand's rules: once a code has one, only its name can change."""

    made_with = RuleForm
    list_filter = (BrandFilter,)
    list_select_related = ("brand",)
    search_fields = ("name",)
    ordering = ("-created_at",)
    list_per_page = 50
    show_full_result_count = False
    paginator = EstimatingPaginator
    add_fieldsets = ((None, {"fields": ("discount", "name", "audience", "minimum")}),)
    fieldsets = ((None, {"fields": ("name", "brand", "percentage", "audience_label", "conditions", "created")}),)
    readonly_fields = ("brand", "percentage", "audience_label", "conditions", "created")

    def get_list_display(self, request: HttpRequest) -> tuple[str, ...]:
        brand = ("brand",) if has_multiple_brands(request) else ()
        return ("title", "percentage", *brand, "audience_label", "conditions", "codes")

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[AnnotatedChangeList]:
        return RuleList

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        if not super().has_delete_permission(request, obj):
            return False
        return obj is None or not DiscountCode.objects.filter(rule_id=obj.pk).exists()

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        return {name: found for name, found in super().get_actions(request).items() if name != "delete_selected"}

    def save_model(self, request: HttpRequest, obj: Model, form: Any, change: bool) -> None:
        if change:  # otherwise the form's service has made it
            super().save_model(request, obj, form, change)

    @display(description="rule", ordering="name")
    def title(self, rule: DiscountRule) -> str:
        return str(rule)

    @display(description="discount", label=True, ordering="discount")
    def percentage(self, rule: DiscountRule) -> str:
        return f"{rule.discount} %"

    @display(description="for whom")
    def audience_label(self, rule: DiscountRule) -> str:
        return rule.audience.replace("_", " ") or "everyone"

    @display(description="conditions")
    def conditions(self, rule: DiscountRule) -> str:
        return describe_terms(rule.terms)

    @display(description="codes")
    def codes(self, rule: Any) -> str:
        return f"{rule.code_count:,}"

    @display(description="made")
    def created(self, rule: DiscountRule) -> str:
        return format_datetime(rule.created_at, rule.brand.timezone)
