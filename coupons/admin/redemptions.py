"""The admin's pages of single redemptions: who redeemed a coupon, when, with which code, and what became of it."""

from collections.abc import Iterator
from datetime import timedelta
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
from django.views.decorators.http import require_safe
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from accounts.models import Brand
from backoffice.base.admin import ReadOnlyAdminMixin
from backoffice.base.csv_export import csv_response
from backoffice.base.formatting import format_amount, format_datetime, local_date, local_midnight
from core import ids, money
from core.errors import DomainError
from core.permissions import BrandPermissions
from coupons import services
from coupons.admin import finding, presenters
from coupons.admin.filters import CouponFilterForm, readable_brands
from coupons.models import CouponRedemption, Status

PAGE = 50
HEADER = (
    "customer", "coupon", "code", "status", "asked_at", "held_until", "redeemed_at", "ended_at", "currency",
    "taken_off", "coupon_id", "order_id", "redemption_id",
)  # fmt: skip
TERMINAL_ACTIONS = {
    Status.RESERVED: Status.RELEASED,
    Status.CONFIRMED: Status.REFUNDED,
}  # what the brand may make of what stands


class RedemptionsFilter(CouponFilterForm):
    """Which redemptions to show."""

    customer = forms.CharField(required=False, max_length=100, label="Customer id", widget=UnfoldAdminTextInputWidget())
    state = forms.ChoiceField(
        required=False, choices=[("", "Any"), *Status.choices], widget=UnfoldAdminSelectWidget()
    )  # fmt: skip
    before = forms.UUIDField(required=False, widget=forms.HiddenInput())
    field_order = ("brand", "customer", "code", "coupon", "state", "since", "until", "before")

    def to_query(self) -> finding.RedemptionQuery:
        """What is looked for; days are the brand's."""
        data, zone = self.cleaned_data, self.whose.timezone
        return finding.RedemptionQuery(
            brand=self.whose.pk,
            coupon=self.chosen.pk if self.chosen else None,
            customer=data["customer"],
            code=data["code"],
            status=data["state"],
            since=local_midnight(data["since"], zone) if data["since"] else None,
            until=local_midnight(data["until"] + timedelta(days=1), zone) if data["until"] else None,
        )

    def query_parameters(self) -> dict[str, str]:
        """What was chosen, apart from the brand and the page."""
        names = ("coupon", "customer", "code", "state", "since", "until")
        return {name: self.data[name] for name in names if self.data.get(name)}


