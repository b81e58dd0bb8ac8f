"""Admin pages of discount rules. A rule that a code has can't change, except for its name."""

from typing import Any

from django.contrib import admin
from django.db.models import Model
from django.http import HttpRequest
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display

from backoffice.base.admin import BrandScopedAdmin, has_multiple_brands
from backoffice.base.changelists import AnnotatedChangeList, EstimatingPaginator
from backoffice.base.filters import BrandFilter
from backoffice.base.formatting import EMPTY_VALUE, format_datetime, format_number, humanize_pair
from backoffice.brand_selection import BrandCreateMixin
from discounts.admin.forms import CONDITIONAL_FIELDS, RenameRuleForm, RuleForm
from discounts.models import DiscountRule
from discounts.selectors.codes import count_codes_by_rule, has_codes

TERM_LABELS = {
    "min_subtotal": _("min. %(value)s"),
    "max_subtotal": _("max. %(value)s"),
    "subtotal_equals": _("exactly %(value)s"),
    "min_quantity": _("min. %(value)s items"),
    "min_line_quantity": _("min. %(value)s of one product"),
    "nth_order": _("order no. %(value)s"),
}


def describe_terms(terms: dict[str, Any]) -> str:
    """Return the terms of a rule as phrases, separated by semicolons."""
    phrases = []
    for condition in terms.get("conditions", []):
        kind, options = condition["kind"], {name: value for name, value in condition.items() if name != "kind"}
        label = TERM_LABELS.get(kind)
        phrases.append(label % {"value": options.get("value")} if label else humanize_pair(kind, options))
    phrases += [humanize_pair(name, value) for name, value in terms.items() if name != "conditions"]
    return "; ".join(phrases) or gettext("none")


class RuleList(AnnotatedChangeList):
    """Page of rules with the number of their codes."""

    def annotate(self, rows: list[Any]) -> None:
        counts = count_codes_by_rule([rule.pk for rule in rows])
        for rule in rows:
            rule.code_count = counts.get(rule.pk, 0)


@admin.register(DiscountRule)
class DiscountRuleAdmin(BrandCreateMixin, BrandScopedAdmin):
    """Discount rules of brands."""

    creation_form = RuleForm
    list_filter = (BrandFilter,)
    list_select_related = ("brand",)
    search_fields = ("name",)
    search_help_text = _("Search by name")
    ordering = ("-created_at",)
    list_per_page = 50
    show_full_result_count = False
    paginator = EstimatingPaginator
    add_fieldsets = ((None, {"fields": ("discount_type", "discount", "minimum", "offer", "name", "audience")}),)
    conditional_fields = CONDITIONAL_FIELDS
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
        return not (isinstance(obj, DiscountRule) and has_codes(obj))

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        return {name: action for name, action in super().get_actions(request).items() if name != "delete_selected"}

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        if obj is not None:
            kwargs["form"] = RenameRuleForm
        return super().get_form(request, obj, change=change, **kwargs)

    def save_model(self, request: HttpRequest, obj: Model, form: Any, change: bool) -> None:
        """Do nothing: the form has called the service."""

    @display(description=_("Rule"), ordering="name")
    def title(self, rule: DiscountRule) -> str:
        return str(rule)

    @display(description=_("Discount"), label=True, ordering="discount")
    def percentage(self, rule: DiscountRule) -> str:
        return rule.summary

    @display(description=_("Audience"))
    def audience_label(self, rule: DiscountRule) -> str:
        return rule.audience.replace("_", " ") or gettext("everyone")

    @display(description=_("Conditions"))
    def conditions(self, rule: DiscountRule) -> str:
        return describe_terms(rule.terms) if rule.offer is None else EMPTY_VALUE

    @display(description=_("Codes"))
    def codes(self, rule: Any) -> str:
        return format_number(rule.code_count)

    @display(description=_("Created"))
    def created(self, rule: DiscountRule) -> str:
        return format_datetime(rule.created_at, rule.brand.timezone)
