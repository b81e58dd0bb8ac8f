"""Admin pages of redemptions: the list, one redemption, and the explanation of its price."""

import uuid
from datetime import datetime, timedelta
from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import Model, Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_safe
from unfold.decorators import display

from backoffice.base.admin import ReadOnlyAdminMixin, has_multiple_brands, list_brand_ids
from backoffice.base.filters import BrandFilter, StatusFilter
from backoffice.base.formatting import format_amount, format_datetime
from backoffice.base.kinds import KIND_LABELS
from checkout import price_records, selectors
from checkout.admin import cart_simulator, explanations
from checkout.errors import PriceRecordUnreadable
from checkout.models import Redemption
from checkout.refunds import LineState
from core import ids
from core.permissions import BrandPermissions
from redemptions.statuses import RedemptionStatus

LABELS = {
    RedemptionStatus.RESERVED: "info",
    RedemptionStatus.CONFIRMED: "success",
    RedemptionStatus.RELEASED: "warning",
    RedemptionStatus.EXPIRED: "warning",
    RedemptionStatus.PARTIALLY_RETURNED: "warning",
    RedemptionStatus.RETURNED: "danger",
}
STATUS_WINDOW = timedelta(days=90)


class RedemptionStatusFilter(StatusFilter):
    """A filter by status among recent redemptions: a rare status isn't searched for in the whole table."""

    title = _("status (last 90 days)")  # STATUS_WINDOW
    statuses = RedemptionStatus.choices

    def get_condition(self, status: str, at: datetime) -> Q:
        return Q(status=status, pk__gte=ids.min_uuid7_at(at - STATUS_WINDOW))


class SourceFilter(admin.SimpleListFilter):
    """A filter by source: the brand's server, or shoppers with offers of the brand alone."""

    title, parameter_name = _("source"), "by"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("shopper", gettext("Storefront"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Redemption]) -> QuerySet[Redemption]:
        return queryset  # RedemptionAdmin.get_queryset applies it, because it determines the index to use