@admin.register(CouponRedemption)
class CouponRedemptionAdmin(ReadOnlyAdminMixin):
    """Redemptions of a brand's coupons, the newest first."""

    brand_path = "coupon__brand"

    def get_queryset(self, request: HttpRequest) -> QuerySet[CouponRedemption]:
        rows: QuerySet[CouponRedemption] = super().get_queryset(request)
        return rows.select_related("coupon__brand", "customer")

    # --- many --------------------------------------------------------------------------------------------------------
    def changelist_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """A page of redemptions by its own filter, going back in time by key."""
        brands = readable_brands(request)
        form = RedemptionsFilter(request.GET.dict(), brands=brands) if brands else None
        context: dict[str, Any] = {"title": "Redemptions of coupons", "opts": self.opts, "form": form, "rows": []}
        if form is not None and form.is_valid():
            context |= self._page(form)
        context |= self.admin_site.each_context(request)
        return TemplateResponse(request, "admin/coupons/redemptions.html", context)

    def get_urls(self) -> list[URLPattern]:
        export = self.admin_site.admin_view(require_safe(self.export_view))
        return [path("export/", export, name="coupons_couponredemption_export"), *super().get_urls()]

    def export_view(self, request: HttpRequest) -> StreamingHttpResponse:
        """All redemptions that the filter takes, as a file."""
        brands = readable_brands(request)
        form = RedemptionsFilter(request.GET.dict(), brands=brands) if brands else None
        if form is None or not form.is_valid():
            raise Http404
        at, brand = timezone.now(), form.whose
        name = f"coupon-redemptions-{brand.slug}-{local_date(at, brand.timezone):%Y-%m-%d}.csv"
        return csv_response(name, HEADER, _lines(finding.with_default_window(form.to_query(), at=at), brand))

    def _page(self, form: RedemptionsFilter) -> dict[str, Any]:
        to_query, query_parameters, zone = form.to_query(), form.query_parameters(), form.whose.timezone
        bounded = finding.with_default_window(to_query, at=timezone.now())
        found = finding.list_recent(bounded, before=form.cleaned_data["before"], limit=PAGE + 1)
        link = urlencode({"brand": form.whose.slug} | query_parameters)
        return {
            "rows": [_row(redemption, zone) for redemption in found[:PAGE]],
            "zone": zone,
            "window": finding.WINDOW.days if to_query.is_unbounded else None,
            "export": f"{reverse('admin:coupons_couponredemption_export')}?{link}",
            "filtered": bool(query_parameters),
            "older": f"?{link}&before={found[PAGE - 1].pk}" if len(found) > PAGE else None,
            "newest": f"?{link}" if form.cleaned_data["before"] else None,
        }

    # --- one ---------------------------------------------------------------------------------------------------------
    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """One redemption: its life, and the button that ends what the brand may end."""
        found = self.get_object(request, object_id)
        if found is None:
            raise Http404
        if request.method == "POST":
            return self._terminate(request, found)
        status = Status(found.status)
        ending = (
            TERMINAL_ACTIONS.get(status)
            if found.redemption_id is None and self.has_brand_permission(request, BrandPermissions.EDIT, found)
            else None
        )
        context = self.admin_site.each_context(request) | {
            "title": f"Redemption of {found.coupon}",
            "opts": self.opts,
            "redemption": found,
            "state": (status.label, presenters.COLORS[status]),
            "zone": found.coupon.brand.timezone,
            "facts": presenters.redemption_details(found),
            "times": presenters.timeline(found),
            "ending": ending,
        }
        return TemplateResponse(request, "admin/coupons/redemption.html", context)

    def _terminate(self, request: HttpRequest, found: CouponRedemption) -> HttpResponse:
        """What was shown is what is done: a reservation that was confirmed meanwhile is not refunded instead."""
        if not self.has_brand_permission(request, BrandPermissions.EDIT, found):
            raise PermissionDenied
        wanted = request.POST.get("become", "")
        if wanted not in TERMINAL_ACTIONS.values() or found.redemption_id is not None:
            raise Http404
        try:
            ended = services.terminate(redemption=found.pk, become=Status(wanted), at=timezone.now())
        except DomainError as refusal:
            messages.error(request, refusal.detail)
        else:
            messages.success(request, f"It is {ended.status}: its place can be had again.")
        return redirect("admin:coupons_couponredemption_change", found.pk)


def _lines(to_query: finding.RedemptionQuery, brand: Brand) -> Iterator[list[object]]:
    zone = ZoneInfo(brand.timezone)
    for it in finding.iter_all(to_query):
        instants = (ids.uuid7_datetime(it.pk), it.reserved_until, it.redeemed_at, it.ended_at)
        times = [instant and instant.astimezone(zone).isoformat(timespec="seconds") for instant in instants]
        off = None if it.amount is None or not it.currency else money.format_decimal(it.amount, it.currency)
        yield [
            it.customer.customer_id, it.coupon.title, it.code, it.status, *times, it.currency, off, it.coupon_id,
            it.redemption_id, it.pk,
        ]  # fmt: skip


def _row(redemption: CouponRedemption, zone: str) -> dict[str, Any]:
    status = Status(redemption.status)
    return {
        "url": reverse("admin:coupons_couponredemption_change", args=[redemption.pk]),
        "customer": redemption.customer.customer_id,
        "coupon": redemption.coupon,
        "code": redemption.code,
        "when": format_datetime(ids.uuid7_datetime(redemption.pk), zone),
        "state": (status.label, presenters.COLORS[status]),
        "amount": format_amount(redemption.amount, redemption.currency),
        "order": redemption.redemption_id,
    }
