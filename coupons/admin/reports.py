"""Admin page of reports: redemptions of a coupon, of a code or of a brand by hour, day, week or month."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo, available_timezones

from django import forms
from django.contrib import admin
from django.http import HttpRequest, HttpResponseBase
from django.template.response import TemplateResponse
from django.utils import formats, timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_safe
from unfold.widgets import UnfoldAdminSelectWidget

from accounts.models import Brand
from backoffice.base.charts import build_chart, describe_redemptions
from backoffice.base.costly_pages import limit_concurrency
from backoffice.base.csv_export import csv_response
from backoffice.base.form_fields import add_service_errors
from backoffice.base.formatting import (
    format_number,
    format_period,
    format_totals,
    local_date,
)
from core.errors import InvalidRequest
from core.periods import Interval, end_of_day, start_of_day
from coupons.admin.filters import CouponFilterForm, readable_brands
from coupons.services import reports
from coupons.services.reports import Report

DEFAULT_DAYS = 30
MAX_ROWS = 800  # periods per page; the API returns more
FIELDS = {"from": "since", "to": "until", "unit": "unit", "code": "code"}
UNIT_LABELS = {
    Interval.HOUR: gettext_lazy("Hour"),
    Interval.DAY: gettext_lazy("Day"),
    Interval.WEEK: gettext_lazy("Week"),
    Interval.MONTH: gettext_lazy("Month"),
}
HEADINGS = UNIT_LABELS | {Interval.WEEK: gettext_lazy("Week (from Monday)")}
FORMATS = {  # of Django's date filter
    Interval.HOUR: "j M Y, H:i",
    Interval.DAY: "D, j M Y",
    Interval.WEEK: "j M Y",
    Interval.MONTH: "F Y",
}
SHORT_FORMATS = {
    Interval.HOUR: "j M H:i",
    Interval.DAY: "j M",
    Interval.WEEK: "j M",
    Interval.MONTH: "M Y",
}


class ReportForm(CouponFilterForm):
    """Form that selects a report."""

    unit = forms.ChoiceField(
        label=gettext_lazy("Interval"), choices=list(UNIT_LABELS.items()), widget=UnfoldAdminSelectWidget()
    )
    timezone = forms.ChoiceField(
        label=gettext_lazy("Time zone"),
        choices=[(name, name) for name in sorted(available_timezones())],
        widget=UnfoldAdminSelectWidget(),
    )
    field_order = ("brand", "coupon", "code", "unit", "since", "until", "timezone")

    def __init__(self, parameters: Mapping[str, str], *, brands: list[Brand], at: datetime) -> None:
        self.at = at
        super().__init__(parameters, brands=brands)
        for name in ("since", "until"):
            self.fields[name].required = True

    def get_defaults(self, parameters: Mapping[str, str]) -> dict[str, str]:
        """Return the last ``DEFAULT_DAYS`` days, by day, in the brand's time zone."""
        zone = parameters.get("timezone", "")
        today = local_date(self.at, zone if zone in available_timezones() else self.selected_brand.timezone)
        return {
            "unit": str(Interval.DAY),
            "timezone": self.selected_brand.timezone,
            "since": f"{today - timedelta(days=DEFAULT_DAYS - 1)}",
            "until": f"{today}",
        }

    def report(self, at: datetime) -> Report | None:
        """Return the selected report until ``at``; None if the form has errors."""
        if not self.is_valid():
            return None
        cleaned = self.cleaned_data
        zone = ZoneInfo(cleaned["timezone"])
        start, end = start_of_day(cleaned["since"], zone), end_of_day(cleaned["until"], zone)
        options: dict[str, Any] = {
            "unit": Interval(cleaned["unit"]),
            "timezone": zone,
            "start": start,
            "end": max(start, min(end, at)),
            "at": at,
        }
        try:
            if cleaned["code"]:
                return reports.code_report(brand=self.selected_brand, code=cleaned["code"], **options)
            if self.selected_coupon:
                return reports.coupon_report(coupon=self.selected_coupon, **options)
            return reports.brand_report(brand=self.selected_brand, **options)
        except InvalidRequest as error:
            add_service_errors(self, error, FIELDS, "unit")
            return None

    def title(self) -> str:
        """Return the coupon, the code or the brand of the report."""
        if self.is_valid() and self.cleaned_data["code"]:
            return _("Code %(code)s") % {"code": self.cleaned_data["code"]}
        if self.selected_coupon:
            return str(self.selected_coupon)
        return _("All coupons of %(brand)s") % {"brand": self.selected_brand}

    def link(self) -> str:
        """Return the report as a query string."""
        coupon = str(self.selected_coupon.pk) if self.selected_coupon else ""
        names = ("code", "unit", "since", "until", "timezone")
        values = {name: self.data[name] for name in names if self.data.get(name)}
        return urlencode({"brand": self.selected_brand.slug, "coupon": coupon} | values)


