"""The admin's pages of uses, hundreds of millions perhaps: read by key, a page at a time, never counted."""

import uuid
from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_safe
from unfold.decorators import display
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from accounts.models import Brand
from accounts.selectors import customer_key
from backoffice.base.admin import ReadOnlyAdminMixin, list_brand_ids
from backoffice.base.csv_export import csv_response
from backoffice.base.form_fields import DateFormField
from backoffice.base.formatting import format_amount, format_datetime, local_date, local_midnight
from core import db, money
from core.errors import NotFound
from core.permissions import BrandPermissions
from discounts import services
from discounts.admin import numbers
from discounts.emails import USAGE_DIGEST
from discounts.models import DiscountCode, Usage, UsageNotification, UsageReturn
from mailings.models import Mailing
from promotions.code_rules import normalize_code

PAGE = 50
DIGESTS = 10
HEADER = ("code", "customer", "used_at", "currency", "amount", "discount", "state", "use_id")


class RedemptionFilterForm(forms.Form):
    """Which uses to show. What is wrong with a field stands beside it, and nothing is shown then."""

    brand = forms.ChoiceField(required=False, widget=UnfoldAdminSelectWidget())
    code = forms.CharField(required=False, max_length=64, widget=UnfoldAdminTextInputWidget())
    customer = forms.CharField(required=False, max_length=100, label="Customer id", widget=UnfoldAdminTextInputWidget())
    since = DateFormField(required=False, label="From")
    until = DateFormField(required=False, label="To")
    before = forms.UUIDField(required=False, widget=forms.HiddenInput())

    def __init__(self, *args: Any, brands: list[Brand], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.brands = {brand.slug: brand for brand in brands}
        self.fields["brand"].choices = [(brand.slug, brand.name) for brand in brands]  # type: ignore[attr-defined]
        if len(brands) < 2:
            self.fields["brand"].widget = forms.HiddenInput()

    @property
    def selected_brand(self) -> Brand:
        """The brand whose uses are meant: the first where none was chosen."""
        slug = self.cleaned_data.get("brand") or next(iter(self.brands))
        return self.brands[slug]

    def clean_code(self) -> str:
        text = self.cleaned_data["code"]
        normal = normalize_code(text) if text else ""
        if normal is None:
            raise forms.ValidationError("A code is 3 to 64 of A-Z, 0-9, _ and -.")
        return normal

    def to_query(self) -> numbers.RedemptionQuery:
        """The filter as the numbers take it; a code that is not the brand's matches nothing."""
        data, brand = self.cleaned_data, self.selected_brand
        code = None
        if data["code"]:
            code = (
                DiscountCode.objects.filter(brand=brand, code=data["code"]).values_list("pk", flat=True).first() or -1
            )
        return numbers.RedemptionQuery(
            brands=[brand.pk],
            code=code,
            customer=customer_key(data["customer"]) if data["customer"] else None,
            since=local_midnight(data["since"], brand.timezone) if data["since"] else None,
            until=local_midnight(_next(data["until"]), brand.timezone) if data["until"] else None,
        )

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        for name in ("since", "until"):
            if (day := cleaned.get(name)) and not 2000 <= day.year <= 2200:
                self.add_error(name, "Choose a day between 2000 and 2200.")
        return cleaned


def _next(day: date) -> date:
    return day + timedelta(days=1)


@admin.register(Usage)
class UsageAdmin(ReadOnlyAdminMixin):
    """Uses of a brand's codes, the newest first."""

    brand_path = "code__brand"

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> None:
        """A use is found by its code and id only: see ``use_view``."""

    def get_urls(self) -> list[URLPattern]:
        wrap = self.admin_site.admin_view
        return [
            path("export/", wrap(require_safe(self.export_view)), name="discounts_usage_export"),
            path(
                "<int:code>/<uuid:usage>/",
                wrap(require_http_methods(["GET", "HEAD", "POST"])(self.detail_view)),
                name="discounts_usage_use",
            ),
            *super().get_urls(),
        ]

    def changelist_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """A page of uses by its own filter, going back in time by key."""
        form = self._filter(request)
        context: dict[str, Any] = {"title": "Uses", "opts": self.opts, "form": form, "rows": [], "filtered": False}
        if form is not None and form.is_valid():
            context |= self._page(form)
            context["title"] = f"Uses of {form.selected_brand}'s codes" if len(form.brands) > 1 else "Uses"
        return TemplateResponse(
            request, "admin/discounts/redemptions.html", {**self.admin_site.each_context(request), **context}
        )

    def export_view(self, request: HttpRequest) -> StreamingHttpResponse:
        """All uses that the filter takes, as a file."""
        form = self._filter(request)
        if form is None or not form.is_valid():
            raise Http404
        brand = form.selected_brand
        name = f"uses-{brand.slug}-{local_date(timezone.now(), brand.timezone):%Y-%m-%d}.csv"
        return csv_response(name, HEADER, _lines(form.to_query(), brand))

    def detail_view(self, request: HttpRequest, code: int, usage: uuid.UUID) -> HttpResponse:
        """One use, and the button that gives it back."""
        rows = Usage.objects.select_related("code__rule", "code__brand", "customer")
        found = (
            self.filter_queryset(rows, request, BrandPermissions.READ).filter(code_id=code, pk=usage).first()
            if code < 2**63
            else None
        )
        if found is None:
            raise Http404
        if request.method == "POST":
            return self._return(request, found)
        brand = found.code.brand
        facts = [
            ("Code", found.code.code_id),
            ("Discount", f"{found.code.rule.discount} %"),
            ("Customer", found.customer.customer_id),
            ("Used", f"{format_datetime(found.used_at, brand.timezone)} ({brand.timezone})"),
            ("Amount", format_amount(found.amount, found.currency)),
            ("Taken off", format_amount(found.discount_amount, found.currency)),
            (
                "State",
                f"held by a checkout until {format_datetime(found.reserved_until, brand.timezone)}"
                if found.reserved_until
                else "final",
            ),
        ]
        context = {
            **self.admin_site.each_context(request),
            "title": f"Use of {found.code.code_id}",
            "opts": self.opts,
            "use": found,
            "facts": facts,
            "redemption": reverse("admin:checkout_redemption_change", args=[found.redemption_id])
            if found.redemption_id
            else None,
            "may_edit": self.has_brand_permission(request, BrandPermissions.EDIT, found),
        }
        return TemplateResponse(request, "admin/discounts/redemption.html", context)

    def _return(self, request: HttpRequest, use: Usage) -> HttpResponse:
        if not self.has_brand_permission(request, BrandPermissions.EDIT, use):
            raise PermissionDenied
        try:
            services.return_redemption(usage_id=use.pk, brand=use.code.brand, at=timezone.now())
        except NotFound:
            messages.error(request, "An order's use is given back by refunding or cancelling the order.")
            return redirect("admin:discounts_usage_use", use.code_id, use.pk)
        messages.success(request, f"{use.customer.customer_id} can use {use.code.code_id} again.")
        return redirect(f"{reverse('admin:discounts_usage_changelist')}?{urlencode({'brand': use.code.brand.slug})}")

    def _filter(self, request: HttpRequest) -> RedemptionFilterForm | None:
        if not self.has_view_permission(request):
            raise PermissionDenied
        brands, rows = list_brand_ids(request, BrandPermissions.READ), Brand.objects.order_by("name")
        found = list(rows if brands is None else rows.filter(pk__in=brands))
        return RedemptionFilterForm(request.GET, brands=found) if found else None

    def _page(self, form: RedemptionFilterForm) -> dict[str, Any]:
        found = numbers.recent(form.to_query(), before=form.cleaned_data["before"], limit=PAGE + 1)
        selected_brand = {
            name: form.data[name] for name in ("brand", "code", "customer", "since", "until") if form.data.get(name)
        }
        link = urlencode({**selected_brand, "brand": form.selected_brand.slug})
        return {
            "rows": [to_row(row) for row in found[:PAGE]],
            "zone": form.selected_brand.timezone,
            "older": f"?{link}&before={found[PAGE - 1]['id']}" if len(found) > PAGE else None,
            "newest": f"?{link}" if form.cleaned_data["before"] else None,
            "export": f"{reverse('admin:discounts_usage_export')}?{link}",
            "filtered": bool(set(selected_brand) - {"brand"}),
        }


def to_row(row: db.Row, *, zone: str | None = None) -> dict[str, Any]:
    """A use as lists show it, in its brand's time zone or in ``zone``."""
    return {
        "code": row["text"],
        "customer": row["customer"],
        "brand": row["brand"],
        "when": format_datetime(row["used_at"], zone or row["timezone"]),
        "amount": format_amount(row["amount"], row["currency"]),
        "discount": format_amount(row["discount_amount"], row["currency"]),
        "held": row["reserved_until"] is not None,
        "url": reverse("admin:discounts_usage_use", args=[row["code_id"], row["id"]]),
        "code_url": reverse("admin:discounts_discountcode_change", args=[row["code_id"]]),
    }


def _lines(to_query: numbers.RedemptionQuery, brand: Brand) -> Iterator[list[object]]:
    for use in numbers.iter_all(to_query):
        plain = [
            None if minor is None or not use.currency else money.format_decimal(minor, use.currency)
            for minor in (use.amount, use.discount_amount)
        ]
        when = use.redeemed_at.astimezone(ZoneInfo(brand.timezone)).isoformat(timespec="seconds")
        state = "held" if use.reserved_until else "final"
        yield [use.code.code_id, use.customer.customer_id, when, use.currency, *plain, state, use.pk]


@admin.register(UsageReturn)
class UsageReturnAdmin(ReadOnlyAdminMixin):
    """Uses that were given back, as they were."""

    brand_path = "code__brand"
    list_display = ("code_text", "customer", "redeemed_at", "when_returned", "discount_shown", "returned_by")
    list_select_related = ("code__brand", "customer")
    search_fields = ("customer__customer_id",)
    search_help_text = "The whole customer id"
    ordering = ("-pk",)
    fields = ("code_text", "customer", "redeemed_at", "when_returned", "discount_shown", "returned_by")

    def get_queryset(self, request: HttpRequest) -> QuerySet[UsageReturn]:
        return super().get_queryset(request).select_related("code__brand", "customer")

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[UsageReturn], search_term: str
    ) -> tuple[QuerySet[UsageReturn], bool]:
        term = search_term.strip()
        return queryset.filter(customer__customer_id=term) if term else queryset, False

    @display(description="code")
    def code_text(self, row: UsageReturn) -> str:
        return row.code.code_id

    @display(description="used")
    def redeemed_at(self, row: UsageReturn) -> str:
        return format_datetime(row.redeemed_at, row.code.brand.timezone)

    @display(description="given back")
    def when_returned(self, row: UsageReturn) -> str:
        return format_datetime(row.returned_at, row.code.brand.timezone)

    @display(description="taken off")
    def discount_shown(self, row: UsageReturn) -> str:
        return format_amount(row.discount_amount, row.currency)

    @display(description="through", label={"an order's refund": "info", "the brand": "primary"})
    def returned_by(self, row: UsageReturn) -> str:
        return "an order's refund" if row.redemption_id else "the brand"


