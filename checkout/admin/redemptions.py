"""The admin's pages of redemptions: what each order took, readable without knowing how it is kept."""

import uuid
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import Exists, Model, OuterRef, Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_safe
from unfold.decorators import display

from accounts.models import Brand
from accounts.selectors import customer_key
from backoffice.base.admin import ReadOnlyAdminMixin, has_multiple_brands, list_brand_ids
from backoffice.base.filters import BrandFilter, StatusFilter
from backoffice.base.formatting import format_amount, format_datetime
from checkout import rules, selectors
from checkout.admin import cart_simulator, explanations
from checkout.models import Redemption, RedemptionItem, Status
from core import ids, money
from core.permissions import BrandPermissions

LABELS = {
    Status.RESERVED: "info",
    Status.CONFIRMED: "success",
    Status.CANCELED: "warning",
    Status.EXPIRED: "warning",
    Status.REFUNDED: "danger",
}
KINDS = {"discount_code": "discount code"}
WINDOW = timedelta(days=90)


class RedemptionStatusFilter(StatusFilter):
    """A filter by status, among the newest redemptions: a rare status is not looked for in the whole table."""

    title = _("status, last 90 days")  # WINDOW
    statuses = Status.choices

    def get_condition(self, status: str, at: datetime) -> Q:
        return Q(status=status, pk__gte=ids.min_uuid7_at(at - WINDOW))


class SourceFilter(admin.SimpleListFilter):
    """Who asked for it: the brand's own server, or a shopper with the brand's offers alone."""

    title, parameter_name = "asked for by", "by"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("shopper", "Shoppers themselves")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Redemption]) -> QuerySet[Redemption]:
        return queryset  # the admin's own queryset reads it: it decides which index leads


