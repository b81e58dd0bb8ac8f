"""The admin's pages of coupons: written and changed here, with live numbers and advice on how to keep their limit."""

import uuid
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Model, Q
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST, require_safe
from unfold.decorators import display

from accounts.models import Brand
from backoffice.base.admin import BrandScopedAdmin, EstimatingPaginator, has_multiple_brands
from backoffice.base.filters import BrandFilter, StatusFilter
from backoffice.brand_selection import BrandSelectionMixin, force_render
from core.errors import DomainError
from core.permissions import BrandPermissions
from coupons import selectors, services
from coupons.admin import presenters
from coupons.admin.codes import CodeViews
from coupons.admin.coupon_form import STRATEGY_LABELS, CouponForm
from coupons.contracts import CouponUsage
from coupons.models import CouponDefinition, Strategy
from promotions.admin import offer_field

COLORS = {"withdrawn": "danger", "ended": "info", "scheduled": "primary", "running": "success"}


class CouponStatusFilter(StatusFilter):
    """A filter by the status that follows from a coupon's switch and dates."""

    statuses = (
        ("running", _("Active")), ("scheduled", _("Scheduled")), ("ended", _("Ended")), ("withdrawn", _("Paused")),
    )  # fmt: skip

    def get_condition(self, status: str, at: datetime) -> Q:
        return {
            "running": Q(is_active=True, start_date__lte=at, end_date__gt=at),
            "scheduled": Q(is_active=True, start_date__gt=at),
            "ended": Q(is_active=True, end_date__lte=at),
            "withdrawn": Q(is_active=False),
        }[status]


