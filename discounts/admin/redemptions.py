"""Admin pages of redemptions. There may be hundreds of millions, so pages are read by key and never counted."""

import uuid
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_http_methods, require_safe
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from accounts.models import Brand
from accounts.selectors import customer_key
from backoffice.base.admin import ReadOnlyAdminMixin, list_brand_ids
from backoffice.base.csv_export import csv_response
from backoffice.base.form_fields import DateFormField
from backoffice.base.formatting import format_amount, format_datetime, local_date
from core import db, money
from core.errors import NotFound
from core.periods import end_of_day, start_of_day
from core.permissions import BrandPermissions
from discounts import selectors, services
from discounts.models import Usage
from discounts.selectors import statistics
from discounts.selectors.codes import find_code_key
from redemptions.codes.rules import CODE_FORMAT_MESSAGE, normalize_code

PAGE_SIZE = 50
MIN_YEAR, MAX_YEAR = 2000, 2200
CSV_HEADER = ("code", "customer_id", "redeemed_at", "currency", "subtotal", "discount", "status", "redemption_id")
FILTERS = ("brand", "code", "customer", "since", "until")


class RedemptionFilterForm(forms.Form):
    """Filter of the list. An invalid field shows its error, and the list is empty."""

    brand = forms.ChoiceField(label=_("Brand"), required=False, widget=UnfoldAdminSelectWidget())
    code = forms.CharField(label=_("Code"), required=False, max_length=64, widget=UnfoldAdminTextInputWidget())
    customer = forms.CharField(
        label=_("Customer ID"), required=False, max_length=100, widget=UnfoldAdminTextInputWidget()
    )
    since = DateFormField(label=_("From"), required=False)
    until = DateFormField(label=_("To"), required=False, is_end=True)
    before = forms.UUIDField(required=False, widget=forms.HiddenInput())

    def __init__(self, *args: Any, brands: list[Brand], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.brands = {brand.slug: brand for brand in brands}
        self.fields["brand"].choices = [(brand.slug, brand.name) for brand in brands]  # type: ignore[attr-defined]
        if len(brands) < 2:
            self.fields["brand"].widget = forms.HiddenInput()

    @property
    def selected_brand(self) -> Brand:
        """The selected brand, or the first one."""
        slug = self.cleaned_data.get("brand") or next(iter(self.brands))
        return self.brands[slug]

    def clean_code(self) -> str:
        text = self.cleaned_data["code"]
        code = normalize_code(text) if text else ""
        if code is None:
            raise forms.ValidationError(CODE_FORMAT_MESSAGE)
        return code

    def to_query(self) -> statistics.RedemptionQuery:
        """Convert the filter to a query. A code of another brand matches nothing."""
        data, brand = self.cleaned_data, self.selected_brand
        zone = ZoneInfo(brand.timezone)
        return statistics.RedemptionQuery(
            brands=[brand.pk],
            code=find_code_key(brand=brand, text=data["code"]) if data["code"] else None,
            customer=customer_key(data["customer"]) if data["customer"] else None,
            since=start_of_day(data["since"], zone) if data["since"] else None,
            until=end_of_day(data["until"], zone) if data["until"] else None,
        )

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        for name in ("since", "until"):
            if (day := cleaned.get(name)) and not MIN_YEAR <= day.year <= MAX_YEAR:
                message = gettext("Enter a date between %(first)s and %(last)s.")
                self.add_error(name, message % {"first": MIN_YEAR, "last": MAX_YEAR})
        return cleaned


@admin.register(Usage)
class UsageAdmin(ReadOnlyAdminMixin):
    """Redemptions of the codes of a brand, newest first."""

    brand_path = "code__brand"

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> None:
        """Return None: a redemption is found only by its code and ID, see ``detail_view``."""

    def get_urls(self) -> list[URLPattern]:
        wrap = self.admin_site.admin_view
        return [
            path("export/", wrap(require_safe(self.export_view)), name="discounts_usage_export"),
            path(
                "<int:code>/<uuid:usage>/",
                wrap(require_http_methods(["GET", "HEAD", "POST"])(self.detail_view)),
                name="discounts_usage_detail",
            ),
            *super().get_urls(),
        ]

    def changelist_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Show a page of redemptions with its own filter. Pages go back in time by key."""
        form = self._filter_form(request)
        title = gettext("Redemptions")
        context: dict[str, Any] = {"opts": self.opts, "form": form, "rows": [], "filtered": False}
        if form is not None and form.is_valid():
            context |= self._list_context(form)
            if len(form.brands) > 1:
                title = gettext("Redemptions of %(brand)s codes") % {"brand": form.selected_brand}
        context |= self.admin_site.each_context(request) | {"title": title}
        return TemplateResponse(request, "admin/discounts/redemptions.html", context)

    def export_view(self, request: HttpRequest) -> StreamingHttpResponse:
        """Export all matching redemptions as CSV."""
        form = self._filter_form(request)
        if form is None or not form.is_valid():
            raise Http404
        brand = form.selected_brand
        name = f"redemptions-{brand.slug}-{local_date(timezone.now(), brand.timezone):%Y-%m-%d}.csv"
        return csv_response(name, CSV_HEADER, _iter_csv_rows(form.to_query(), brand))

    def detail_view(self, request: HttpRequest, code: int, usage: uuid.UUID) -> HttpResponse:
        """Show one redemption, or return it (POST)."""
        rows = self.filter_queryset(selectors.redemptions(), request, BrandPermissions.READ)
        redemption = rows.filter(code_id=code, pk=usage).first() if code < 2**63 else None
        if redemption is None:
            raise Http404
        if request.method == "POST":
            return self._return(request, redemption)
        order = redemption.redemption_id
        context = {
            **self.admin_site.each_context(request),
            "title": gettext("Redemption of %(code)s") % {"code": redemption.code.code},
            "opts": self.opts,
            "usage": redemption,
            "details": _details(redemption),
            "order_url": reverse("admin:checkout_redemption_change", args=[order]) if order else None,
            "may_edit": self.has_brand_permission(request, BrandPermissions.EDIT, redemption),
        }
        return TemplateResponse(request, "admin/discounts/redemption.html", context)

    def _return(self, request: HttpRequest, redemption: Usage) -> HttpResponse:
        if not self.has_brand_permission(request, BrandPermissions.EDIT, redemption):
            raise PermissionDenied
        brand, code = redemption.code.brand, redemption.code.code
        try:
            services.return_redemption(usage_id=redemption.pk, brand=brand, at=timezone.now())
        except NotFound:
            text = gettext("This redemption belongs to an order. Refund or cancel the order instead.")
            messages.error(request, text)
            return redirect("admin:discounts_usage_detail", redemption.code_id, redemption.pk)
        text = gettext("%(customer)s can redeem %(code)s again.")
        messages.success(request, text % {"customer": redemption.customer.customer_id, "code": code})
        return redirect(f"{reverse('admin:discounts_usage_changelist')}?{urlencode({'brand': brand.slug})}")

    def _filter_form(self, request: HttpRequest) -> RedemptionFilterForm | None:
        if not self.has_view_permission(request):
            raise PermissionDenied
        brand_ids, rows = list_brand_ids(request, BrandPermissions.READ), Brand.objects.order_by("name")
        brands = list(rows if brand_ids is None else rows.filter(pk__in=brand_ids))
        return RedemptionFilterForm(request.GET, brands=brands) if brands else None

    def _list_context(self, form: RedemptionFilterForm) -> dict[str, Any]:
        rows = statistics.recent(form.to_query(), before=form.cleaned_data["before"], limit=PAGE_SIZE + 1)
        active_filters = {name: form.data[name] for name in FILTERS if form.data.get(name)}
        query = urlencode({**active_filters, "brand": form.selected_brand.slug})
        return {
            "rows": [to_row(row) for row in rows[:PAGE_SIZE]],
            "zone": form.selected_brand.timezone,
            "older": f"?{query}&before={rows[PAGE_SIZE - 1]['id']}" if len(rows) > PAGE_SIZE else None,
            "newest": f"?{query}" if form.cleaned_data["before"] else None,
            "export": f"{reverse('admin:discounts_usage_export')}?{query}",
            "filtered": bool(set(active_filters) - {"brand"}),
        }


def _details(redemption: Usage) -> list[tuple[str, str]]:
    zone = redemption.code.brand.timezone
    status = gettext("Confirmed")
    if redemption.reserved_until:
        status = gettext("Reserved until %(date)s") % {"date": format_datetime(redemption.reserved_until, zone)}
    return [
        (gettext("Code"), redemption.code.code),
        (gettext("Percentage"), redemption.code.rule.percentage),
        (gettext("Customer"), redemption.customer.customer_id),
        (gettext("Redeemed"), f"{format_datetime(redemption.redeemed_at, zone)} ({zone})"),
        (gettext("Subtotal"), format_amount(redemption.amount, redemption.currency)),
        (gettext("Discount"), format_amount(redemption.discount_amount, redemption.currency)),
        (gettext("Status"), status),
    ]


def to_row(row: db.Row, *, zone: str | None = None) -> dict[str, Any]:
    """Return a redemption for the table of a list, in the time zone of its brand or in ``zone``."""
    return {
        "code": row["text"],
        "customer": row["customer"],
        "brand": row["brand"],
        "redeemed_at": format_datetime(row["used_at"], zone or row["timezone"]),
        "subtotal": format_amount(row["amount"], row["currency"]),
        "discount": format_amount(row["discount_amount"], row["currency"]),
        "is_reserved": row["reserved_until"] is not None,
        "url": reverse("admin:discounts_usage_detail", args=[row["code_id"], row["id"]]),
        "code_url": reverse("admin:discounts_discountcode_change", args=[row["code_id"]]),
    }


def _iter_csv_rows(query: statistics.RedemptionQuery, brand: Brand) -> Iterator[list[object]]:
    for usage in statistics.iter_all(query):
        amounts = [
            None if minor_units is None or not usage.currency else money.format_decimal(minor_units, usage.currency)
            for minor_units in (usage.amount, usage.discount_amount)
        ]
        redeemed_at = usage.redeemed_at.astimezone(ZoneInfo(brand.timezone)).isoformat(timespec="seconds")
        status = "reserved" if usage.reserved_until else "confirmed"
        yield [usage.code.code, usage.customer.customer_id, redeemed_at, usage.currency, *amounts, status, usage.pk]
