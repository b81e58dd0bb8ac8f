"""The report's page: what became of a coupon's redemptions, or of all of a brand's, by hour, day, week or month."""

import uuid
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo, available_timezones

from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponseBase
from django.template.response import TemplateResponse
from django.utils import timezone
from django.views.decorators.http import require_safe
from unfold.widgets import UnfoldAdminSelectWidget

from accounts.models import Brand
from coupons.models import CouponDefinition
from coupons.services import reporting
from coupons.services.reporting import Report
from promoplatform.kernel import pages
from promoplatform.kernel.admin import brands_with
from promoplatform.kernel.errors import Invalid
from promoplatform.kernel.periods import Unit
from promoplatform.kernel.rights import Rights

DAYS = 30  # that are shown where nothing else is asked for
COUPONS = 200  # the newest, to choose from
MOST = 800  # periods on one page; the API gives more
FIELDS = {"from": "since", "to": "until", "unit": "unit"}
TITLES = {Unit.HOUR: "hour", Unit.DAY: "day", Unit.WEEK: "week (its Monday)", Unit.MONTH: "month"}
LABELS = {Unit.HOUR: "%-d %b %Y, %H:%M", Unit.DAY: "%a, %-d %b %Y", Unit.WEEK: "%-d %b %Y", Unit.MONTH: "%B %Y"}
SHORT = {Unit.HOUR: "%-d %b %H:%M", Unit.DAY: "%-d %b", Unit.WEEK: "%-d %b", Unit.MONTH: "%b %Y"}


class ReportForm(forms.Form):
    """What to report. What is wrong with a field stands beside it, and nothing is shown then."""

    brand = forms.ChoiceField(required=False, widget=UnfoldAdminSelectWidget())
    coupon = forms.ChoiceField(required=False, widget=UnfoldAdminSelectWidget())
    unit = forms.ChoiceField(
        label="By", choices=[(str(unit), str(unit).capitalize()) for unit in Unit], widget=UnfoldAdminSelectWidget()
    )
    since = forms.DateField(label="From", widget=pages.Picker(day=True))
    until = forms.DateField(label="To", widget=pages.Picker(day=True))
    zone = forms.ChoiceField(
        label="Time zone",
        choices=[(name, name) for name in sorted(available_timezones())],
        widget=UnfoldAdminSelectWidget(),
    )

    def __init__(self, asked: Mapping[str, str], *, brands: list[Brand], at: datetime) -> None:
        self.chosen = _coupon(asked.get("coupon", ""), brands)
        self.whose = self.chosen.brand if self.chosen else _named(asked.get("brand", ""), brands)
        today = pages.today(at, asked["zone"] if asked.get("zone") in available_timezones() else self.whose.timezone)
        usual = {"unit": str(Unit.DAY), "zone": self.whose.timezone, "until": f"{today}"}
        usual |= {"since": f"{today - timedelta(days=DAYS - 1)}"}
        super().__init__(usual | dict(asked) | {"brand": self.whose.slug})
        self.fields["brand"].choices = [(brand.slug, brand.name) for brand in brands]  # type: ignore[attr-defined]
        if len(brands) < 2:
            self.fields["brand"].widget = forms.HiddenInput()
        newest = list(CouponDefinition.objects.filter(brand=self.whose).order_by("-pk")[:COUPONS])
        shown = newest if self.chosen is None or self.chosen in newest else [self.chosen, *newest]
        every = [("", "All coupons"), *((str(coupon.pk), coupon.title) for coupon in shown)]
        self.fields["coupon"].choices = every  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        for name in ("since", "until"):
            day: date | None = cleaned.get(name)
            if day and not reporting.EARLIEST.year < day.year < reporting.LATEST.year:
                self.add_error(name, f"Choose a day between {reporting.EARLIEST.year} and {reporting.LATEST.year}.")
        if cleaned.get("since") and cleaned.get("until") and cleaned["until"] < cleaned["since"]:
            self.add_error("until", "The last day comes before the first.")
        return cleaned

    def report(self, at: datetime) -> Report | None:
        """The report that is asked for, without the future; None when there is none, and the form says why."""
        if not self.is_valid():
            return None
        data = self.cleaned_data
        until = pages.midnight(data["until"] + timedelta(days=1), data["zone"])
        first = pages.midnight(data["since"], data["zone"])
        asked: dict[str, Any] = {
            "unit": Unit(data["unit"]), "zone": ZoneInfo(data["zone"]), "first": first,
            "until": max(first, min(until, at)), "at": at,
        }  # fmt: skip
        try:
            if self.chosen:
                return reporting.of_coupon(coupon=self.chosen, **asked)
            return reporting.of_brand(brand=self.whose, **asked)
        except Invalid as refusal:
            pages.blame(self, refusal, FIELDS, "unit")
            return None

    def link(self) -> str:
        """The same report as a query."""
        asked = {"brand": self.whose.slug, "coupon": str(self.chosen.pk) if self.chosen else ""}
        names = ("unit", "since", "until", "zone")
        return urlencode(asked | {name: self.data[name] for name in names})