@admin.register(CouponDefinition)
class CouponAdmin(BrandSelectionMixin, BrandScopedAdmin):
    """A brand's coupons, the newest first."""

    list_filter = (CouponStatusFilter, BrandFilter)
    list_select_related = ("brand",)
    search_fields = ("title", "code__text")
    ordering = ("-pk",)
    list_per_page = 50
    show_full_result_count = False
    paginator = EstimatingPaginator

    def get_list_display(self, request: HttpRequest) -> tuple[str, ...]:
        brand = ("brand",) if has_multiple_brands(request) else ()
        return ("title", "state", *brand, "dates", "offer_summary", "usage_label", "limit_strategy_label")

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def get_changelist_instance(self, request: HttpRequest) -> Any:
        """With the numbers of the page's coupons, in one query."""
        found = super().get_changelist_instance(request)
        numbers = selectors.usage(coupons=list(found.result_list))
        for coupon in found.result_list:
            coupon.numbers = numbers[coupon.pk]
        return found

    # --- columns -----------------------------------------------------------------------------------------------------
    @display(description="state", label=COLORS)
    def state(self, coupon: CouponDefinition) -> str:
        return presenters.state(coupon, timezone.now())[0]

    @display(description="from and to", ordering="start_date")
    def dates(self, coupon: CouponDefinition) -> str:
        return presenters.period(coupon)

    @display(description="gives")
    def offer_summary(self, coupon: CouponDefinition) -> str:
        return offer_field.describe(coupon.offer, coupon.brand)

    @display(description="now")
    def usage_label(self, coupon: CouponDefinition) -> str:
        numbers: CouponUsage = coupon.numbers  # type: ignore[attr-defined]  # set by the list
        return presenters.usage_summary(coupon, numbers)

    @display(description="limit", ordering="limit_strategy")
    def limit_strategy_label(self, coupon: CouponDefinition) -> str:
        return coupon.get_limit_strategy_display() if coupon.maximum_number_of_coupons else "none"

    # --- the page of one coupon --------------------------------------------------------------------------------------
    def get_urls(self) -> list[URLPattern]:
        wrap, name = self.admin_site.admin_view, "coupons_coupon"
        return [
            path("advice/", wrap(require_POST(self.advice)), name=f"{name}_advice"),
            path("<uuid:pk>/numbers/", wrap(require_safe(self.numbers)), name=f"{name}_numbers"),
            path("<uuid:pk>/<str:verb>/switch/", wrap(require_POST(self.change_status)), name=f"{name}_switch"),
            *CodeViews(self).urls(wrap),
            *super().get_urls(),
        ]

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """The form of a new coupon."""
        if not self.has_add_permission(request):
            raise PermissionDenied
        brand = self.selected_brand(request)
        if brand is None:
            return self.brand_selection_page(request)
        with timezone.override(brand.timezone):
            form = CouponForm(request.POST or None, brand=brand, at=timezone.now())
            if form.is_valid() and (made := self._create(request, form, brand)):
                messages.success(request, f"{made} is made.")
                return redirect("admin:coupons_coupondefinition_change", made.pk)
            return self._page(request, f"New coupon for {brand}", brand, form=form)

    def _create(self, request: HttpRequest, form: CouponForm, brand: Brand) -> CouponDefinition | None:
        try:
            return services.create(
                brand=brand, fields=form.values(), codes=form.codes(), by=request.user.pk, at=timezone.now()
            )[0]
        except DomainError as refusal:
            form.add_service_errors(refusal)
            return None

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """A coupon: its live numbers, and the form of what may still change, for whoever may change it."""
        found = self.get_object(request, object_id)
        if found is None or not self.has_view_permission(request, found):
            raise Http404
        may_edit, at = self.has_brand_permission(request, BrandPermissions.EDIT, found), timezone.now()
        if request.method == "POST" and not may_edit:
            raise PermissionDenied
        with timezone.override(found.brand.timezone):
            form = CouponForm(request.POST or None, brand=found.brand, at=at, coupon=found) if may_edit else None
            if form and form.is_valid() and self._change(form, found):
                messages.success(request, "Saved.")
                return redirect("admin:coupons_coupondefinition_change", found.pk)
            return self._page(request, str(found), found.brand, form=form, may_edit=may_edit, **self._shown(found))

    def _change(self, form: CouponForm, coupon: CouponDefinition) -> bool:
        try:
            services.change(coupon=coupon, fields=form.values(), at=timezone.now())
        except DomainError as refusal:
            form.add_service_errors(refusal)
            return False
        return True

    def _shown(self, coupon: CouponDefinition) -> dict[str, Any]:
        """What the page says of a coupon above its form."""
        own = coupon.maximum_number_of_coupons_per_user
        maximum = coupon.maximum_number_of_coupons
        facts = [
            ("When", f"{presenters.period(coupon)} ({coupon.brand.timezone})"),
            ("Opened", presenters.access_summary(coupon, batches=selectors.list_batches(coupon=coupon).count())),
            ("One shopper", "no limit" if own is None else f"at most {own:,}; exact, whatever the strategy"),
            ("In all", "no limit" if maximum is None else f"at most {maximum:,}"),
        ]
        if maximum is not None:
            facts.append(("Kept", STRATEGY_LABELS[Strategy(coupon.limit_strategy)]))
            facts.append(("Promised", presenters.guarantee(coupon.limit_strategy, maximum)))
        return {
            "coupon": coupon,
            "code": coupon.code_id,
            "state": presenters.state(coupon, timezone.now()),
            "facts": facts,
            "words": offer_field.describe(coupon.offer, coupon.brand),
            **_live(coupon),
        }

    def _page(self, request: HttpRequest, title: str, brand: Brand, **context: Any) -> HttpResponse:
        """The page, written now: while the brand's time zone is the active one."""
        form: CouponForm | None = context["form"]
        known: Mapping[str, Any] = form.data if form and form.is_bound else form.initial if form else {}
        asked = {name: str(value) for name, value in known.items() if value is not None}
        shown = self.admin_site.each_context(request) | {"title": title, "opts": self.opts, "brand": brand}
        shown |= {"advice": presenters.advice({"limit_strategy": Strategy.EXACT} | asked)} | context
        return force_render(TemplateResponse(request, "admin/coupons/coupon.html", shown))

    # --- what the page asks for while it is open ---------------------------------------------------------------------
    def advice(self, request: HttpRequest) -> HttpResponse:
        """Which strategy to choose, while the form is being written."""
        if not self.has_add_permission(request):
            raise PermissionDenied
        return TemplateResponse(
            request, "admin/coupons/recommendation.html", {"advice": presenters.advice(request.POST.dict())}
        )

    def numbers(self, request: HttpRequest, pk: uuid.UUID) -> HttpResponse:
        """The live numbers alone."""
        return TemplateResponse(request, "admin/coupons/metrics.html", _live(self.get_coupon_or_404(request, pk)))

    def change_status(self, request: HttpRequest, pk: uuid.UUID, verb: str) -> HttpResponse:
        """The buttons that withdraw a coupon and offer it again."""
        if verb not in ("withdraw", "offer"):
            raise Http404
        found = self.get_coupon_or_404(request, pk, edit=True)
        if verb == "withdraw":
            services.deactivate(coupon=found)
        else:
            services.change(coupon=found, fields={"is_active": True}, at=timezone.now())
        messages.success(request, f"{found} is {'withdrawn' if verb == 'withdraw' else 'on offer again'}.")
        return redirect("admin:coupons_coupondefinition_change", found.pk)

    def get_coupon_or_404(self, request: HttpRequest, pk: uuid.UUID, *, edit: bool = False) -> CouponDefinition:
        """The coupon that an address names. Raises Http404, PermissionDenied."""
        found = self.get_object(request, str(pk))
        if found is None:
            raise Http404
        if edit and not self.has_brand_permission(request, BrandPermissions.EDIT, found):
            raise PermissionDenied
        return found  # type: ignore[no-any-return]


def _live(coupon: CouponDefinition) -> dict[str, Any]:
    numbers = selectors.usage(coupons=[coupon])[coupon.pk]
    return {"coupon": coupon, "cards": presenters.metric_cards(coupon, numbers)}
