"""Admin pages of backtests: editors create them, all of the brand's staff read them."""

from datetime import date, timedelta
from functools import partial
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Model
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils import formats, timezone
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST, require_safe
from unfold.decorators import display

from accounts.models import Brand
from backoffice.base.admin import BrandScopedAdmin, has_multiple_brands
from backoffice.base.charts import Chart, build_chart
from backoffice.base.filters import BrandFilter
from backoffice.base.form_fields import add_service_errors
from backoffice.base.formatting import (
    format_amount,
    format_date_range,
    format_number,
    format_percentage,
    format_totals,
    get_percentage,
    local_date,
)
from backoffice.base.kinds import KIND_LABELS
from backoffice.brand_selection import BrandSelectionMixin
from checkout import selectors, services
from checkout.admin.forms import BacktestForm
from checkout.models import UNFINISHED, Backtest, BacktestState
from checkout.services.replay import OTHERS, upgrade_totals
from core import ids, money
from core.errors import DomainError
from core.permissions import BrandPermissions
from promotions.models import Promotion

LABELS = {
    BacktestState.PENDING: "info",
    BacktestState.RUNNING: "info",
    BacktestState.COMPLETED: "success",
    BacktestState.CANCELED: "warning",
}
INITIAL_DAYS = timedelta(days=28)


@admin.register(Backtest)
class BacktestAdmin(BrandSelectionMixin, BrandScopedAdmin):
    """Backtests of promotions."""

    list_filter = (BrandFilter,)
    list_select_related = ("brand",)
    ordering = ("-pk",)
    list_per_page = 50
    actions = None

    def get_list_display(self, request: HttpRequest) -> tuple[str, ...]:
        brand = ("brand",) if has_multiple_brands(request) else ()
        return ("title", "status_label", *brand, "period", "carts_seen", "affected", "cost")

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    @display(description=_("status"), label=LABELS)
    def status_label(self, backtest: Backtest) -> tuple[str, str]:
        return backtest.state, backtest.get_state_display()

    @display(description=_("period"))
    def period(self, backtest: Backtest) -> str:
        return format_date_range(*get_days(backtest))

    @display(description=_("projected cost"))
    def cost(self, backtest: Backtest) -> str:
        return format_backtest_totals(backtest, "cost")

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
        """Show and handle the form of a new backtest."""
        if not self.has_add_permission(request):
            raise PermissionDenied
        brand = self.selected_brand(request)
        if brand is None:
            return self.brand_selection_page(request)
        promotions = selectors.list_recent_promotions(brand, at=timezone.now())
        form = _build_form(request, brand, promotions)
        if form.is_valid() and (backtest := _create_backtest(form, brand, promotions)):
            return redirect("admin:checkout_backtest_change", backtest.pk)
        context = self.admin_site.each_context(request) | {
            "title": gettext("New backtest"),
            "subtitle": str(brand),
            "opts": self.opts,
            "form": form,
            "has_promotions": bool(promotions),
        }
        return TemplateResponse(request, "admin/checkout/new_backtest.html", context)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Show the results of a backtest, also while it is running."""
        backtest = self._get_or_404(request, object_id)
        context = self.admin_site.each_context(request) | {
            "title": str(backtest),
            "opts": self.opts,
            "may_edit": self.has_brand_permission(request, BrandPermissions.EDIT, backtest),
            **build_context(backtest),
        }
        return TemplateResponse(request, "admin/checkout/backtest.html", context)

    def progress(self, request: HttpRequest, pk: Any) -> HttpResponse:
        """Return the progress section, which the page polls. Once the backtest has finished, the page reloads."""
        backtest = self._get_or_404(request, str(pk))
        response = TemplateResponse(request, "admin/checkout/progress.html", build_context(backtest))
        if backtest.state not in UNFINISHED:
            response["HX-Refresh"] = "true"
        return response

    def cancel(self, request: HttpRequest, pk: Any) -> HttpResponse:
        """Cancel a backtest."""
        backtest = self._get_or_404(request, str(pk))
        if not self.has_brand_permission(request, BrandPermissions.EDIT, backtest):
            raise PermissionDenied
        services.cancel_backtest(pk=backtest.pk, at=timezone.now())
        messages.success(request, gettext("Backtest canceled."))
        return redirect("admin:checkout_backtest_change", backtest.pk)

    def _get_or_404(self, request: HttpRequest, object_id: str) -> Backtest:
        backtest = self.get_object(request, object_id)
        if not isinstance(backtest, Backtest):
            raise Http404
        return backtest


def _build_form(request: HttpRequest, brand: Brand, promotions: list[Promotion]) -> BacktestForm:
    today = local_date(timezone.now(), brand.timezone)
    return BacktestForm(
        request.POST if request.method == "POST" else None,
        promotions=promotions,
        initial={"first": today - INITIAL_DAYS, "last": today, "promotion": request.GET.get("promotion")},
    )


def _create_backtest(form: BacktestForm, brand: Brand, promotions: list[Promotion]) -> Backtest | None:
    """Create the backtest of a valid form; None if the service rejects it, with errors at the fields."""
    start, end = form.get_period(brand.timezone)
    promotion = next(promotion for promotion in promotions if str(promotion.pk) == form.cleaned_data["promotion"])
    try:
        return services.create_backtest(promotion=promotion, start=start, end=end, at=timezone.now())
    except DomainError as error:
        add_service_errors(form, error, form.FIELDS, "promotion")
        return None


def get_days(backtest: Backtest) -> tuple[date, date]:
    """Return the first and the last day of a backtest in the brand's time zone."""
    zone = backtest.brand.timezone
    return local_date(backtest.start, zone), local_date(backtest.end - timedelta(microseconds=1), zone)