def _coupon(text: str, brands: list[Brand]) -> CouponDefinition | None:
    """The coupon of this id, if it is one of the brands'."""
    try:
        key = uuid.UUID(text)
    except ValueError:
        return None
    return CouponDefinition.objects.select_related("brand").filter(pk=key, brand__in=brands).first()


def _named(slug: str, brands: list[Brand]) -> Brand:
    return next((brand for brand in brands if brand.slug == slug), brands[0])


@require_safe
def page(request: HttpRequest) -> HttpResponseBase:
    """``/admin/coupons/report/``: for whoever reads a brand's objects."""
    context = admin.site.each_context(request) | {"title": "Report", "form": None, "report": None}
    form = _form(request)
    if form is not None:
        context |= {"form": form, "of": form.chosen or f"All coupons of {form.whose}"}
        report = form.report(timezone.now())
        if report is not None and len(report.periods) > MOST:
            form.add_error("unit", f"That is more than {MOST} lines: choose a longer unit or a shorter time.")
        elif report is not None:
            context |= _shown(report) | {"link": form.link()}
    return TemplateResponse(request, "admin/coupons/report.html", context)


@require_safe
def export(request: HttpRequest) -> HttpResponseBase:
    """``/admin/coupons/report/csv/``: the same as a file; the page, where there is no report to be had."""
    form = _form(request)
    report = form.report(timezone.now()) if form else None
    if form is None or report is None:
        return page(request)
    name = f"coupons-{form.whose.slug}-{report.unit}-{form.cleaned_data['since']}-{form.cleaned_data['until']}.csv"
    return pages.csv_response(name, reporting.HEADER, reporting.lines(report))


def _form(request: HttpRequest) -> ReportForm | None:
    """What is asked for; None while there is no brand. Raises PermissionDenied."""
    keys, rows = brands_with(request, Rights.READ), Brand.objects.order_by("name")
    if keys == []:
        raise PermissionDenied
    brands = list(rows if keys is None else rows.filter(pk__in=keys))
    return ReportForm(request.GET.dict(), brands=brands, at=timezone.now()) if brands else None


def _shown(report: Report) -> dict[str, Any]:
    total, unit = report.total, report.unit
    starts = [(period.sums, period.start.astimezone(report.zone)) for period in report.periods]
    zone = report.zone.key
    return {
        "report": report,
        "heading": TITLES[unit],
        "between": f"from {pages.local(report.first, zone)} to {pages.local(report.until, zone)}, {zone} time",
        "cards": [
            ("Redemptions", f"{total.redemptions:,}", "made in this time"),
            ("Taken off", pages.amounts(total.given), "by redemptions that stand"),
            ("Refunded", f"{total.refunded:,}", "of these, by now"),
            ("Unused", f"{total.released - total.refunded:,}", "reservations let go of or expired"),
        ],
        "chart": pages.bars(
            [(f"{start:{SHORT[unit]}}", sums.redemptions) for sums, start in starts],
            what="redemptions", when="in this time",
        ),
        "rows": [
            {
                "start": f"{start:{LABELS[unit]}}",
                "redemptions": f"{sums.redemptions:,}",
                "given": pages.amounts(sums.given),
                "refunded": f"{sums.refunded:,}",
                "unused": f"{sums.released - sums.refunded:,}",
            }
            for sums, start in reversed(starts)
        ],
    }  # fmt: skip
