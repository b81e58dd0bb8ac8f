"""The admin's pages of campaigns: who comes and who wins, as it happens; made, extended and closed here."""

from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Model, Q
from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST, require_safe
from unfold.decorators import display

from accounts.models import Brand
from backoffice.base.admin import BrandScopedAdmin, EstimatingPaginator, has_multiple_brands
from backoffice.base.csv_export import csv_response
from backoffice.base.filters import BrandFilter, StatusFilter
from backoffice.base.formatting import format_period
from backoffice.brand_selection import BrandSelectionMixin, force_render
from core.errors import DomainError
from core.permissions import BrandPermissions
from promotions.admin.offer_field import describe
from vouchers import services
from vouchers.admin import metrics
from vouchers.admin.forms import CampaignForm, ExtendForm
from vouchers.models import Campaign, CampaignStatus

STATES = {"open": "success", "full": "warning", "yet to start": "primary", "over": "info", "closed": "danger"}
RECENT_LIMIT = 5  # ranks on a campaign's page


def state_of(campaign: Campaign) -> str:
    """In a word, what whoever signs in now would find."""
    now = timezone.now()
    if campaign.status == CampaignStatus.CLOSED:
        return "closed"
    if campaign.start_date > now:
        return "yet to start"
    if campaign.end_date <= now:
        return "over"
    return "full" if campaign.counter.issued >= campaign.counter.quota else "open"


class CampaignStatusFilter(StatusFilter):
    """A filter by the status that follows from a campaign's stored status and dates."""

    statuses = (
        ("open", _("Active")), ("later", _("Scheduled")), ("over", _("Ended")), ("closed", _("Ended early")),
    )  # fmt: skip

    def get_condition(self, status: str, at: datetime) -> Q:
        return {
            "open": Q(status=CampaignStatus.OPEN, start_date__lte=at, end_date__gt=at),
            "later": Q(status=CampaignStatus.OPEN, start_date__gt=at),
            "over": Q(status=CampaignStatus.OPEN, end_date__lte=at),
            "closed": Q(status=CampaignStatus.CLOSED),
        }[status]