def format_backtest_totals(backtest: Backtest, name: str) -> str:
    """Return the ``cost`` or the ``extra`` of a backtest in every currency."""
    return format_totals({currency: sums[name] for currency, sums in backtest.results["currencies"].items()})


def build_context(backtest: Backtest) -> dict[str, Any]:
    """Return a backtest in the form that the templates show."""
    totals = upgrade_totals(backtest.results)
    share = format_percentage(backtest.affected, backtest.carts_seen) if backtest.carts_seen else ""
    return {
        "backtest": backtest,
        "status": (backtest.get_state_display(), LABELS[BacktestState(backtest.state)]),
        "is_unfinished": backtest.state in UNFINISHED,
        "percent": get_progress(backtest),
        "period": format_date_range(*get_days(backtest)),
        "cards": [
            (gettext("Orders analyzed"), format_number(backtest.carts_seen), gettext("Paid in this period")),
            (
                gettext("Orders affected"),
                format_number(backtest.affected),
                gettext("%(share)s of the orders analyzed") % {"share": share} if share else "",
            ),
            (
                gettext("Projected cost"),
                format_backtest_totals(backtest, "cost"),
                gettext("Discount of this promotion"),
            ),
            (
                gettext("Additional discount"),
                format_backtest_totals(backtest, "extra"),
                gettext("After savings on other offers"),
            ),
        ],
        "charts": build_charts(backtest, totals),
        "overlap": build_overlap(totals),
        "drifted": totals["drifted"],
        "unreadable": totals["unreadable"],
    }


def build_overlap(totals: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the offers that lose discounts to the promotion, those in most orders first."""
    rows = sorted(totals["overlap"].items(), key=lambda item: -(item[1]["lost"] + item[1]["changed"]))
    return [
        row
        | {
            "name": gettext("Other offers") if reference == OTHERS else row["name"],
            "kind": KIND_LABELS.get(row["kind"], ""),
            "less": format_totals(row["less"]),
        }
        for reference, row in rows
    ]


def get_progress(backtest: Backtest) -> int:
    """Return the analyzed percentage of the period, from the time in the last order's UUIDv7."""
    if backtest.cursor is None:
        return 0
    reached, start, end = (
        uuid.int >> 80 for uuid in (backtest.cursor, ids.min_uuid7_at(backtest.start), ids.min_uuid7_at(backtest.end))
    )
    return get_percentage(reached - start, max(1, end - start))


def build_charts(backtest: Backtest, totals: dict[str, Any]) -> list[tuple[str, Chart]]:
    """Return charts by day: affected orders, and the additional discount in each currency.

    They cover the whole period, and a discount can be negative, so each sums up to the figure of its card.
    """
    first, last = get_days(backtest)
    day_count = (last - first).days + 1
    span = [first + timedelta(days=number) for number in range(day_count)]
    period = ngettext("in %(count)s day", "in %(count)s days", day_count) % {"count": day_count}
    days = {date.fromisoformat(day): row for day, row in totals["days"].items()}
    orders = [(formats.date_format(day, "j M"), days.get(day, {}).get("affected", 0)) for day in span]
    charts = [(gettext("Orders affected"), build_chart(orders, describe=_describe_orders, period=period))]
    for currency in sorted(totals["currencies"]):
        extra = {day: row["extra"].get(currency, 0) for day, row in days.items()}
        chart = build_chart(
            [(formats.date_format(day, "j M"), extra.get(day, 0)) for day in span],
            describe=partial(format_amount, currency=currency),
            format_value=partial(format_amount, currency=currency),
            scale=10 ** money.decimals(currency),
            period=period,
        )
        charts.append((gettext("Additional discount (%(currency)s)") % {"currency": currency}, chart))
    return charts


def _describe_orders(count: int) -> str:
    return ngettext("%(count)s order", "%(count)s orders", count) % {"count": format_number(count)}
