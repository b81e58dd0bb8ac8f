"""Admin pages of coupons: list, form, live metrics and the recommended counting method."""

import uuid
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Model
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
from backoffice.base.admin import BrandScopedAdmin, has_multiple_brands
from backoffice.base.changelists import EstimatingPaginator
from backoffice.base.filters import BrandFilter
from backoffice.brand_selection import BrandSelectionMixin, force_render
from core.errors import DomainError
from core.permissions import BrandPermissions
from coupons import selectors, services
from coupons.admin import presenters
from coupons.admin.coupon_form import CouponForm
from coupons.contracts import CouponUsage
from coupons.models import CouponDefinition
from promotions.admin import offer_field
from promotions.admin.limit_cards import list_limit_cards
from promotions.admin.limit_fields import STRATEGY_LABELS
from redemptions.admin.code_batches import CodeViews
from redemptions.admin.lifecycle import (
    STATUS_COLORS,
    OfferActionsMixin,
    OfferStatusFilter,
    label_status,
    list_actions,
)
from redemptions.admin.reviews import Review, build_review
from redemptions.codes.selectors.batches import list_batches
from redemptions.lifecycle import Action
from redemptions.limits.models import Strategy
from redemptions.statuses import OfferDecision


@admin.register(CouponDefinition)
class CouponAdmin(OfferActionsMixin, BrandSelectionMixin, BrandScopedAdmin):
    """Coupons of the user's brands, newest first."""

    list_filter = (OfferStatusFilter, BrandFilter)
    list_select_related = ("brand",)
    search_fields = ("title", "code")
    ordering = ("-pk",)
    list_per_page = 50
    show_full_result_count = False
    paginator = EstimatingPaginator

    def get_list_display(self, request: HttpRequest) -> tuple[str, ...]:
        brand = ("brand",) if has_multiple_brands(request) else ()
        return ("title", "status", *brand, "dates", "offer_summary", "usage_label", "limit_strategy_label")

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def get_changelist_instance(self, request: HttpRequest) -> Any:
        """Add the usage of the page's coupons, in one query."""
        changelist = super().get_changelist_instance(request)
        usage = selectors.usage(coupons=list(changelist.result_list))
        for coupon in changelist.result_list:
            coupon.usage = usage[coupon.pk]
        return changelist

    # --- columns -----------------------------------------------------------------------------------------------------
    @display(description=gettext_lazy("status"), label=STATUS_COLORS)
    def status(self, coupon: CouponDefinition) -> tuple[str, str | Promise]:
        """Return the status and its label."""
        return label_status(coupon, timezone.now())

    @display(description=gettext_lazy("dates"), ordering="start_date")
    def dates(self, coupon: CouponDefinition) -> str:
        """Return the start and the end."""
        return presenters.period(coupon)

    @display(description=gettext_lazy("discount"))
    def offer_summary(self, coupon: CouponDefinition) -> str:
        """Return a description of the offer."""
        return offer_field.describe_stored_offer(coupon.offer, coupon.brand)

    @display(description=gettext_lazy("redemptions"))
    def usage_label(self, coupon: CouponDefinition) -> str:
        """Return the used, reserved and remaining units."""
        usage: CouponUsage = coupon.usage  # type: ignore[attr-defined]  # set by the list
        return presenters.usage_summary(usage)

    @display(description=gettext_lazy("counting method"), ordering="limit_strategy")
    def limit_strategy_label(self, coupon: CouponDefinition) -> str:
        """Return the counting method of the limit."""
        return coupon.get_limit_strategy_display() if coupon.maximum_number_of_coupons else _("No limit")

    # --- one coupon --------------------------------------------------------------------------------------------------
    def get_urls(self) -> list[URLPattern]:
        wrap, name = self.admin_site.admin_view, "coupons_coupon"
        return [
            path("recommendation/", wrap(require_POST(self.recommendation)), name=f"{name}_recommendation"),
            path("<uuid:pk>/metrics/", wrap(require_safe(self.metrics)), name=f"{name}_metrics"),
            *CodeViews(self, kind="coupon").urls(wrap),
            *super().get_urls(),
        ]

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Show the form of a new coupon."""
        if not self.has_add_permission(request):
            raise PermissionDenied
        brand = self.selected_brand(request)
        if brand is None:
            return self.brand_selection_page(request)
        with timezone.override(brand.timezone):
            form = CouponForm(request.POST or None, brand=brand, at=timezone.now())
            if form.is_valid() and (coupon := self._create(request, form, brand)):
                messages.success(request, _("%(offer)s saved as a draft.") % {"offer": coupon})
                return self.redirect_to_draft(request, coupon)
            return self._page(request, _("New coupon"), brand, form=form)

    def _create(self, request: HttpRequest, form: CouponForm, brand: Brand) -> CouponDefinition | None:
        try:
            fields = form.values() | {"decision": OfferDecision.DRAFT}
            return services.create(
                brand=brand, fields=fields, codes=form.codes(), by=request.user.pk, at=timezone.now()
            )[0]
        except DomainError as error:
            form.add_service_errors(error)
            return None

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Show a coupon with its live metrics and, to editors, the form of the fields that can still change."""
        coupon = self.get_object(request, object_id)
        if coupon is None or not self.has_view_permission(request, coupon):
            raise Http404
        may_edit, at = self.has_brand_permission(request, BrandPermissions.EDIT, coupon), timezone.now()
        if request.method == "POST" and not may_edit:
            raise PermissionDenied
        with timezone.override(coupon.brand.timezone):
            is_open = may_edit and coupon.decision != OfferDecision.ARCHIVED
            form = CouponForm(request.POST or None, brand=coupon.brand, at=at, coupon=coupon) if is_open else None
            if form and form.is_valid() and self._change(form, coupon):
                messages.success(request, _("Coupon %(coupon)s was saved.") % {"coupon": coupon})
                return redirect("admin:coupons_coupondefinition_change", coupon.pk)
            context = _details_context(coupon) | _metrics_context(coupon)
            return self._page(request, str(coupon), coupon.brand, form=form, may_edit=may_edit, **context)

    def _change(self, form: CouponForm, coupon: CouponDefinition) -> bool:
        try:
            services.change(coupon=coupon, fields=form.values(), at=timezone.now())
        except DomainError as error:
            form.add_service_errors(error)
            return False
        return True

    def _page(self, request: HttpRequest, title: str, brand: Brand, **context: Any) -> HttpResponse:
        """Render the page at once, while the brand's time zone is active."""
        form: CouponForm | None = context["form"]
        values: Mapping[str, Any] = form.data if form and form.is_bound else form.initial if form else {}
        texts = {name: str(value) for name, value in values.items() if value is not None}
        shared = self.admin_site.each_context(request) | {"title": title, "opts": self.opts, "brand": brand}
        recommendation = presenters.recommendation({"limit_strategy": Strategy.EXACT} | texts)
        shared |= {"recommendation": recommendation} | context
        return force_render(TemplateResponse(request, "admin/coupons/coupon.html", shared))

    # --- parts that the page reloads ---------------------------------------------------------------------------------
    def recommendation(self, request: HttpRequest) -> HttpResponse:
        """Show the recommended counting method while the form is edited."""
        if not self.has_add_permission(request):
            raise PermissionDenied
        context = {"recommendation": presenters.recommendation(request.POST.dict())}
        return TemplateResponse(request, "admin/coupons/recommendation.html", context)

    def metrics(self, request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
        """Show the live metrics alone."""
        coupon = self.get_coupon_or_404(request, pk)
        return TemplateResponse(request, "admin/coupons/metrics.html", _metrics_context(coupon))

    def get_coupon_or_404(self, request: HttpRequest, pk: uuid.UUID) -> CouponDefinition:
        """Return the coupon with this ID. Raises Http404."""
        coupon: CouponDefinition | None = self.get_object(request, str(pk))
        if coupon is None:
            raise Http404
        return coupon

    def review(self, offer: CouponDefinition, at: datetime) -> Review:
        summary = offer_field.describe_stored_offer(offer.offer, offer.brand)
        return build_review(offer, document=offer.offer, summary=summary, facts=list_details(offer))

    def change_decision(self, offer: CouponDefinition, action: Action) -> CouponDefinition:
        return services.change_decision(coupon=offer, action=action, at=timezone.now())

    def duplicate(self, request: HttpRequest, offer: CouponDefinition) -> CouponDefinition:
        return services.duplicate(coupon=offer, by=request.user.pk, at=timezone.now())

    def delete_draft(self, offer: CouponDefinition) -> None:
        services.delete(coupon=offer, at=timezone.now())


def _details_context(coupon: CouponDefinition) -> dict[str, Any]:
    """Return what the page shows above the form."""
    at = timezone.now()
    status = coupon.status_at(at)
    return {
        "code": coupon.code,
        "state": (status.label, STATUS_COLORS[status]),
        "actions": list_actions(coupon, at),
        "details": list_details(coupon),
        "offer_summary": offer_field.describe_stored_offer(coupon.offer, coupon.brand),
    }


def list_details(coupon: CouponDefinition) -> list[tuple[str, str]]:
    """Return what the page and the review of a coupon say, as label and value."""
    maximum, batches = coupon.maximum_number_of_coupons, list_batches(offer=coupon.pk).count()
    facts = [
        (_("Dates"), f"{presenters.period(coupon)} ({coupon.brand.timezone})"),
        (_("Access"), presenters.access_summary(coupon, batches=batches)),
        (_("Per customer"), presenters.customer_limit_summary(coupon.maximum_number_of_coupons_per_user)),
        (_("Total"), presenters.limit_summary(maximum)),
    ]
    if maximum is not None:
        facts.append((_("Counting method"), str(STRATEGY_LABELS[Strategy(coupon.limit_strategy)])))
        facts.append((_("Guarantee"), presenters.guarantee(coupon.limit_strategy, maximum)))
    return facts


def _metrics_context(coupon: CouponDefinition) -> dict[str, Any]:
    usage = selectors.usage(coupons=[coupon])[coupon.pk]
    return {
        "coupon": coupon,
        "cards": [*presenters.metric_cards(coupon, usage), *list_limit_cards(coupon.limits, timezone.now())],
    }
