"""The admin's pages of codes: made by a form, watched by numbers, announced and switched off by actions."""

from datetime import datetime
from typing import Any, cast

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Model, Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST, require_safe
from unfold.decorators import display

from backoffice.base.admin import AnnotatedChangeList, BrandScopedAdmin, EstimatingPaginator, has_multiple_brands
from backoffice.base.charts import build_daily_chart
from backoffice.base.filters import BrandFilter, StatusFilter
from backoffice.base.formatting import EMPTY_VALUE, format_capped_count, format_datetime, format_totals, local_date
from backoffice.brand_selection import BrandCreateMixin, force_render
from core.errors import DomainError
from core.permissions import BrandPermissions
from discounts import selectors, services
from discounts.admin import numbers
from discounts.admin.forms import ChangeCodeForm, CodeForm
from discounts.emails import terms
from discounts.models import DiscountCode
from mailings.models import Mailing

STATES = {"active": "success", "expired": "warning", "switched off": "danger"}


def state_of(code: DiscountCode) -> str:
    """In a word, whether shoppers can use it."""
    if not code.is_active:
        return "switched off"
    return "active" if code.validity > timezone.now() else "expired"


class CodeStatusFilter(StatusFilter):
    """A filter by the status that follows from a code's switch and validity."""

    statuses = (("active", _("Active")), ("expired", _("Ended")), ("off", _("Paused")))

    def get_condition(self, status: str, at: datetime) -> Q:
        return {
            "active": Q(is_active=True, validity__gt=at),
            "expired": Q(is_active=True, validity__lte=at),
            "off": Q(is_active=False),
        }[status]


class CodeList(AnnotatedChangeList):
    """A page of codes with their uses and mails."""

    def count(self, rows: list[Any]) -> None:
        counted = numbers.count_by_code([code.pk for code in rows])
        for code in rows:
            code.numbers = counted[code.pk]


