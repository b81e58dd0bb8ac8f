"""Admin pages of usage notifications and digests."""

from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display

from backoffice.base.admin import ReadOnlyAdminMixin, list_brand_ids
from backoffice.base.formatting import format_amount, format_datetime
from core.permissions import BrandPermissions
from discounts import selectors
from discounts.emails import USAGE_DIGEST
from discounts.models import UsageNotification

MAX_DIGESTS = 10


@admin.register(UsageNotification)
class UsageNotificationAdmin(ReadOnlyAdminMixin):
    """Redemptions for the next usage digest, and the latest digests."""

    list_display = ("code", "redeemed", "subtotal", "discount_shown")
    list_select_related = ("brand",)
    ordering = ("-pk",)
    list_before_template = "admin/discounts/digests.html"
    fields = ("code", "redeemed", "subtotal", "discount_shown")

    def changelist_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if not self.has_view_permission(request):
            raise PermissionDenied
        brand_ids = list_brand_ids(request, BrandPermissions.READ)
        mailings = selectors.list_digests(brand_ids=brand_ids, mail_type=USAGE_DIGEST, limit=MAX_DIGESTS)
        digests = [
            {
                "brand": mailing.sender_name,
                "created_at": mailing.created_at,
                "redemptions": mailing.data.get("total", 0),
                "status": mailing.get_status_display(),
            }
            for mailing in mailings
        ]
        return super().changelist_view(request, {"digests": digests})

    @display(description=_("Redeemed"))
    def redeemed(self, row: UsageNotification) -> str:
        return format_datetime(row.redeemed_at, row.brand.timezone)

    @display(description=_("Subtotal"))
    def subtotal(self, row: UsageNotification) -> str:
        return format_amount(row.amount, row.currency)

    @display(description=_("Discount"))
    def discount_shown(self, row: UsageNotification) -> str:
        return format_amount(row.discount_amount, row.currency)
