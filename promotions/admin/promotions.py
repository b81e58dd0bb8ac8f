"""Admin pages of promotions: list, details and form, and changes of status."""

from datetime import datetime
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Model
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST, require_safe
from unfold.decorators import display

from accounts.models import Brand
from backoffice.base.admin import BrandScopedAdmin, has_multiple_brands
from backoffice.base.changelists import AnnotatedChangeList, EstimatingPaginator
from backoffice.base.filters import BrandFilter
from backoffice.base.formatting import format_amount, format_number, format_period
from backoffice.brand_selection import BrandSelectionMixin, force_render
from core.errors import DomainError
from core.permissions import BrandPermissions
from promotions import services
from promotions.admin import calendar, metrics, offer_field
from promotions.admin.limit_cards import list_limit_cards
from promotions.admin.promotion_form import PromotionForm
from promotions.models import Promotion, Trigger
from promotions.rules import list_warnings
from promotions.selectors.promotions import list_promotion_syncs
from redemptions.admin.code_batches import CodeViews
from redemptions.admin.lifecycle import (
    STATUS_COLORS,
    OfferActionsMixin,
    OfferStatusFilter,
    label_status,
    list_actions,
)
from redemptions.admin.reviews import Review, build_review
from redemptions.codes.selectors.codes import get_generic_codes
from redemptions.lifecycle import Action
from redemptions.statuses import OfferDecision
from segments.selectors import get_segments_by_promotion

LIMIT_TEXTS: tuple[tuple[str, str | Promise], ...] = (
    ("limit_total", gettext_lazy("%(limit)s total")),
    ("limit_per_user", gettext_lazy("%(limit)s per customer")),
    ("limit_per_day", gettext_lazy("%(limit)s per day")),
    ("limit_per_week", gettext_lazy("%(limit)s per week")),
    ("limit_per_month", gettext_lazy("%(limit)s per month")),
    ("limit_units", gettext_lazy("%(limit)s units")),
)


class PromotionList(AnnotatedChangeList):
    """A page of promotions with their segments."""

    def annotate(self, rows: list[Promotion]) -> None:
        ids = [promotion.pk for promotion in rows if promotion.target_audience]
        segments = get_segments_by_promotion(promotion_ids=ids)
        for promotion in rows:
            promotion.segment = segments.get(promotion.pk)  # type: ignore[attr-defined]


