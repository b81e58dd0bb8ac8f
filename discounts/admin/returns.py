"""Admin pages of returned redemptions."""

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display

from backoffice.base.admin import ReadOnlyAdminMixin
from backoffice.base.formatting import format_amount, format_datetime
from discounts.models import UsageReturn


@admin.register(UsageReturn)
class UsageReturnAdmin(ReadOnlyAdminMixin):
    """Returned redemptions with their former values."""

    brand_path = "code__brand"
    list_display = ("code_text", "customer_text", "redeemed", "returned", "discount_shown", "returned_label")
    list_select_related = ("code__brand", "customer")
    search_fields = ("customer__customer_id",)
    search_help_text = _("Search by exact customer ID")
    ordering = ("-pk",)
    fields = ("code_text", "customer_text", "redeemed", "returned", "discount_shown", "returned_by")

    def get_queryset(self, request: HttpRequest) -> QuerySet[UsageReturn]:
        return super().get_queryset(request).select_related("code__brand", "customer")

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[UsageReturn], search_term: str
    ) -> tuple[QuerySet[UsageReturn], bool]:
        term = search_term.strip()
        return queryset.filter(customer__customer_id=term) if term else queryset, False

    @display(description=_("Code"))
    def code_text(self, row: UsageReturn) -> str:
        return row.code.code

    @display(description=_("Customer"))
    def customer_text(self, row: UsageReturn) -> str:
        return row.customer.customer_id  # plain text: only platform admins can open the page of a customer

    @display(description=_("Redeemed"))
    def redeemed(self, row: UsageReturn) -> str:
        return format_datetime(row.redeemed_at, row.code.brand.timezone)

    @display(description=_("Returned"))
    def returned(self, row: UsageReturn) -> str:
        return format_datetime(row.returned_at, row.code.brand.timezone)

    @display(description=_("Discount"))
    def discount_shown(self, row: UsageReturn) -> str:
        return format_amount(row.discount_amount, row.currency)

    @display(description=_("Returned by"))
    def returned_by(self, row: UsageReturn) -> str:
        return gettext("Order refund") if row.redemption_id else gettext("Staff")

    @display(description=_("Returned by"), label={"order": "info", "staff": "primary"})
    def returned_label(self, row: UsageReturn) -> tuple[str, str]:
        return "order" if row.redemption_id else "staff", self.returned_by(row)