@admin.register(Redemption)
class RedemptionAdmin(ReadOnlyAdminMixin):
    """Redemptions, read-only: servers confirm, cancel and refund them through the API."""

    list_filter = (RedemptionStatusFilter, SourceFilter, BrandFilter)
    list_select_related = ("brand", "customer")
    search_fields = ("order",)
    search_help_text = _("Search by exact order reference or customer ID")
    ordering = ("-pk",)

    def get_list_display(self, request: HttpRequest) -> tuple[str, ...]:
        brand = ("brand",) if has_multiple_brands(request) else ()
        return (
            "order",
            "status_label",
            *brand,
            "customer",
            "subtotal_label",
            "discount_label",
            "total_label",
            "created",
        )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Redemption]:
        return selectors.list_for_staff(
            brand_ids=list_brand_ids(request, BrandPermissions.READ),
            is_from_shoppers=request.GET.get("by") == "shopper",
        )

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Redemption | None:
        """Return the redemption if it belongs to the user's brands, also one that a shopper sent."""
        try:
            pk = uuid.UUID(object_id)
        except ValueError:
            return None
        return selectors.find_for_staff(pk=pk, brand_ids=list_brand_ids(request, BrandPermissions.READ))

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Redemption], search_term: str
    ) -> tuple[QuerySet[Redemption], bool]:
        term, brand_ids = search_term.strip(), list_brand_ids(request, BrandPermissions.READ)
        return (selectors.search_redemptions(queryset, term=term, brand_ids=brand_ids) if term else queryset), False

    def has_view_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return self.has_brand_permission(request, BrandPermissions.READ)  # get_object checks the redemption itself

    @display(description=_("status"), label=LABELS, ordering="status")
    def status_label(self, redemption: Redemption) -> tuple[str, str]:
        return redemption.status, redemption.get_status_display()

    @display(description=_("subtotal"))
    def subtotal_label(self, redemption: Redemption) -> str:
        return format_amount(redemption.subtotal, redemption.currency)

    @display(description=_("discount"))
    def discount_label(self, redemption: Redemption) -> str:
        return format_amount(redemption.discount_total, redemption.currency)

    @display(description=_("total"))
    def total_label(self, redemption: Redemption) -> str:
        return format_amount(redemption.total, redemption.currency)

    @display(description=_("requested"), ordering="-pk")
    def created(self, redemption: Redemption) -> str:
        return format_datetime(redemption.created_at, redemption.brand.timezone if redemption.brand else "UTC")

    def get_urls(self) -> list[URLPattern]:
        wrap = self.admin_site.admin_view
        return [
            path("try/", wrap(cart_simulator.page), name="checkout_try"),
            path("<uuid:pk>/why/", wrap(require_safe(self.explanation_view)), name="checkout_redemption_why"),
            *super().get_urls(),
        ]

    def explanation_view(self, request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
        """Show the explanation of an order's price from its price record."""
        redemption = self._get_or_404(request, str(pk))
        context = {
            **self.admin_site.each_context(request),
            "title": gettext("Price explanation for order %(order)s") % {"order": redemption.order},
            "opts": self.opts,
            **build_explanation(redemption, list_brand_ids(request, BrandPermissions.READ)),
        }
        return TemplateResponse(request, "admin/checkout/price_explanation.html", context)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Show one redemption."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        redemption = self._get_or_404(request, object_id)
        context = {
            **self.admin_site.each_context(request),
            "title": gettext("Order %(order)s") % {"order": redemption.order},
            "opts": self.opts,
            **build_context(redemption),
        }
        return TemplateResponse(request, "admin/checkout/redemption.html", context)

    def _get_or_404(self, request: HttpRequest, object_id: str) -> Redemption:
        redemption = self.get_object(request, object_id)
        if redemption is None:
            raise Http404
        return redemption


def build_explanation(redemption: Redemption, brand_ids: list[Any] | None) -> dict[str, Any]:
    """Return the repeated decision about a redemption, restricted to these brands' offers, for the template."""
    currency = redemption.currency
    zone = selectors.get_timezone(redemption)
    context = {"redemption": redemption, "priced_at": format_datetime(redemption.created_at, zone)}
    try:
        quote = selectors.get_decision(redemption)
    except PriceRecordUnreadable:
        return context | {"is_unreadable": True}
    total = quote.decision.total
    return context | {
        "explanations": explanations.rows(explanations.filter_by_brand(quote, brand_ids), currency),
        "new_total": "" if total == redemption.total else format_amount(total, currency),
    }


def build_context(redemption: Redemption) -> dict[str, Any]:
    """Return a redemption in the form that the template shows."""
    quote, currency = price_records.load_quote(redemption.quote, redemption.record), redemption.currency
    zone = selectors.get_timezone(redemption)
    times = [
        (gettext("Requested"), redemption.created_at),
        (gettext("Reserved until"), redemption.expires_at),
        (gettext("Confirmed"), redemption.confirmed_at),
        (gettext("Amended"), redemption.amended_at),
        (gettext("Closed"), redemption.closed_at),
    ]

    def amount(text: str | None) -> str:
        return explanations.format_answer_amount(text, currency)

    return {
        "redemption": redemption,
        "status": (redemption.get_status_display(), LABELS[RedemptionStatus(redemption.status)]),
        "zone": zone,
        "times": [(name, format_datetime(time, zone)) for name, time in times if time],
        "confirmed_by": redemption.get_confirmed_by_display(),
        "totals": [
            (gettext("Subtotal"), format_amount(redemption.subtotal, currency)),
            (gettext("Discount"), format_amount(redemption.discount_total, currency)),
            (gettext("Shipping"), amount(quote.get("shipping"))),
            (gettext("Total"), format_amount(redemption.total, currency)),
        ],
        "lines": _build_lines(redemption),
        "applied": [
            {
                "kind": KIND_LABELS.get(offer["kind"], offer["kind"]),
                "code": offer.get("code", ""),
                "name": offer["name"],
                "amount": amount(offer["amount"]),
                "shares": ", ".join(f"{share['id']}: {amount(share['amount'])}" for share in offer["lines"]),
            }
            for offer in quote.get("applied", [])
        ],
        "rejected": [
            {"code": rejected["code"], "reason": explanations.describe_reason(rejected["reason"])}
            for rejected in quote.get("rejected", [])
        ],
        "gifts": explanations.format_gifts(quote.get("gifts", []), currency),
    }


def _build_lines(redemption: Redemption) -> list[dict[str, Any]]:
    cart_lines = {line["id"]: line for line in redemption.cart.get("lines", [])}
    state = selectors.get_order_state(redemption)
    return [
        {
            "id": line["id"],
            "sku": cart_lines.get(line["id"], {}).get("sku", ""),
            "quantity": cart_lines.get(line["id"], {}).get("quantity", ""),
            "returned": _describe_returned(state.lines.get(line["id"])),
        }
        | {
            name: explanations.format_answer_amount(line[name], redemption.currency)
            for name in ("subtotal", "discount", "total")
        }
        for line in redemption.quote.get("lines", [])
    ]


def _describe_returned(line: LineState | None) -> str:
    """Return a label for what refunds returned of a line, or an empty text."""
    if line is None or not (line.returned_quantity or line.returned_value):
        return ""
    if line.is_returned:
        return gettext("Returned")
    return gettext("Returned: %(count)s of %(total)s") % {"count": line.returned_quantity, "total": line.quantity}
