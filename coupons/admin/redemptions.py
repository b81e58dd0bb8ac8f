"""Admin pages of single redemptions: search, export, details, release and return."""

from collections.abc import Iterator
from datetime import datetime
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
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_safe
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from accounts.models import Brand
from backoffice.base.admin import ReadOnlyAdminMixin
from backoffice.base.csv_export import csv_response
from backoffice.base.formatting import format_amount, format_datetime, local_date
from core import ids, money
from core.errors import DomainError
from core.periods import end_of_day, start_of_day
from core.permissions import BrandPermissions
from coupons import services
from coupons.admin import presenters
from coupons.admin.filters import CouponFilterForm, readable_brands
from coupons.models import STATUSES, CouponRedemption
from coupons.selectors import redemption_queries
from coupons.selectors.redemption_queries import RedemptionQuery
from redemptions.statuses import RedemptionStatus

PAGE_SIZE = 50
HEADER = (
    "customer", "coupon", "code", "status", "requested_at", "reserved_until", "redeemed_at", "ended_at", "currency",
    "discount", "coupon_id", "order_id", "redemption_id",
)  # fmt: skip
TERMINAL_ACTIONS = {
    RedemptionStatus.RESERVED: RedemptionStatus.RELEASED,
    RedemptionStatus.CONFIRMED: RedemptionStatus.RETURNED,
}
RESULT_MESSAGES = {
    RedemptionStatus.RELEASED: gettext_lazy("Redemption released. The unit is available again."),
    RedemptionStatus.EXPIRED: gettext_lazy("Redemption expired. The unit is available again."),
    RedemptionStatus.RETURNED: gettext_lazy("Redemption returned. The unit is available again."),
}


class RedemptionFilterForm(CouponFilterForm):
    """Filter of the list of redemptions."""

    customer = forms.CharField(
        required=False, max_length=100, label=gettext_lazy("Customer ID"), widget=UnfoldAdminTextInputWidget()
    )
    status = forms.ChoiceField(
        required=False,
        label=gettext_lazy("Status"),
        choices=[("", gettext_lazy("Any")), *((status.value, status.label) for status in STATUSES)],
        widget=UnfoldAdminSelectWidget(),
    )
    before = forms.UUIDField(required=False, widget=forms.HiddenInput())
    field_order = ("brand", "customer", "code", "coupon", "status", "since", "until", "before")

    def to_query(self) -> RedemptionQuery:
        """Return the query that the form describes; days are those of the brand's time zone."""
        cleaned, zone = self.cleaned_data, ZoneInfo(self.selected_brand.timezone)
        return RedemptionQuery(
            brand=self.selected_brand.pk,
            coupon=self.selected_coupon.pk if self.selected_coupon else None,
            customer=cleaned["customer"],
            code=cleaned["code"],
            status=cleaned["status"],
            since=start_of_day(cleaned["since"], zone) if cleaned["since"] else None,
            until=end_of_day(cleaned["until"], zone) if cleaned["until"] else None,
        )

    def query_parameters(self) -> dict[str, str]:
        """Return the chosen filters, without the brand and the page."""
        names = ("coupon", "customer", "code", "status", "since", "until")
        return {name: self.data[name] for name in names if self.data.get(name)}


