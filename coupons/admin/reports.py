"""The report's page: what became of a coupon's redemptions, or of all of a brand's, by hour, day, week or month."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo, available_timezones

from django import forms
from django.contrib import admin
from django.http import HttpRequest, HttpResponseBase
from django.template.response import TemplateResponse
from django.utils import timezone
from django.views.decorators.http import require_safe
from unfold.widgets import UnfoldAdminSelectWidget

from accounts.models import Brand
from backoffice.base.charts import build_chart
from backoffice.base.csv_export import csv_response
from backoffice.base.form_fields import add_service_errors
from backoffice.base.formatting import format_datetime, format_totals, local_date, local_midnight
from core.errors import InvalidRequest
from core.periods import Interval
from coupons.admin.filters import CouponFilterForm, readable_brands
from coupons.services import reports
from coupons.services.reports import Report

DAYS = 30  # that are shown where nothing else is asked for
MAX_ROWS = 800  # periods on one page; the API gives more
FIELDS = {"from": "since", "to": "until", "unit": "unit", "code": "code"}
TITLES = {Interval.HOUR: "hour", Interval.DAY: "day", Interval.WEEK: "week (its Monday)", Interval.MONTH: "month"}
LABELS = {
    Interval.HOUR: "%-d %b %Y, %H:%M",
    Interval.DAY: "%a, %-d %b %Y",
    Interval.WEEK: "%-d %b %Y",
    Interval.MONTH: "%B %Y",
}
SHORT_FORMATS = {
    Interval.HOUR: "%-d %b %H:%M",
    Interval.DAY: "%-d %b",
    Interval.WEEK: "%-d %b",
    Interval.MONTH: "%b %Y",
}


class ReportForm(CouponFilterForm):
    """What to report."""

    unit = forms.ChoiceField(
        label="By", choices=[(str(unit), str(unit).capitalize()) for unit in Interval], widget=UnfoldAdminSelectWidget()
    )
    zone = forms.ChoiceField(
        label="Time zone",
        choices=[(name, name) for name in sorted(available_timezones())],
        widget=UnfoldAdminSelectWidget(),
    )
    field_order = ("brand", "coupon", "code", "unit", "since", "until", "zone")

    def __init__(self, asked: Mapping[str, str], *, brands: list[Brand], at: datetime) -> None:
        self.at = at
        super().__init__(asked, brands=brands)
        for name in ("since", "until"):
            self.fields[name].required = True

    def get_defaults(self, asked: Mapping[str, str]) -> dict[str, str]:
        """The last days by day, in the brand's time zone."""
        zone = asked["zone"] if asked.get("zone") in available_timezones() else self.whose.timezone
        today = local_date(self.at, zone)
        return {
            "unit": str(Interval.DAY), "zone": self.whose.timezone, "since": f"{today - timedelta(days=DAYS - 1)}",
            "until": f"{today}",
        }  # fmt: skip

    def report(self, at: datetime) -> Report | None:
        """The report that is asked for, without the future; None when there is none, and the form says why."""
        if not self.is_valid():
            return None
        data = self.cleaned_data
        until = local_midnight(data["until"] + timedelta(days=1), data["zone"])
        first = local_midnight(data["since"], data["zone"])
        asked: dict[str, Any] = {
            "unit": Interval(data["unit"]), "zone": ZoneInfo(data["zone"]), "first": first,
            "until": max(first, min(until, at)), "at": at,
        }  # fmt: skip
        try:
            if data["code"]:
                return reports.code_report(brand=self.whose, code=data["code"], **asked)
            if self.chosen:
                return reports.coupon_report(coupon=self.chosen, **asked)
            return reports.brand_report(brand=self.whose, **asked)
        except InvalidRequest as refusal:
            add_service_errors(self, refusal, FIELDS, "unit")
            return None

    def title(self) -> str:
        """What is reported."""
        if self.is_valid() and self.cleaned_data["code"]:
            return f"Code {self.cleaned_data['code']}"
        return str(self.chosen or f"All coupons of {self.whose}")

    def link(self) -> str:
        """The same report as a query."""
        asked = {"brand": self.whose.slug, "coupon": str(self.chosen.pk) if self.chosen else ""}
        names = ("code", "unit", "since", "until", "zone")
        return urlencode(asked | {name: self.data[name] for name in names if self.data.get(name)})


@require_safe
def page(request: HttpRequest) -> HttpResponseBase:
    """``/admin/coupons/report/``: for whoever reads a brand's objects."""
    context = admin.site.each_context(request) | {"title": "Report", "form": None, "report": None}
    form = _form(request)
    if form is not None:
        context |= {"form": form, "of": form.title()}
        report = form.report(timezone.now())
        if report is not None and len(report.periods) > MAX_ROWS:
            form.add_error("unit", f"That is more than {MAX_ROWS} lines: choose a longer unit or a shorter time.")
        elif report is not None:
            context |= _context(report) | {"link": form.link()}
    return TemplateResponse(request, "admin/coupons/report.html", context)


@require_safe
def export(request: HttpRequest) -> HttpResponseBase:
    """``/admin/coupons/report/csv/``: the same as a file; the page, where there is no report to be had."""
    form = _form(request)
    report = form.report(timezone.now()) if form else None
    if form is None or report is None:
        return page(request)
    name = f"coupons-{form.whose.slug}-{report.unit}-{form.cleaned_data['since']}-{form.cleaned_data['until']}.csv"
    return csv_response(name, reports.HEADER, reports.lines(report))


def _form(request: HttpRequest) -> ReportForm | None:
    """What is asked for; None while there is no brand. Raises PermissionDenied."""
    brands = readable_brands(request)
    return ReportForm(request.GET.dict(), brands=brands, at=timezone.now()) if brands else None


def _context(report: Report) -> dict[str, Any]:
    total, unit = report.total, report.unit
    starts = [(period.sums, period.start.astimezone(report.timezone)) for period in report.periods]
    zone = report.timezone.key
    return {
        "report": report,
        "heading": TITLES[unit],
        "between": f"from {format_datetime(report.start, zone)} to {format_datetime(report.end, zone)}, {zone} time",
        "cards": [
            ("Redemptions", f"{total.redemptions:,}", "made in this time"),
            ("Taken off", format_totals(total.discount), "by redemptions that stand"),
            ("Refunded", f"{total.refunded:,}", "of these, by now"),
            ("Unused", f"{total.released - total.refunded:,}", "reservations let go of or expired"),
        ],
        "chart": build_chart(
            [(f"{start:{SHORT_FORMATS[unit]}}", sums.redemptions) for sums, start in starts],
            unit="redemptions", period="in this time",
        ),
        "rows": [
            {
                "start": f"{start:{LABELS[unit]}}",
                "redemptions": f"{sums.redemptions:,}",
                "given": format_totals(sums.discount),
                "refunded": f"{sums.refunded:,}",
                "unused": f"{sums.released - sums.refunded:,}",
            }
            for sums, start in reversed(starts)
        ],
    }  # fmt: skip