@admin.register(DiscountCode)
class DiscountCodeAdmin(BrandCreateMixin, BrandScopedAdmin):
    """A brand's codes."""

    creation_form = CodeForm
    list_filter = (CodeStatusFilter, BrandFilter, "notify")
    list_select_related = ("brand", "rule")
    search_fields = ("code",)
    search_help_text = "The code, or its beginning"
    ordering = ("-pk",)
    list_per_page = 25
    show_full_result_count = False
    paginator = EstimatingPaginator
    actions = ("announce", "activate", "deactivate")
    change_form_outer_before_template = "admin/discounts/code_metrics.html"
    add_fieldsets = (
        (None, {"fields": ("text", "existing")}),
        ("A new discount", {"fields": ("discount", "name", "audience", "minimum")}),
        ("When and to whom", {"fields": ("validity", "notify")}),
    )
    fieldsets = ((None, {"fields": ("offer_summary", "validity", "is_active", "announced_by_mail", "created")}),)
    readonly_fields = ("offer_summary", "announced_by_mail", "created")

    def get_list_display(self, request: HttpRequest) -> tuple[str, ...]:
        brand = ("brand",) if has_multiple_brands(request) else ()
        return ("code_text", "percentage", *brand, "state", "valid_until", "uses", "announcement_progress")

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[AnnotatedChangeList]:
        return CodeList

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[DiscountCode], search_term: str
    ) -> tuple[QuerySet[DiscountCode], bool]:
        term = search_term.strip().upper()
        return queryset.filter(code__text__startswith=term) if term else queryset, False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    # --- columns and fields ------------------------------------------------------------------------------------------
    @display(description="code", ordering="code_id")
    def code_text(self, code: DiscountCode) -> str:
        return code.code_id

    @display(description="discount", label=True, ordering="rule__discount")
    def percentage(self, code: DiscountCode) -> str:
        return f"{code.rule.discount} %"

    @display(description="state", label=STATES)
    def state(self, code: DiscountCode) -> str:
        return state_of(code)

    @display(description="valid until", ordering="validity")
    def valid_until(self, code: DiscountCode) -> str:
        return format_datetime(code.validity, code.brand.timezone)

    @display(description="uses")
    def uses(self, code: Any) -> str:
        return format_capped_count(code.numbers["uses"], numbers.LIST_CAP)

    @display(description="mails sent of planned")
    def announcement_progress(self, code: Any) -> str:
        if not code.numbers["planned"]:
            return EMPTY_VALUE
        sent, planned = (format_capped_count(code.numbers[name], numbers.LIST_CAP) for name in ("sent", "planned"))
        return f"{sent} of {planned}"

    @display(description="gives")
    def offer_summary(self, code: DiscountCode) -> str:
        told = " ".join(terms(code))
        whom = f" For {code.rule.audience.replace('_', ' ')} only." if code.rule.audience else ""
        return f"{told}{whom}"

    @display(description="announced by e-mail", boolean=True)
    def announced_by_mail(self, code: DiscountCode) -> bool:
        return code.notify

    @display(description="made")
    def created(self, code: DiscountCode) -> str:
        by = f" by {code.created_by}" if code.created_by else ""
        return f"{format_datetime(code.created_at, code.brand.timezone)}{by}"

    # --- the page of one code ----------------------------------------------------------------------------------------
    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        if obj is not None:
            kwargs["form"] = ChangeCodeForm
        return super().get_form(request, obj, change=change, **kwargs)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        code = self._code(request, object_id)
        with timezone.override(code.brand.timezone):
            response = super().change_view(
                request, object_id, form_url, {**(extra_context or {}), **self._numbers(request, code)}
            )
            return force_render(response)

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        if not change:
            return  # the form's service has made it
        if not self.has_brand_permission(request, self.needs_to_change, obj):
            raise PermissionDenied
        validity = obj.validity if "validity" in form.changed_data and obj.validity != form.before else None
        services.change_code(code=obj, at=timezone.now(), validity=validity, is_active=obj.is_active)

    def response_add(self, request: HttpRequest, obj: Model, post_url_continue: str | None = None) -> HttpResponse:
        if "_addanother" in request.POST:
            return cast("HttpResponse", super().response_add(request, obj, post_url_continue))
        messages.success(request, f"The code {obj} is made.")
        return redirect("admin:discounts_discountcode_change", obj.pk)

    def _code(self, request: HttpRequest, object_id: str) -> DiscountCode:
        code = self.get_object(request, object_id)
        if code is None or not self.has_view_permission(request, code):
            raise Http404
        return code  # type: ignore[no-any-return]

    def _numbers(self, request: HttpRequest, code: DiscountCode) -> dict[str, Any]:
        """What the page shows above the form."""
        now, zone = timezone.now(), code.brand.timezone
        day = local_date(now, zone)
        days = numbers.by_day(code=code.pk, zone=zone, at=now)
        uses, given = numbers.totals(code)
        cards = [
            ("Uses", format_capped_count(uses, numbers.PAGE_CAP - 1), "in all"),
            ("Today", f"{days.uses[day]:,}", "since midnight"),
            ("Discount given", format_totals(given), f"{format_totals(days.discount_since(day))} today"),
            ("Held at checkout", f"{numbers.reserved(code, now):,}", "now"),
            ("Given back", format_capped_count(numbers.returned(code), numbers.LIST_CAP), "in all"),
        ]
        return {
            "show_save_and_add_another": False,
            "code": code,
            "cards": cards,
            "state": (state_of(code), STATES[state_of(code)]),
            "chart": build_daily_chart(days.uses, last=day, days=numbers.DAYS, unit="uses"),
            "chart_title": "Uses per day",
            "may_edit": self.has_brand_permission(request, BrandPermissions.EDIT, code),
            "uses_url": f"{reverse('admin:discounts_usage_changelist')}?brand={code.brand.slug}&code={code.code_id}",
            **self._announcement(code),
        }

    def _announcement(self, code: DiscountCode) -> dict[str, Any]:
        """How far the announcement is, for its bar."""
        told = selectors.announcement_progress(code)
        mailing = Mailing.objects.filter(key=f"discount_code:{code.code_id}").only("status").first()
        settled = told["sent"] + told["failed"]
        return {
            "told": told,
            "phase": mailing.status if mailing else "",
            "percent": round(100 * settled / told["planned"]) if told["planned"] else 0,
            "moving": bool(mailing and mailing.status != "done")
            or (code.notify and not mailing and state_of(code) == "active"),
        }

    # --- actions -----------------------------------------------------------------------------------------------------
    def get_urls(self) -> list[URLPattern]:
        wrap = self.admin_site.admin_view
        return [
            path("<int:pk>/announce/", wrap(require_POST(self.announce_view)), name="discounts_discountcode_announce"),
            path("<int:pk>/progress/", wrap(require_safe(self.progress_view)), name="discounts_discountcode_progress"),
            *super().get_urls(),
        ]

    def announce_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """The button on a code's page."""
        code = self._code(request, str(pk))
        if not self.has_brand_permission(request, BrandPermissions.EDIT, code):
            raise PermissionDenied
        self._announce(request, [code])
        return redirect("admin:discounts_discountcode_change", pk)

    def progress_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """The announcement's bar alone, as the page asks for it every other second."""
        code = self._code(request, str(pk))
        return TemplateResponse(request, "admin/discounts/progress.html", {"code": code, **self._announcement(code)})

    def has_edit_permission(self, request: HttpRequest) -> bool:
        return self.has_brand_permission(request, BrandPermissions.EDIT)

    @admin.action(description="Announce by e-mail", permissions=["edit"])
    def announce(self, request: HttpRequest, queryset: QuerySet[DiscountCode]) -> None:
        self._announce(request, self._editable(request, queryset))

    @admin.action(description="Switch on", permissions=["edit"])
    def activate(self, request: HttpRequest, queryset: QuerySet[DiscountCode]) -> None:
        self._set_active(request, queryset, on=True)

    @admin.action(description="Switch off", permissions=["edit"])
    def deactivate(self, request: HttpRequest, queryset: QuerySet[DiscountCode]) -> None:
        self._set_active(request, queryset, on=False)

    def _editable(self, request: HttpRequest, queryset: QuerySet[DiscountCode]) -> list[DiscountCode]:
        return list(self.filter_queryset(queryset, request, BrandPermissions.EDIT))

    def _announce(self, request: HttpRequest, codes: list[DiscountCode]) -> None:
        for code in codes:
            try:
                services.announce_code(code=code, at=timezone.now())
            except DomainError as refusal:
                messages.error(request, f"{code}: {refusal.detail}")
            else:
                messages.success(request, f"{code} is being announced; nobody gets a second mail about it.")

    def _set_active(self, request: HttpRequest, queryset: QuerySet[DiscountCode], *, on: bool) -> None:
        codes = self._editable(request, queryset)
        for code in codes:
            services.change_code(code=code, at=timezone.now(), is_active=on)
        messages.success(request, f"Switched {'on' if on else 'off'}: {len(codes)}.")
