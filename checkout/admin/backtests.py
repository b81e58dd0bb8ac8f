"""The admin's pages of backtests: asked for by whoever may edit, read by all of the brand's staff."""

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Model
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe
from unfold.decorators import display

from backoffice.base.admin import BrandScopedAdmin, has_multiple_brands
from backoffice.base.charts import Chart, build_daily_chart
from backoffice.base.filters import BrandFilter
from backoffice.base.form_fields import add_service_errors
from backoffice.base.formatting import format_date_range, format_percentage, format_totals, local_date
from checkout import services
from checkout.admin.cart_simulator import ask_brand, chosen_brand
from checkout.admin.forms import BacktestForm, recent_promotions
from checkout.models import UNFINISHED, Backtest, BacktestState
from core import ids, money
from core.errors import DomainError
from core.permissions import BrandPermissions

LABELS = {
    BacktestState.PENDING: "info",
    BacktestState.RUNNING: "info",
    BacktestState.COMPLETED: "success",
    BacktestState.CANCELED: "warning",
}
MAX_CHART_DAYS = 92


@admin.register(Backtest)
class BacktestAdmin(BrandScopedAdmin):
    """What promotions would have cost in the past."""

    list_filter = (BrandFilter,)
    list_select_related = ("brand",)
    ordering = ("-pk",)
    list_per_page = 50
    actions = None

    def get_list_display(self, request: HttpRequest) -> tuple[str, ...]:
        brand = ("brand",) if has_multiple_brands(request) else ()
        return ("title", "status_label", *brand, "period", "seen", "touched", "cost")

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    @display(description="state", label=LABELS)
    def status_label(self, test: Backtest) -> str:
        return test.state

    @display(description="period")
    def period(self, test: Backtest) -> str:
        return format_date_range(*days(test))

    @display(description="would have cost")
    def cost(self, test: Backtest) -> str:
        return format_backtest_totals(test, "cost")

    def get_urls(self) -> list[URLPattern]:
        wrap = self.admin_site.admin_view
        return [
            path("<uuid:pk>/progress/", wrap(require_safe(self.progress)), name="checkout_backtest_progress"),
            path("<uuid:pk>/cancel/", wrap(require_POST(self.cancel)), name="checkout_backtest_cancel"),
            *super().get_urls(),
        ]

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """The form that asks for a backtest."""
        brand = chosen_brand(request, BrandPermissions.EDIT)
        if brand is None:
            return ask_brand(request, BrandPermissions.EDIT, "New backtest: of which brand?")
        promotions, today = recent_promotions(brand), local_date(timezone.now(), brand.timezone)
        posted = request.POST if request.method == "POST" else None
        initial = {"first": today - timedelta(days=28), "last": today, "promotion": request.GET.get("promotion")}
        form = BacktestForm(posted, promotions=promotions, initial=initial)
        if form.is_valid():
            start, end = form.period(brand.timezone)
            promotion = next(it for it in promotions if str(it.pk) == form.cleaned_data["promotion"])
            try:
                made = services.create_backtest(promotion=promotion, start=start, end=end, at=timezone.now())
                return redirect("admin:checkout_backtest_change", made.pk)
            except DomainError as refusal:
                add_service_errors(form, refusal, form.FIELDS, "promotion")
        context = self.admin_site.each_context(request) | {
            "title": f"New backtest for {brand}", "opts": self.opts, "form": form, "has_promotions": bool(promotions),
        }  # fmt: skip
        return TemplateResponse(request, "admin/checkout/new_backtest.html", context)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """What a backtest found, or has found so far."""
        test = self._found(request, object_id)
        context = self.admin_site.each_context(request) | {
            "title": str(test), "opts": self.opts, "may_edit": self.has_brand_permission(request, BrandPermissions.EDIT, test), **build_context(test),
        }  # fmt: skip
        return TemplateResponse(request, "admin/checkout/backtest.html", context)

    def progress(self, request: HttpRequest, pk: Any) -> HttpResponse:
        """The part of the page that moves; once it is through the whole page is loaded again."""
        test = self._found(request, str(pk))
        response = TemplateResponse(request, "admin/checkout/progress.html", build_context(test))
        if test.state not in UNFINISHED:
            response["HX-Refresh"] = "true"
        return response

    def cancel(self, request: HttpRequest, pk: Any) -> HttpResponse:
        """The button that stops a backtest."""
        test = self._found(request, str(pk))
        if not self.has_brand_permission(request, BrandPermissions.EDIT, test):
            raise PermissionDenied
        services.cancel_backtest(pk=test.pk, at=timezone.now())
        messages.success(request, "The backtest was stopped where it was.")
        return redirect("admin:checkout_backtest_change", test.pk)

    def _found(self, request: HttpRequest, object_id: str) -> Backtest:
        found = self.get_object(request, object_id)
        if not isinstance(found, Backtest):
            raise Http404
        return found