@admin.register(Redemption)
class RedemptionAdmin(ReadOnlyAdminMixin):
    """Orders and what they took; confirmed, cancelled and refunded through the API, by whoever knows the order."""

    list_filter = (RedemptionStatusFilter, SourceFilter, BrandFilter)
    list_select_related = ("brand", "customer")
    search_fields = ("order",)
    search_help_text = "The whole order reference, or the whole customer id"
    ordering = ("-pk",)

    def get_list_display(self, request: HttpRequest) -> tuple[str, ...]:
        brand = ("brand",) if has_multiple_brands(request) else ()
        return ("order", "state", *brand, "customer", "subtotal_shown", "discount_shown", "total_shown", "created")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Redemption]:
        brands = list_brand_ids(request, BrandPermissions.READ)
        rows = Redemption.objects.order_by("-pk")
        if request.GET.get("by") == "shopper":
            return rows.filter(redemptions_of_shoppers(brands))
        return rows if brands is None else rows.filter(brand__in=brands)

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Redemption | None:
        """The redemption when it is the brand's, whoever asked for it."""
        brands = list_brand_ids(request, BrandPermissions.READ)
        try:
            pk = uuid.UUID(object_id)
        except ValueError:
            return None
        rows = Redemption.objects.select_related("brand", "customer")
        if brands is not None:
            rows = rows.filter(Q(brand__in=brands) | redemptions_of_shoppers(brands))
        return rows.filter(pk=pk).first()

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Redemption], search_term: str
    ) -> tuple[QuerySet[Redemption], bool]:
        term = search_term.strip()
        if not term:
            return queryset, False
        customer = customer_key(term)
        brands = (
            list(Brand.objects.values_list("pk", flat=True))
            if request.user.is_superuser
            else list_brand_ids(request, BrandPermissions.READ)
        )
        return queryset.filter(
            Q(order=term, brand__in=brands) | Q(order=term, brand=None) | Q(customer=customer)
        ), False

    def has_view_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return self.has_brand_permission(request, BrandPermissions.READ)  # which ones, the queryset says

    @display(description="state", label=LABELS, ordering="status")
    def state(self, redemption: Redemption) -> str:
        return redemption.status

    @display(description="before discounts")
    def subtotal_shown(self, redemption: Redemption) -> str:
        return format_amount(redemption.subtotal, redemption.currency)

    @display(description="taken off")
    def discount_shown(self, redemption: Redemption) -> str:
        return format_amount(redemption.discount_total, redemption.currency)

    @display(description="total")
    def total_shown(self, redemption: Redemption) -> str:
        return format_amount(redemption.total, redemption.currency)

    @display(description="asked", ordering="-pk")
    def created(self, redemption: Redemption) -> str:
        return format_datetime(redemption.created_at, timezone_of(redemption))

    def get_urls(self) -> list[URLPattern]:
        wrap = self.admin_site.admin_view
        return [
            path("try/", wrap(cart_simulator.page), name="checkout_try"),
            path("<uuid:pk>/why/", wrap(require_safe(self.explanation_view)), name="checkout_redemption_why"),
            *super().get_urls(),
        ]

    def explanation_view(self, request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
        """Why an order cost what it cost, by the record that was kept of it."""
        found = self.get_object(request, str(pk))
        if found is None:
            raise Http404
        context = {
            **self.admin_site.each_context(request),
            "title": f"Why order {found.order} cost what it cost",
            "opts": self.opts,
            **explanation_link(found, list_brand_ids(request, BrandPermissions.READ)),
        }
        return TemplateResponse(request, "admin/checkout/price_explanation.html", context)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """One redemption, as a page to read."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        found = self.get_object(request, object_id)
        if found is None:
            raise Http404
        context = {
            **self.admin_site.each_context(request),
            "title": f"Order {found.order}",
            "opts": self.opts,
            "state": (found.get_status_display(), LABELS[Status(found.status)]),
            **described(found),
        }
        return TemplateResponse(request, "admin/checkout/redemption.html", context)


def explanation_link(found: Redemption, brands: list[Any] | None) -> dict[str, Any]:
    """The decision of a redemption made again from its record: what these brands' offers needed and saw."""
    shown = {"redemption": found, "decided": format_datetime(found.created_at, timezone_of(found))}
    try:
        quote = rules.load_record(found.cart, found.record, found.created_at)
    except (KeyError, TypeError, ValueError):
        return shown | {"unreadable": True}
    total = quote.decision.total
    return shown | {
        "explained": explanations.rows(explanations.filter_by_brand(quote, brands), found.currency),
        "drifted": "" if total == found.total else format_amount(total, found.currency),
    }


def redemptions_of_shoppers(brands: list[Any] | None) -> Q:
    """Redemptions that shoppers brought themselves and that took these brands' offers and nobody else's."""
    items = RedemptionItem.objects.filter(redemption=OuterRef("pk"))
    if brands is None:
        return Q(brand=None)
    return Q(Exists(items.filter(brand__in=brands)), ~Exists(items.exclude(brand__in=brands)), brand=None)


def timezone_of(redemption: Redemption) -> str:
    """The time zone in which the redemption is read: its brand's."""
    return redemption.brand.timezone if redemption.brand else "UTC"


def described(redemption: Redemption) -> dict[str, Any]:
    """What the page of a redemption shows: values ready to read."""
    quote, currency = redemption.quote, redemption.currency
    item = redemption.items.select_related("brand").order_by("position").first() if redemption.brand is None else None
    zone = item.brand.timezone if item else timezone_of(redemption)
    times = [
        ("Asked", redemption.created_at),
        ("Held until", redemption.expires_at),
        ("Confirmed", redemption.confirmed_at),
        ("Closed", redemption.closed_at),
    ]
    return {
        "redemption": redemption,
        "zone": zone,
        "times": [(name, format_datetime(instant, zone)) for name, instant in times if instant],
        "sums": [
            ("Before discounts", format_amount(redemption.subtotal, currency)),
            ("Taken off", format_amount(redemption.discount_total, currency)),
            ("Shipping", _read(quote.get("shipping"), currency)),
            ("Total", format_amount(redemption.total, currency)),
        ],
        "lines": _lines(redemption),
        "applied": [
            {
                "kind": KINDS.get(applied["kind"], applied["kind"]),
                "code": applied.get("code", ""),
                "title": applied["title"],
                "amount": _read(applied["amount"], currency),
                "shares": ", ".join(f"{share['id']}: {_read(share['amount'], currency)}" for share in applied["lines"]),
            }
            for applied in quote.get("applied", [])
        ],
        "rejected": [
            {"code": refused["code"], "reason": _reason(refused["reason"])} for refused in quote.get("rejected", [])
        ],
        "gifts": [f"{gift['quantity']} of {gift['sku']}" for gift in quote.get("gifts", [])],
    }


def _lines(redemption: Redemption) -> list[dict[str, Any]]:
    sent = {line["id"]: line for line in redemption.cart.get("lines", [])}
    refunded, currency = selectors.refunded_lines(redemption), redemption.currency
    return [
        {
            "id": line["id"],
            "sku": sent.get(line["id"], {}).get("sku", ""),
            "quantity": sent.get(line["id"], {}).get("quantity", ""),
            "subtotal": _read(line["subtotal"], currency),
            "discount": _read(line["discount"], currency),
            "total": _read(line["total"], currency),
            "refunded": line["id"] in refunded,
        }
        for line in redemption.quote.get("lines", [])
    ]


def _read(text: str | None, currency: str) -> str:
    return format_amount(money.parse(text, currency) if text is not None else None, currency)


def _reason(reason: Mapping[str, Any]) -> str:
    more = [f"{name.replace('_', ' ')} {value}" for name, value in reason.items() if name not in ("code", "detail")]
    return str(reason["detail"]) + (f" ({'; '.join(more)})" if more else "")