@admin.register(CouponRedemption)
class CouponRedemptionAdmin(ReadOnlyAdminMixin):
    """Redemptions of a brand's coupons, newest first."""

    brand_path = "coupon__brand"

    def get_queryset(self, request: HttpRequest) -> QuerySet[CouponRedemption]:
        rows: QuerySet[CouponRedemption] = super().get_queryset(request)
        return rows.select_related("coupon__brand", "customer")

    # --- list --------------------------------------------------------------------------------------------------------
    def changelist_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Show a page of redemptions with its filter, paginated by key."""
        form = _filter_form(request)
        context: dict[str, Any] = {"title": _("Coupon redemptions"), "opts": self.opts, "form": form, "rows": []}
        if form is not None and form.is_valid():
            context |= _list_context(form, at=timezone.now())
        context |= self.admin_site.each_context(request)
        return TemplateResponse(request, "admin/coupons/redemptions.html", context)

    def get_urls(self) -> list[URLPattern]:
        export = self.admin_site.admin_view(require_safe(self.export_view))
        return [path("export/", export, name="coupons_couponredemption_export"), *super().get_urls()]

    def export_view(self, request: HttpRequest) -> StreamingHttpResponse:
        """Export all redemptions that match the filter."""
        form = _filter_form(request)
        if form is None or not form.is_valid():
            raise Http404
        at, brand = timezone.now(), form.selected_brand
        name = f"coupon-redemptions-{brand.slug}-{local_date(at, brand.timezone):%Y-%m-%d}.csv"
        query = redemption_queries.with_default_window(form.to_query(), at=at)
        return csv_response(name, HEADER, _iter_lines(query, brand))

    # --- one redemption ----------------------------------------------------------------------------------------------
    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Show a redemption, and to editors the button that ends it."""
        redemption = self.get_object(request, object_id)
        if redemption is None:
            raise Http404
        if request.method == "POST":
            return self._terminate(request, redemption)
        may_end = redemption.redemption_id is None and self.has_brand_permission(
            request, BrandPermissions.EDIT, redemption
        )
        context = self.admin_site.each_context(request) | {
            "title": _("Redemption of %(coupon)s") % {"coupon": redemption.coupon},
            "opts": self.opts,
            "redemption": redemption,
            "state": presenters.redemption_badge(redemption),
            "zone": redemption.coupon.brand.timezone,
            "facts": presenters.redemption_details(redemption),
            "times": presenters.timeline(redemption),
            "ending": TERMINAL_ACTIONS.get(RedemptionStatus(redemption.status)) if may_end else None,
        }
        return TemplateResponse(request, "admin/coupons/redemption.html", context)

    def _terminate(self, request: HttpRequest, redemption: CouponRedemption) -> HttpResponse:
        """End the redemption as the page offered it: a reservation that was confirmed meanwhile isn't returned."""
        if not self.has_brand_permission(request, BrandPermissions.EDIT, redemption):
            raise PermissionDenied
        new_status = request.POST.get("status", "")
        if new_status not in TERMINAL_ACTIONS.values() or redemption.redemption_id is not None:
            raise Http404
        try:
            ended = services.terminate(
                redemption=redemption.pk, new_status=RedemptionStatus(new_status), at=timezone.now()
            )
        except DomainError as error:
            messages.error(request, error.detail)
        else:
            messages.success(request, RESULT_MESSAGES[RedemptionStatus(ended.status)])
        return redirect("admin:coupons_couponredemption_change", redemption.pk)


def _filter_form(request: HttpRequest) -> RedemptionFilterForm | None:
    """Return the filter of the request; None if there is no brand. Raises PermissionDenied."""
    brands = readable_brands(request)
    return RedemptionFilterForm(request.GET.dict(), brands=brands) if brands else None


def _list_context(form: RedemptionFilterForm, *, at: datetime) -> dict[str, Any]:
    query, parameters, zone = form.to_query(), form.query_parameters(), form.selected_brand.timezone
    redemptions = redemption_queries.list_recent(
        redemption_queries.with_default_window(query, at=at), before=form.cleaned_data["before"], limit=PAGE_SIZE + 1
    )
    link = urlencode({"brand": form.selected_brand.slug} | parameters)
    has_more = len(redemptions) > PAGE_SIZE
    return {
        "rows": [_row(redemption, zone) for redemption in redemptions[:PAGE_SIZE]],
        "zone": zone,
        "window": redemption_queries.WINDOW.days if query.is_unbounded else None,
        "export": f"{reverse('admin:coupons_couponredemption_export')}?{link}",
        "filtered": bool(parameters),
        "older": f"?{link}&before={redemptions[PAGE_SIZE - 1].pk}" if has_more else None,
        "newest": f"?{link}" if form.cleaned_data["before"] else None,
    }


def _iter_lines(query: RedemptionQuery, brand: Brand) -> Iterator[list[object]]:
    zone = ZoneInfo(brand.timezone)
    for redemption in redemption_queries.iter_all(query):
        times = (
            ids.uuid7_datetime(redemption.pk), redemption.reserved_until, redemption.redeemed_at, redemption.ended_at,
        )  # fmt: skip
        local_times = [at and at.astimezone(zone).isoformat(timespec="seconds") for at in times]
        discount = None
        if redemption.amount is not None and redemption.currency:
            discount = money.format_decimal(redemption.amount, redemption.currency)
        yield [
            redemption.customer.customer_id, redemption.coupon.title, redemption.code, redemption.status, *local_times,
            redemption.currency, discount, redemption.coupon_id, redemption.redemption_id, redemption.pk,
        ]  # fmt: skip


def _row(redemption: CouponRedemption, zone: str) -> dict[str, Any]:
    return {
        "url": reverse("admin:coupons_couponredemption_change", args=[redemption.pk]),
        "customer": redemption.customer.customer_id,
        "coupon": redemption.coupon,
        "code": redemption.code,
        "requested": format_datetime(ids.uuid7_datetime(redemption.pk), zone),
        "status": presenters.redemption_badge(redemption),
        "discount": format_amount(redemption.amount, redemption.currency),
        "order": redemption.redemption_id,
    }