@admin.register(UsageNotification)
class UseNoticeAdmin(ReadOnlyAdminMixin):
    """Uses that the brand is told about with the next digest, and the digests that went out last."""

    list_display = ("code", "when", "amount_shown", "discount_shown")
    list_select_related = ("brand",)
    ordering = ("-pk",)
    list_before_template = "admin/discounts/digests.html"
    fields = ("code", "when", "amount_shown", "discount_shown")

    def changelist_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if not self.has_view_permission(request):
            raise PermissionDenied
        brands = list_brand_ids(request, BrandPermissions.READ)
        if brands is None:
            mailings = list(Mailing.objects.filter(mail_type=USAGE_DIGEST).order_by("-pk")[:DIGESTS])
        else:  # by key, which has an index and ends with the time
            named = (Mailing.objects.filter(key__startswith=f"discount_uses:{brand}:") for brand in brands)
            found = (mailing for rows in named for mailing in rows.order_by("-key")[:DIGESTS])
            mailings = sorted(found, key=lambda mailing: mailing.pk, reverse=True)[:DIGESTS]
        digests = [
            {
                "brand": mailing.sender_name,
                "when": mailing.created_at,
                "uses": mailing.data.get("total", 0),
                "state": mailing.status,
            }
            for mailing in mailings
        ]
        return super().changelist_view(request, {"digests": digests})

    @display(description="used")
    def when(self, row: UsageNotification) -> str:
        return format_datetime(row.redeemed_at, row.brand.timezone)

    @display(description="amount")
    def amount_shown(self, row: UsageNotification) -> str:
        return format_amount(row.amount, row.currency)

    @display(description="taken off")
    def discount_shown(self, row: UsageNotification) -> str:
        return format_amount(row.discount_amount, row.currency)
