"""Admin list of vouchers, with the action that revokes them."""

from typing import Any

from django.contrib import admin, messages
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from unfold.decorators import display

from backoffice.base.admin import BrandScopedAdmin, list_brand_ids
from backoffice.base.changelists import EstimatingPaginator
from backoffice.base.columns import datetime_column
from backoffice.base.filters import StatusFilter
from backoffice.base.formatting import EMPTY_VALUE, format_number
from core.errors import DomainError
from core.permissions import BrandPermissions
from vouchers import selectors, services
from vouchers.models import Voucher, VoucherStatus

STATUS_COLORS = {
    VoucherStatus.AVAILABLE: "success",
    VoucherStatus.RESERVED: "info",
    VoucherStatus.USED: "primary",
    VoucherStatus.EXPIRED: "warning",
    VoucherStatus.REVOKED: "danger",
}
MAX_CAMPAIGNS = 100  # latest campaigns to choose from
issued = datetime_column("created_at", gettext_lazy("issued"), brand="campaign.brand")
expires = datetime_column("expires_at", gettext_lazy("expires"), brand="campaign.brand")


class CampaignFilter(admin.SimpleListFilter):
    """A filter by campaign."""

    title, parameter_name = gettext_lazy("campaign"), "campaign"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        campaigns = selectors.list_campaigns(brand_ids=list_brand_ids(request, BrandPermissions.READ))
        return [(campaign.slug, campaign.name) for campaign in campaigns[:MAX_CAMPAIGNS]]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Voucher]) -> QuerySet[Voucher]:
        return queryset.filter(campaign__slug=self.value()) if self.value() else queryset


class VoucherStatusFilter(StatusFilter):
    """A filter by the stored status."""

    statuses = VoucherStatus.choices


@admin.register(Voucher)
class VoucherAdmin(BrandScopedAdmin):
    """The vouchers of a brand's campaigns, by campaign (newest first) and rank."""

    brand_path = "campaign__brand"
    list_display = ("rank_label", "customer_text", "campaign", "status_label", issued, expires, "reassignment")
    list_display_links = None
    list_filter = (CampaignFilter, VoucherStatusFilter)
    list_select_related = ("campaign__brand", "customer")
    search_fields = ("customer__customer_id",)
    search_help_text = gettext_lazy("Search by customer ID")
    ordering = ("-campaign", "rank")
    list_per_page = 50
    show_full_result_count = False
    paginator = EstimatingPaginator
    actions = ("revoke",)

    def has_add_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_edit_permission(self, request: HttpRequest) -> bool:
        return self.has_brand_permission(request, BrandPermissions.EDIT)

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Voucher], search_term: str
    ) -> tuple[QuerySet[Voucher], bool]:
        term = search_term.strip()
        return queryset.filter(customer__customer_id=term) if term else queryset, False

    # --- columns -----------------------------------------------------------------------------------------------------
    @display(description=gettext_lazy("rank"), ordering="rank")
    def rank_label(self, voucher: Voucher) -> str:
        return str(voucher)

    @display(description=gettext_lazy("customer"))
    def customer_text(self, voucher: Voucher) -> str:
        return voucher.customer.customer_id

    @display(description=gettext_lazy("status"), label=STATUS_COLORS, ordering="status")
    def status_label(self, voucher: Voucher) -> tuple[str, str]:
        return voucher.status, voucher.get_status_display()

    @display(description=gettext_lazy("reassigned"))
    def reassignment(self, voucher: Voucher) -> str:
        return EMPTY_VALUE if voucher.reassigned_to is None else _("Reassigned")

    # --- actions -----------------------------------------------------------------------------------------------------
    @admin.action(description=gettext_lazy("Revoke…"), permissions=["edit"])
    def revoke(self, request: HttpRequest, queryset: QuerySet[Voucher]) -> None:
        revoked = 0
        for voucher in self.filter_queryset(queryset, request, BrandPermissions.EDIT).order_by("pk"):
            try:
                services.revoke(voucher=voucher, at=timezone.now())
            except DomainError as error:
                values = {"voucher": voucher, "campaign": voucher.campaign, "error": error.detail}
                messages.error(request, _("%(voucher)s, %(campaign)s: %(error)s") % values)
            else:
                revoked += 1
        if revoked:
            text = ngettext("%(count)s voucher revoked.", "%(count)s vouchers revoked.", revoked)
            messages.success(request, text % {"count": format_number(revoked)})