@require_safe
@limit_concurrency("report")
def page(request: HttpRequest) -> HttpResponseBase:
    """Show ``/admin/coupons/report/`` to staff who may read a brand."""
    context = admin.site.each_context(request) | {"title": _("Reports"), "form": None, "report": None}
    form = _form(request)
    if form is not None:
        context |= {"form": form, "subject": form.title()}
        report = form.report(timezone.now())
        if report is not None and len(report.periods) > MAX_ROWS:
            message = _("Too many rows (max. %(count)s). Choose a longer interval or a shorter period.")
            form.add_error("unit", message % {"count": format_number(MAX_ROWS)})
        elif report is not None:
            context |= _context(report) | {"link": form.link()}
    return TemplateResponse(request, "admin/coupons/report.html", context)


@limit_concurrency("export")
@require_safe
def export(request: HttpRequest) -> HttpResponseBase:
    """Export the report at ``/admin/coupons/report/csv/``; show the page instead if the form has errors."""
    form = _form(request)
    report = form.report(timezone.now()) if form else None
    if form is None or report is None:
        return page(request)
    dates = f"{form.cleaned_data['since']}-{form.cleaned_data['until']}"
    name = f"coupons-{form.selected_brand.slug}-{report.unit}-{dates}.csv"
    return csv_response(name, reports.HEADER, reports.iter_lines(report))


def _form(request: HttpRequest) -> ReportForm | None:
    """Return the form of the request; None if there is no brand. Raises PermissionDenied."""
    brands = readable_brands(request)
    return ReportForm(request.GET.dict(), brands=brands, at=timezone.now()) if brands else None


def _context(report: Report) -> dict[str, Any]:
    total, unit, zone = report.total, report.unit, report.timezone.key
    periods = [(period.sums, period.start.astimezone(report.timezone)) for period in report.periods]
    between = {"period": format_period(report.start, report.end, zone), "zone": zone}
    return {
        "report": report,
        "heading": HEADINGS[unit],
        "between": _("%(period)s (%(zone)s)") % between,
        "cards": [
            (_("Redemptions"), format_number(total.redemptions), _("in this period")),
            (_("Discount"), format_totals(total.discount), _("net of returns")),
            (_("Returned"), format_number(total.refunded), _("so far")),
            (_("Expired or released"), format_number(total.released - total.refunded), _("reservations")),
        ],
        "chart": build_chart(
            [(formats.date_format(start, SHORT_FORMATS[unit]), sums.redemptions) for sums, start in periods],
            describe=describe_redemptions,
            period=_("in this period"),
        ),
        "rows": [
            {
                "start": formats.date_format(start, FORMATS[unit]),
                "redemptions": format_number(sums.redemptions),
                "discount": format_totals(sums.discount),
                "returned": format_number(sums.refunded),
                "unused": format_number(sums.released - sums.refunded),
            }
            for sums, start in reversed(periods)
        ],
    }
