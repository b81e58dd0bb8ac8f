"""The admin's pages of promotions: what runs when and gives what; written, changed and switched here."""

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Model, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe
from unfold.decorators import display

from accounts.models import Brand
from backoffice.base.admin import AnnotatedChangeList, BrandScopedAdmin, EstimatingPaginator, has_multiple_brands
from backoffice.base.filters import BrandFilter, StatusFilter
from backoffice.base.formatting import format_amount, format_period
from backoffice.brand_selection import BrandSelectionMixin, force_render
from core.errors import DomainError
from core.permissions import BrandPermissions
from promotions import services
from promotions.admin import calendar, metrics, offer_field
from promotions.admin.batches import BatchViews
from promotions.admin.promotion_form import PromotionForm, get_copy_values
from promotions.models import Promotion, Status
from promotions.selectors.codes import get_generic_codes
from promotions.selectors.promotions import list_promotion_syncs
from segments.selectors import get_segments_by_promotion

STATES = {
    Status.DRAFT: "info",
    Status.SCHEDULED: "primary",
    Status.ACTIVE: "success",
    Status.ACTIVE_WITHOUT_AUDIENCE: "warning",
    Status.ENDED: "info",
    Status.DEACTIVATED: "danger",
}
ENDED_STATUSES = (Status.ENDED, Status.DEACTIVATED)
LIMITS = (
    ("limit_total", "in all"),
    ("limit_per_user", "a shopper"),
    ("limit_per_day", "a day"),
    ("limit_per_week", "a week"),
    ("limit_per_month", "a month"),
)


class PromotionStatusFilter(StatusFilter):
    """A filter by the stored status."""

    statuses = Status.choices


class PromotionList(AnnotatedChangeList):
    """A page of promotions with their segments."""

    def count(self, rows: list[Promotion]) -> None:
        found = get_segments_by_promotion(promotion_ids=[it.pk for it in rows if it.target_audience])
        for row in rows:
            row.segment = found.get(row.pk)  # type: ignore[attr-defined]


