"""Admin pages of promotions: list, details and form, and changes of status."""

from datetime import datetime
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Model, Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST, require_safe
from unfold.decorators import display

from accounts.models import Brand
from backoffice.base.admin import AnnotatedChangeList, BrandScopedAdmin, EstimatingPaginator, has_multiple_brands
from backoffice.base.filters import BrandFilter, StatusFilter
from backoffice.base.formatting import format_amount, format_number, format_period
from backoffice.brand_selection import BrandSelectionMixin, force_render
from core.errors import DomainError
from core.permissions import BrandPermissions
from promotions import services
from promotions.admin import calendar, metrics, offer_field
from promotions.admin.batches import BatchViews
from promotions.admin.promotion_form import PromotionForm, get_copy_values
from promotions.models import ENDED_STATUSES, Promotion, Status, Trigger
from promotions.selectors.promotions import list_promotion_syncs
from redemptions.codes.selectors.codes import get_generic_codes
from segments.selectors import get_segments_by_promotion

STATUS_COLORS = {
    Status.DRAFT: "info",
    Status.SCHEDULED: "primary",
    Status.ACTIVE: "success",
    Status.ACTIVE_WITHOUT_AUDIENCE: "warning",
    Status.ENDED: "info",
    Status.DEACTIVATED: "danger",
}
LIMIT_TEXTS: tuple[tuple[str, str | Promise], ...] = (
    ("limit_total", gettext_lazy("%(limit)s total")),
    ("limit_per_user", gettext_lazy("%(limit)s per customer")),
    ("limit_per_day", gettext_lazy("%(limit)s per day")),
    ("limit_per_week", gettext_lazy("%(limit)s per week")),
    ("limit_per_month", gettext_lazy("%(limit)s per month")),
)


class PromotionStatusFilter(StatusFilter):
    """A filter by status. Both stored statuses of an ended promotion are one choice."""

    statuses = [(status.value, status.label) for status in Status if status != Status.DEACTIVATED]

    def get_condition(self, status: str, at: datetime) -> Q:
        return Q(status__in=ENDED_STATUSES) if status == Status.ENDED else super().get_condition(status, at)


class PromotionList(AnnotatedChangeList):
    """A page of promotions with their segments."""

    def annotate(self, rows: list[Promotion]) -> None:
        ids = [promotion.pk for promotion in rows if promotion.target_audience]
        segments = get_segments_by_promotion(promotion_ids=ids)
        for promotion in rows:
            promotion.segment = segments.get(promotion.pk)  # type: ignore[attr-defined]