def days(test: Backtest) -> tuple[date, date]:
    """The first and the last day of a backtest, on the brand's calendar."""
    zone = test.brand.timezone
    return local_date(test.start, zone), local_date(test.end - timedelta(microseconds=1), zone)


def format_backtest_totals(test: Backtest, name: str) -> str:
    """The ``cost`` or the ``extra`` of a backtest in every currency."""
    return format_totals({currency: each[name] for currency, each in test.results["currencies"].items()})


def build_context(test: Backtest) -> dict[str, Any]:
    """What the page of a backtest shows: values ready to read."""
    found = test.results
    return {
        "test": test,
        "state": (test.get_state_display(), LABELS[BacktestState(test.state)]),
        "moving": test.state in UNFINISHED,
        "percent": percent(test),
        "period": format_date_range(*days(test)),
        "cards": [
            ("Carts seen", f"{test.carts_seen:,}", "That were paid in these days"),
            (
                "Carts touched",
                f"{test.affected:,}",
                f"{format_percentage(test.affected, test.carts_seen)} of those seen" if test.carts_seen else "",
            ),
            ("Would have cost", format_backtest_totals(test, "cost"), "What the promotion itself takes off"),
            (
                "More than was given",
                format_backtest_totals(test, "extra"),
                "After what other offers would have given less",
            ),
        ],
        "charts": charts(test),
        "overlap": [
            row | {"kind": row["kind"].replace("_", " "), "less": format_totals(row["less"])}
            for row in sorted(found["overlap"].values(), key=lambda row: -(row["lost"] + row["changed"]))
        ],
        "drifted": found["drifted"],
        "unreadable": found["unreadable"],
    }


def percent(test: Backtest) -> int:
    """How far through its period a backtest has come, by the time of birth in the last cart's id."""
    if test.cursor is None:
        return 0
    reached, first, last = (
        each.int >> 80 for each in (test.cursor, ids.min_uuid7_at(test.start), ids.min_uuid7_at(test.end))
    )
    return max(0, min(100, 100 * (reached - first) // max(1, last - first)))


def charts(test: Backtest) -> list[tuple[str, Chart]]:
    """Carts touched a day, and for each currency what they would have cost more, in whole units of it."""
    first, last = days(test)
    span = min((last - first).days + 1, MAX_CHART_DAYS)
    found = {date.fromisoformat(day): each for day, each in test.results["days"].items()}
    drawn = [("Carts touched", {day: each["touched"] for day, each in found.items()}, "carts")]
    for currency in sorted(test.results["currencies"]):
        unit = 10 ** money.decimals(currency)
        values = {day: max(0, each["extra"].get(currency, 0)) // unit for day, each in found.items()}
        drawn.append((f"Taken off more, {currency}", values, currency))
    return [(title, _chart(values, last, span, what)) for title, values, what in drawn]


def _chart(values: dict[date, int], last: date, span: int, what: str) -> Chart:
    made = build_daily_chart(values, last=last, days=span, unit=what)
    return replace(made, summary=made.summary.replace("in the last", "over the last"))