@admin.register(Promotion)
class PromotionAdmin(BrandSelectionMixin, BrandScopedAdmin):
    """A brand's promotions, the newest first."""

    list_filter = (PromotionStatusFilter, BrandFilter)
    list_select_related = ("brand",)
    search_fields = ("name",)
    ordering = ("-pk",)
    list_per_page = 50
    show_full_result_count = False
    paginator = EstimatingPaginator
    actions = ("activate", "deactivate")

    def get_list_display(self, request: HttpRequest) -> tuple[str, ...]:
        brand = ("brand",) if has_multiple_brands(request) else ()
        return ("name", "state", *brand, "dates", "audience", "trigger", "offer_summary", "limits_summary")

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[AnnotatedChangeList]:
        return PromotionList

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def is_ended(self, promotion: Promotion) -> bool:
        """Whether nothing about it can change any more."""
        return promotion.status in ENDED_STATUSES

    def has_edit_permission(self, request: HttpRequest) -> bool:
        return self.has_brand_permission(request, BrandPermissions.EDIT)

    # --- columns -----------------------------------------------------------------------------------------------------
    @display(description="status", label=STATES, ordering="status")
    def state(self, promotion: Promotion) -> tuple[str, str]:
        return promotion.status, promotion.get_status_display()

    @display(description="from and to", ordering="start_date")
    def dates(self, promotion: Promotion) -> str:
        return period(promotion)

    @display(description="for whom")
    def audience(self, promotion: Promotion) -> str:
        return metrics.audience_label(promotion, promotion.segment)  # type: ignore[attr-defined]  # as the list has it

    @display(description="gives")
    def offer_summary(self, promotion: Promotion) -> str:
        return offer_field.describe(promotion.offer, promotion.brand)

    @display(description="at most")
    def limits_summary(self, promotion: Promotion) -> str:
        return limits(promotion)

    # --- the page of one promotion -----------------------------------------------------------------------------------
    def get_urls(self) -> list[URLPattern]:
        wrap = self.admin_site.admin_view
        return [
            path("calendar/", wrap(require_safe(calendar.page)), name="promotions_calendar"),
            path("offer/", wrap(offer_field.form_fragment_view), name="promotions_offer"),
            path(
                "<uuid:pk>/<str:verb>/switch/",
                wrap(require_POST(self.change_status)),
                name="promotions_promotion_switch",
            ),
            *BatchViews(self).urls(wrap),
            *super().get_urls(),
        ]

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """The form of a new promotion, or of a copy of one (``?from=``)."""
        if not self.has_add_permission(request):
            raise PermissionDenied
        original = self._original(request)
        brand = original.brand if original else self.selected_brand(request)
        if brand is None:
            return self.brand_selection_page(request)
        with timezone.override(brand.timezone):
            initial = get_copy_values(original, timezone.now()) if original else {"priority": 0}
            form = PromotionForm(request.POST or None, brand=brand, initial=initial)
            if form.is_valid() and (made := self._create(form, brand, draft="draft" in request.POST)):
                messages.success(
                    request, f"{made} is {'kept as a draft' if made.status == Status.DRAFT else 'on its way'}."
                )
                return redirect("admin:promotions_promotion_change", made.pk)
            return self._page(request, f"New promotion for {brand}", brand, form=form)

    def _original(self, request: HttpRequest) -> Promotion | None:
        """The promotion to begin with. Raises Http404 for one that the user may not edit."""
        if not (asked := request.GET.get("from")):
            return None
        found = self.get_object(request, asked)
        if found is None or not self.has_brand_permission(request, BrandPermissions.EDIT, found):
            raise Http404
        return found  # type: ignore[no-any-return]

    def _create(self, form: PromotionForm, brand: Brand, *, draft: bool) -> Promotion | None:
        fields = form.values() | {"status": Status.DRAFT if draft else Status.SCHEDULED}
        try:
            return services.create_promotion(
                brand=brand, fields=fields, code=form.cleaned_data["code"] or None, at=timezone.now()
            )
        except DomainError as refusal:
            form.add_service_errors(refusal)
            return None

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """A promotion: its numbers, and the form of what may still change, for whoever may change it."""
        found = self.get_object(request, object_id)
        if found is None or not self.has_view_permission(request, found):
            raise Http404
        may_edit = self.has_brand_permission(request, BrandPermissions.EDIT, found)
        if request.method == "POST" and not may_edit:
            raise PermissionDenied
        with timezone.override(found.brand.timezone):
            form = None
            if may_edit and not self.is_ended(found):
                fixed = services.locked_fields(promotion=found, at=timezone.now()) | {"trigger", "code"}
                form = PromotionForm(request.POST or None, brand=found.brand, promotion=found, fixed=fixed)
                if form.is_valid() and self._change(form, found):
                    messages.success(request, "Saved.")
                    return redirect("admin:promotions_promotion_change", found.pk)
            return self._page(request, str(found), found.brand, form=form, may_edit=may_edit, **self._shown(found))

    def _change(self, form: PromotionForm, promotion: Promotion) -> bool:
        try:
            services.update_promotion(promotion=promotion, fields=form.values(), at=timezone.now())
        except DomainError as refusal:
            form.add_service_errors(refusal)
            return False
        return True

    def _shown(self, promotion: Promotion) -> dict[str, Any]:
        """What the page says of a promotion above its form."""
        at, key = timezone.now(), promotion.pk
        code = get_generic_codes(promotion_ids=[key]).get(key, "")
        segment = get_segments_by_promotion(promotion_ids=[key]).get(key) if promotion.target_audience else None
        reached = metrics.audience(promotion, segment, at) if promotion.target_audience else []
        facts = [
            ("When", f"{period(promotion)} ({promotion.brand.timezone})"),
            ("For whom", promotion.target_audience.replace("_", " ") or "everyone"),
            ("Comes into play", "by itself" if promotion.trigger == "automatic" else f"by code {code}".strip()),
            ("At most", limits(promotion)),
            ("Priority", str(promotion.priority)),
        ]
        return {
            "promotion": promotion,
            "state": (promotion.get_status_display(), STATES[Status(promotion.status)]),
            "code": code,
            "description": promotion.description,
            "segment": segment,
            "cards": reached + metrics.metric_cards(promotion, at),
            "facts": facts,
            "words": offer_field.describe(promotion.offer, promotion.brand),
            "is_draft": promotion.status == Status.DRAFT,
            "is_over": self.is_ended(promotion),
            "waits": list_promotion_syncs(promotion=promotion),
        }

    def _page(self, request: HttpRequest, title: str, brand: Brand, **context: Any) -> HttpResponse:
        """The page, written now: while the brand's time zone is the active one."""
        shown = self.admin_site.each_context(request) | {"title": title, "opts": self.opts, "brand": brand} | context
        return force_render(TemplateResponse(request, "admin/promotions/promotion.html", shown))

    def change_status(self, request: HttpRequest, pk: Any, verb: str) -> HttpResponse:
        """The buttons that start and stop, and that tell services outside now."""
        found = self.get_object(request, str(pk))
        if found is None or verb not in ("activate", "deactivate", "tell"):
            raise Http404
        if not self.has_brand_permission(request, BrandPermissions.EDIT, found):
            raise PermissionDenied
        if verb == "tell":
            services.retry_sync(promotion=found, at=timezone.now())
            messages.success(request, f"{found} is told again now.")
        else:
            self._switch(request, [found], verb)
        return redirect("admin:promotions_promotion_change", found.pk)

    # --- actions -----------------------------------------------------------------------------------------------------
    @admin.action(description="Activate", permissions=["edit"])
    def activate(self, request: HttpRequest, queryset: QuerySet[Promotion]) -> None:
        self._switch(request, list(self.filter_queryset(queryset, request, BrandPermissions.EDIT)), "activate")

    @admin.action(description="Deactivate", permissions=["edit"])
    def deactivate(self, request: HttpRequest, queryset: QuerySet[Promotion]) -> None:
        self._switch(request, list(self.filter_queryset(queryset, request, BrandPermissions.EDIT)), "deactivate")

    def _switch(self, request: HttpRequest, promotions: list[Promotion], verb: str) -> None:
        for promotion in promotions:
            try:
                if verb == "activate":
                    services.activate_promotion(promotion=promotion, at=timezone.now())
                else:
                    services.end_promotion(promotion=promotion, at=timezone.now())
            except DomainError as refusal:
                messages.error(request, f"{promotion}: {refusal.detail}")
            else:
                messages.success(request, f"{promotion} is {verb}d.")


def period(promotion: Promotion) -> str:
    """From when to when, in the brand's time zone."""
    return format_period(promotion.start_date, promotion.end_date, promotion.brand.timezone)


def limits(promotion: Promotion) -> str:
    """A promotion's limits and budget."""
    limits = [f"{limit:,} {word}" for name, word in LIMITS if (limit := getattr(promotion, name)) is not None]
    if promotion.budget is not None:
        limits.append(f"{format_amount(promotion.budget, promotion.currency)} of discount")
    return ", ".join(limits) or "no limit"