@admin.register(Promotion)
class PromotionAdmin(BrandSelectionMixin, BrandScopedAdmin):
    """A brand's promotions, newest first."""

    list_filter = (PromotionStatusFilter, BrandFilter)
    list_select_related = ("brand",)
    search_fields = ("name",)
    ordering = ("-pk",)
    list_per_page = 50
    show_full_result_count = False
    paginator = EstimatingPaginator
    actions = ("activate", "end")

    def get_list_display(self, request: HttpRequest) -> tuple[str, ...]:
        brand = ("brand",) if has_multiple_brands(request) else ()
        return ("name", "state", *brand, "dates", "audience", "trigger", "offer_summary", "limits_summary")

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[AnnotatedChangeList]:
        return PromotionList

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def is_ended(self, promotion: Promotion) -> bool:
        """Return whether the promotion has ended, after which nothing can be changed."""
        return promotion.status in ENDED_STATUSES

    def has_edit_permission(self, request: HttpRequest) -> bool:
        return self.has_brand_permission(request, BrandPermissions.EDIT)

    # --- columns -----------------------------------------------------------------------------------------------------
    @display(description=gettext_lazy("Status"), label=STATUS_COLORS, ordering="status")
    def state(self, promotion: Promotion) -> tuple[str, str]:
        return promotion.status, promotion.get_status_display()

    @display(description=gettext_lazy("Dates"), ordering="start_date")
    def dates(self, promotion: Promotion) -> str:
        return format_dates(promotion)

    @display(description=gettext_lazy("Audience"))
    def audience(self, promotion: Promotion) -> str:
        return metrics.audience_label(promotion, promotion.segment)  # type: ignore[attr-defined]  # set by PromotionList

    @display(description=gettext_lazy("Discount"))
    def offer_summary(self, promotion: Promotion) -> str:
        return offer_field.describe_stored_offer(promotion.offer, promotion.brand)

    @display(description=gettext_lazy("Limits"))
    def limits_summary(self, promotion: Promotion) -> str:
        return format_limits(promotion)

    # --- the page of one promotion -----------------------------------------------------------------------------------
    def get_urls(self) -> list[URLPattern]:
        wrap = self.admin_site.admin_view
        return [
            path("calendar/", wrap(require_safe(calendar.calendar_view)), name="promotions_calendar"),
            path("offer/", wrap(offer_field.form_fragment_view), name="promotions_offer"),
            path(
                "<uuid:pk>/<str:action>/switch/",
                wrap(require_POST(self.change_status)),
                name="promotions_promotion_switch",
            ),
            *BatchViews(self).urls(wrap),
            *super().get_urls(),
        ]

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Show the form of a new promotion, or of a duplicate (``?from=<id>``), and create the promotion."""
        if not self.has_add_permission(request):
            raise PermissionDenied
        original = self._original(request)
        brand = original.brand if original else self.selected_brand(request)
        if brand is None:
            return self.brand_selection_page(request)
        with timezone.override(brand.timezone):
            initial = get_copy_values(original, timezone.now()) if original else {"priority": 0}
            form = PromotionForm(request.POST or None, brand=brand, initial=initial)
            if form.is_valid() and (promotion := self._create(form, brand, draft="draft" in request.POST)):
                is_draft = promotion.status == Status.DRAFT
                message = _("%(promotion)s saved as a draft.") if is_draft else _("%(promotion)s scheduled.")
                messages.success(request, message % {"promotion": promotion})
                return redirect("admin:promotions_promotion_change", promotion.pk)
            return self._page(request, _("New promotion"), brand, form=form)

    def _original(self, request: HttpRequest) -> Promotion | None:
        """Return the promotion to duplicate, if any. Raises Http404 for one that the user may not edit."""
        if not (pk := request.GET.get("from")):
            return None
        promotion = self.get_object(request, pk)
        if promotion is None or not self.has_brand_permission(request, BrandPermissions.EDIT, promotion):
            raise Http404
        return promotion  # type: ignore[no-any-return]

    def _create(self, form: PromotionForm, brand: Brand, *, draft: bool) -> Promotion | None:
        fields = form.values() | {"status": Status.DRAFT if draft else Status.SCHEDULED}
        try:
            return services.create_promotion(
                brand=brand, fields=fields, code=form.cleaned_data["code"] or None, at=timezone.now()
            )
        except DomainError as error:
            form.add_service_errors(error)
            return None

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Show a promotion with its metrics, and for editors the form of what can still be changed."""
        promotion = self.get_object(request, object_id)
        if promotion is None or not self.has_view_permission(request, promotion):
            raise Http404
        may_edit = self.has_brand_permission(request, BrandPermissions.EDIT, promotion)
        if request.method == "POST" and not may_edit:
            raise PermissionDenied
        brand = promotion.brand
        with timezone.override(brand.timezone):
            form = None
            if may_edit and not self.is_ended(promotion):
                locked = services.locked_fields(promotion=promotion, at=timezone.now()) | {"trigger", "code"}
                form = PromotionForm(request.POST or None, brand=brand, promotion=promotion, locked_fields=locked)
                if form.is_valid() and self._change(form, promotion):
                    messages.success(request, _("%(promotion)s saved.") % {"promotion": promotion})
                    return redirect("admin:promotions_promotion_change", promotion.pk)
            details = self._detail_context(promotion)
            return self._page(request, str(promotion), brand, form=form, may_edit=may_edit, **details)

    def _change(self, form: PromotionForm, promotion: Promotion) -> bool:
        try:
            services.update_promotion(promotion=promotion, fields=form.values(), at=timezone.now())
        except DomainError as error:
            form.add_service_errors(error)
            return False
        return True

    def _detail_context(self, promotion: Promotion) -> dict[str, Any]:
        """Return what the page shows above the form."""
        at, key = timezone.now(), promotion.pk
        code = get_generic_codes(offers=[key]).get(key, "")
        segment = get_segments_by_promotion(promotion_ids=[key]).get(key) if promotion.target_audience else None
        audience_cards = metrics.audience_cards(promotion, segment, at) if promotion.target_audience else []
        return {
            "promotion": promotion,
            "state": (promotion.get_status_display(), STATUS_COLORS[Status(promotion.status)]),
            "code": code,
            "description": promotion.description,
            "segment": segment,
            "cards": audience_cards + metrics.metric_cards(promotion, at),
            "details": [
                (_("Dates"), f"{format_dates(promotion)} ({promotion.brand.timezone})"),
                (_("Audience"), promotion.target_audience.replace("_", " ") or _("Everyone")),
                (_("Discount method"), _method(promotion, code)),
                (_("Limits"), format_limits(promotion)),
                (_("Priority"), str(promotion.priority)),
            ],
            "offer_summary": offer_field.describe_stored_offer(promotion.offer, promotion.brand),
            "is_draft": promotion.status == Status.DRAFT,
            "is_ended": self.is_ended(promotion),
            "pending_syncs": list_promotion_syncs(promotion=promotion),
        }

    def _page(self, request: HttpRequest, title: str, brand: Brand, **context: Any) -> HttpResponse:
        """Render the page while the brand's time zone is active."""
        base = self.admin_site.each_context(request) | {"title": title, "opts": self.opts, "brand": brand}
        return force_render(TemplateResponse(request, "admin/promotions/promotion.html", base | context))

    def change_status(self, request: HttpRequest, pk: Any, action: str) -> HttpResponse:
        """Activate, end or sync a promotion."""
        promotion = self.get_object(request, str(pk))
        if promotion is None or action not in ("activate", "end", "sync"):
            raise Http404
        if not self.has_brand_permission(request, BrandPermissions.EDIT, promotion):
            raise PermissionDenied
        if action == "sync":
            services.retry_sync(promotion=promotion, at=timezone.now())
            messages.success(request, _("Sync started for %(promotion)s.") % {"promotion": promotion})
        else:
            self._apply(request, [promotion], action)
        return redirect("admin:promotions_promotion_change", promotion.pk)

    # --- actions -----------------------------------------------------------------------------------------------------
    @admin.action(description=gettext_lazy("Activate"), permissions=["edit"])
    def activate(self, request: HttpRequest, queryset: QuerySet[Promotion]) -> None:
        self._apply(request, list(self.filter_queryset(queryset, request, BrandPermissions.EDIT)), "activate")

    @admin.action(description=gettext_lazy("End…"), permissions=["edit"])
    def end(self, request: HttpRequest, queryset: QuerySet[Promotion]) -> None:
        self._apply(request, list(self.filter_queryset(queryset, request, BrandPermissions.EDIT)), "end")

    def _apply(self, request: HttpRequest, promotions: list[Promotion], action: str) -> None:
        """Activate or end the promotions, with a message for each."""
        for promotion in promotions:
            try:
                if action == "activate":
                    services.activate_promotion(promotion=promotion, at=timezone.now())
                    message = _("%(promotion)s activated.")
                else:
                    services.end_promotion(promotion=promotion, at=timezone.now())
                    message = _("%(promotion)s ended.")
            except DomainError as error:
                messages.error(request, f"{promotion}: {error.detail}")
            else:
                messages.success(request, message % {"promotion": promotion})


def format_dates(promotion: Promotion) -> str:
    """Return the start and end of a promotion in the brand's time zone."""
    return format_period(promotion.start_date, promotion.end_date, promotion.brand.timezone)


def format_limits(promotion: Promotion) -> str:
    """Return the limits and the budget of a promotion."""
    limits = [
        text % {"limit": format_number(limit)}
        for field, text in LIMIT_TEXTS
        if (limit := getattr(promotion, field)) is not None
    ]
    if promotion.budget is not None:
        budget = format_amount(promotion.budget, promotion.currency)
        limits.append(_("%(amount)s discount budget") % {"amount": budget})
    return ", ".join(limits) or _("No limit")


def _method(promotion: Promotion, code: str) -> str:
    """Return the discount method with the generic code, if there is one."""
    if promotion.trigger == Trigger.AUTOMATIC:
        return _("Automatic")
    return _("Code %(code)s") % {"code": code} if code else _("Single-use codes")