@admin.register(Campaign)
class CampaignAdmin(BrandSelectionMixin, BrandScopedAdmin):
    """A brand's campaigns, the newest first."""

    list_filter = (CampaignStatusFilter, BrandFilter)
    list_select_related = ("brand", "counter")
    search_fields = ("name", "slug")
    search_help_text = "Name or slug"
    ordering = ("-pk",)
    list_per_page = 50
    show_full_result_count = False
    paginator = EstimatingPaginator

    def get_list_display(self, request: HttpRequest) -> tuple[str, ...]:
        brand = ("brand",) if has_multiple_brands(request) else ()
        return ("name", "status_label", *brand, "dates", "issued_count", "offer_summary")

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    # --- columns -----------------------------------------------------------------------------------------------------
    @display(description="state", label=STATES)
    def status_label(self, campaign: Campaign) -> str:
        return state_of(campaign)

    @display(description="from and to", ordering="starts_at")
    def dates(self, campaign: Campaign) -> str:
        return period(campaign)

    @display(description="vouchers given")
    def issued_count(self, campaign: Campaign) -> str:
        return f"{campaign.counter.issued:,} of {campaign.counter.quota:,}"

    @display(description="gives")
    def offer_summary(self, campaign: Campaign) -> str:
        return describe(campaign.offer, campaign.brand)

    # --- the page of one campaign ------------------------------------------------------------------------------------
    def get_urls(self) -> list[URLPattern]:
        wrap = self.admin_site.admin_view
        return [
            path("<uuid:pk>/close/", wrap(require_POST(self.close_view)), name="vouchers_campaign_close"),
            path("<uuid:pk>/winners.csv", wrap(require_safe(self.export_view)), name="vouchers_campaign_csv"),
            *super().get_urls(),
        ]

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        if not self.has_add_permission(request):
            raise PermissionDenied
        brand = self.selected_brand(request)
        if brand is None:
            return self.brand_selection_page(request)
        with timezone.override(brand.timezone):
            form = CampaignForm(request.POST or None, brand=brand)
            if form.is_valid() and (made := _create(form, brand)):
                messages.success(request, f"{made} is made.")
                return redirect("admin:vouchers_campaign_change", made.pk)
            return self._page(request, f"New campaign for {brand}", brand, form=form)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """A campaign as it runs, and the form that extends it, for whoever may."""
        campaign = self._campaign(request, object_id)
        may_edit = self.has_brand_permission(request, BrandPermissions.EDIT, campaign)
        if request.method == "POST" and not may_edit:
            raise PermissionDenied
        with timezone.override(campaign.brand.timezone):
            extend = None
            if may_edit and campaign.status == CampaignStatus.OPEN:
                extend = ExtendForm(request.POST or None, campaign=campaign)
                if extend.is_valid() and _extend(extend):
                    messages.success(request, "Saved.")
                    return redirect("admin:vouchers_campaign_change", campaign.pk)
            shown = _shown(campaign) | {"extend": extend, "may_edit": may_edit}
            return self._page(request, str(campaign), campaign.brand, **shown)

    def _page(self, request: HttpRequest, title: str, brand: Brand, **context: Any) -> HttpResponse:
        """The page, written now: while the brand's time zone is the active one."""
        shown = self.admin_site.each_context(request) | {"title": title, "opts": self.opts, "brand": brand} | context
        return force_render(TemplateResponse(request, "admin/vouchers/campaign.html", shown))

    def _campaign(self, request: HttpRequest, object_id: str) -> Campaign:
        found = self.get_object(request, object_id)
        if found is None or not self.has_view_permission(request, found):
            raise Http404
        return found  # type: ignore[no-any-return]

    def close_view(self, request: HttpRequest, pk: Any) -> HttpResponse:
        """The button that ends it."""
        campaign = self._campaign(request, str(pk))
        if not self.has_brand_permission(request, BrandPermissions.EDIT, campaign):
            raise PermissionDenied
        services.close(campaign=campaign)
        messages.success(request, f"{campaign} is closed; the vouchers that were given stay good.")
        return redirect("admin:vouchers_campaign_change", campaign.pk)

    def export_view(self, request: HttpRequest, pk: Any) -> StreamingHttpResponse:
        """Who won, as a file."""
        campaign = self._campaign(request, str(pk))
        return csv_response(f"winners-{campaign.slug}.csv", metrics.HEADER, metrics.iter_csv_rows(campaign))


def _create(form: CampaignForm, brand: Brand) -> Campaign | None:
    fields = dict(form.cleaned_data)
    try:
        return services.create(brand=brand, quota=fields.pop("quota"), fields=fields, at=timezone.now())
    except DomainError as refusal:
        form.add_service_errors(refusal)
        return None


def _extend(form: ExtendForm) -> bool:
    try:
        services.extend(campaign=form.campaign, at=timezone.now(), **form.cleaned_data)
    except DomainError as refusal:
        form.add_service_errors(refusal)
        return False
    return True


def _shown(campaign: Campaign) -> dict[str, Any]:
    """What the page says of a campaign above its form."""
    state = state_of(campaign)
    facts = [
        ("When", f"{period(campaign)} ({campaign.brand.timezone})"),
        ("A voucher is for", f"one transaction of type {campaign.voucher_type}"),
        ("Good for", f"{campaign.voucher_valid_days} days after it was won"),
        ("Revoked or expired", "goes to the next in line" if campaign.reassign_unused else "goes to nobody"),
        ("Slug", campaign.slug),
    ]
    return {
        "campaign": campaign,
        "state": (state, STATES[state]),
        "moving": state in ("open", "full"),
        "percent": 100 * campaign.counter.issued // campaign.counter.quota,
        "cards": metrics.metric_cards(campaign),
        "chart": metrics.participants_per_minute(campaign),
        "winners": metrics.latest_vouchers(campaign, RECENT_LIMIT),
        "winners_url": f"{reverse('admin:vouchers_voucher_changelist')}?{urlencode({'campaign': campaign.slug})}",
        "facts": facts,
        "words": describe(campaign.offer, campaign.brand),
    }


def period(campaign: Campaign) -> str:
    """From when to when, in the brand's time zone."""
    return format_period(campaign.start_date, campaign.end_date, campaign.brand.timezone)