@admin.register(Promotion)
class PromotionAdmin(OfferActionsMixin, BrandSelectionMixin, BrandScopedAdmin):
    """A brand's promotions, newest first."""

    list_filter = (OfferStatusFilter, BrandFilter)
    list_select_related = ("brand",)
    search_fields = ("name",)
    ordering = ("-pk",)
    list_per_page = 50
    show_full_result_count = False
    paginator = EstimatingPaginator

    def get_list_display(self, request: HttpRequest) -> tuple[str, ...]:
        brand = ("brand",) if has_multiple_brands(request) else ()
        return ("name", "state", *brand, "dates", "audience", "trigger", "offer_summary", "limits_summary")

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[AnnotatedChangeList]:
        return PromotionList

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def is_archived(self, promotion: Promotion) -> bool:
        """Return whether the promotion is archived, after which nothing can be changed."""
        return promotion.decision == OfferDecision.ARCHIVED

    # --- columns -----------------------------------------------------------------------------------------------------
    @display(description=gettext_lazy("Status"), label=STATUS_COLORS)
    def state(self, promotion: Promotion) -> tuple[str, str | Promise]:
        return label_status(promotion, timezone.now())

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
            path("<uuid:pk>/sync/", wrap(require_POST(self.sync)), name="promotions_promotion_sync"),
            *CodeViews(self, kind="promotion", takes_codes=lambda offer: offer.trigger == Trigger.CODE).urls(wrap),
            *super().get_urls(),
        ]

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Show the form of a new promotion, and create it as a draft."""
        if not self.has_add_permission(request):
            raise PermissionDenied
        brand = self.selected_brand(request)
        if brand is None:
            return self.brand_selection_page(request)
        with timezone.override(brand.timezone):
            form = PromotionForm(request.POST or None, brand=brand, initial={"priority": 0})
            if form.is_valid() and (promotion := self._create(form, brand)):
                messages.success(request, _("%(offer)s saved as a draft.") % {"offer": promotion})
                return self.redirect_to_draft(request, promotion)
            return self._page(request, _("New promotion"), brand, form=form)

    def _create(self, form: PromotionForm, brand: Brand) -> Promotion | None:
        fields = form.values() | {"decision": OfferDecision.DRAFT}
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
            if may_edit and not self.is_archived(promotion):
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
        status = promotion.status_at(at)
        code = get_generic_codes(offers=[key]).get(key, "")
        segment = get_segments_by_promotion(promotion_ids=[key]).get(key) if promotion.target_audience else None
        audience_cards = metrics.audience_cards(promotion, segment, at) if promotion.target_audience else []
        return {
            "promotion": promotion,
            "state": (status.label, STATUS_COLORS[status]),
            "has_no_audience": bool(list_warnings(status=status, segment_status=segment.status if segment else None)),
            "code": code,
            "description": promotion.description,
            "segment": segment,
            "cards": audience_cards + list_limit_cards(promotion.limits, at),
            "details": list_details(promotion, code),
            "offer_summary": offer_field.describe_stored_offer(promotion.offer, promotion.brand),
            "actions": list_actions(promotion, at),
            "pending_syncs": list_promotion_syncs(promotion=promotion),
        }

    def _page(self, request: HttpRequest, title: str, brand: Brand, **context: Any) -> HttpResponse:
        """Render the page while the brand's time zone is active."""
        base = self.admin_site.each_context(request) | {"title": title, "opts": self.opts, "brand": brand}
        return force_render(TemplateResponse(request, "admin/promotions/promotion.html", base | context))

    def sync(self, request: HttpRequest, pk: Any) -> HttpResponse:
        """Sync a promotion to the campaign engine."""
        promotion = self.get_object(request, str(pk))
        if promotion is None:
            raise Http404
        if not self.has_brand_permission(request, BrandPermissions.EDIT, promotion):
            raise PermissionDenied
        services.retry_sync(promotion=promotion, at=timezone.now())
        messages.success(request, _("Sync started for %(promotion)s.") % {"promotion": promotion})
        return redirect("admin:promotions_promotion_change", promotion.pk)

    def review(self, offer: Promotion, at: datetime) -> Review:
        facts = list_details(offer, get_generic_codes(offers=[offer.pk]).get(offer.pk, ""))
        if offer.target_audience:
            facts += [(label, f"{number} ({note})") for label, number, note in metrics.audience_cards(offer, None, at)]
        backtest = f"{reverse('admin:checkout_backtest_add')}?promotion={offer.pk}"
        return build_review(
            offer,
            document=offer.offer,
            summary=offer_field.describe_stored_offer(offer.offer, offer.brand),
            facts=facts,
            links=[(_("Estimate the cost on past orders"), backtest)],
        )

    def change_decision(self, offer: Promotion, action: Action) -> Promotion:
        return services.change_decision(promotion=offer, action=action, at=timezone.now())

    def duplicate(self, request: HttpRequest, offer: Promotion) -> Promotion:
        return services.duplicate_promotion(promotion=offer, at=timezone.now())

    def delete_draft(self, offer: Promotion) -> None:
        services.delete_promotion(promotion=offer, at=timezone.now())


def list_details(promotion: Promotion, code: str) -> list[tuple[str, str]]:
    """Return what the page and the review of a promotion with its generic code say, as label and value."""
    return [
        (_("Dates"), f"{format_dates(promotion)} ({promotion.brand.timezone})"),
        (_("Audience"), promotion.target_audience.replace("_", " ") or _("Everyone")),
        (_("Discount method"), _method(promotion, code)),
        (_("Limits"), format_limits(promotion)),
        (_("Priority"), str(promotion.priority)),
    ]


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
    for currency, budget in promotion.budgets.items():
        limits.append(_("%(amount)s discount budget") % {"amount": format_amount(budget, currency)})
    return ", ".join(limits) or _("No limit")


def _method(promotion: Promotion, code: str) -> str:
    """Return the discount method with the generic code, if there is one."""
    if promotion.trigger == Trigger.AUTOMATIC:
        return _("Automatic")
    return _("Code %(code)s") % {"code": code} if code else _("Single-use codes")
