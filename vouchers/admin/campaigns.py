"""Admin pages of campaigns: create, watch, extend and end them, and export their vouchers."""

from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Model
from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.http import require_safe
from unfold.decorators import display

from accounts.models import Brand
from backoffice.base.admin import BrandScopedAdmin, has_multiple_brands
from backoffice.base.changelists import EstimatingPaginator
from backoffice.base.costly_pages import limit_concurrency
from backoffice.base.csv_export import csv_response
from backoffice.base.filters import BrandFilter
from backoffice.base.formatting import format_number, format_period, get_percentage
from backoffice.brand_selection import BrandSelectionMixin, force_render
from core.errors import DomainError, InvalidRequest
from core.permissions import BrandPermissions
from promotions.admin.limit_cards import list_limit_cards
from promotions.admin.offer_field import describe_stored_offer
from redemptions.admin.lifecycle import (
    STATUS_COLORS,
    OfferActionsMixin,
    OfferStatusFilter,
    label_status,
    list_actions,
)
from redemptions.admin.reviews import Review, build_review
from redemptions.lifecycle import Action
from redemptions.limits.rules import TOTAL
from redemptions.statuses import OfferDecision, OfferStatus
from vouchers import rules, selectors, services
from vouchers.admin import metrics
from vouchers.admin.forms import CampaignForm, ExtendForm
from vouchers.models import Campaign

RECENT_LIMIT = 5  # vouchers on the page of a campaign


@admin.register(Campaign)
class CampaignAdmin(OfferActionsMixin, BrandSelectionMixin, BrandScopedAdmin):
    """The campaigns of a brand, newest first."""

    list_filter = (OfferStatusFilter, BrandFilter)
    list_select_related = ("brand", "counter")
    search_fields = ("name", "slug")
    search_help_text = gettext_lazy("Search by name or slug")
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
    @display(description=gettext_lazy("status"), label=STATUS_COLORS)
    def status_label(self, campaign: Campaign) -> tuple[str, str | Promise]:
        return label_status(campaign, timezone.now())

    @display(description=gettext_lazy("dates"), ordering="start_date")
    def dates(self, campaign: Campaign) -> str:
        return format_dates(campaign)

    @display(description=gettext_lazy("issued"))
    def issued_count(self, campaign: Campaign) -> str:
        counts = {"issued": format_number(campaign.counter.issued), "quota": format_number(campaign.counter.quota)}
        return _("%(issued)s of %(quota)s") % counts

    @display(description=gettext_lazy("voucher discount"))
    def offer_summary(self, campaign: Campaign) -> str:
        return describe_stored_offer(campaign.offer, campaign.brand)

    # --- the page of one campaign ------------------------------------------------------------------------------------
    def get_urls(self) -> list[URLPattern]:
        wrap = self.admin_site.admin_view
        return [
            path("<uuid:pk>/vouchers.csv", wrap(require_safe(self.export_view)), name="vouchers_campaign_csv"),
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
            if form.is_valid() and (campaign := _create(form, brand)):
                messages.success(request, _("%(offer)s saved as a draft.") % {"offer": campaign})
                return self.redirect_to_draft(request, campaign)
            return self._page(request, _("New campaign"), brand, form=form)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Show a campaign, and to editors the form of a draft, or the one that extends the campaign."""
        campaign = self._get_campaign(request, object_id)
        may_edit = self.has_brand_permission(request, BrandPermissions.EDIT, campaign)
        if request.method == "POST" and not may_edit:
            raise PermissionDenied
        with timezone.override(campaign.brand.timezone):
            form: CampaignForm | ExtendForm | None = None
            is_draft = campaign.decision == OfferDecision.DRAFT
            if may_edit and campaign.decision != OfferDecision.ARCHIVED:
                if is_draft:
                    form = CampaignForm(request.POST or None, brand=campaign.brand, campaign=campaign)
                else:
                    form = ExtendForm(request.POST or None, campaign=campaign)
                if form.is_valid() and _change(form, campaign):
                    messages.success(request, _("Changes saved."))
                    return redirect("admin:vouchers_campaign_change", campaign.pk)
            forms = {"form": form} if is_draft else {"extend_form": form}
            context = _build_context(campaign) | forms | {"may_edit": may_edit}
            return self._page(request, str(campaign), campaign.brand, **context)

    def _page(self, request: HttpRequest, title: str, brand: Brand, **context: Any) -> HttpResponse:
        """Render the page while the time zone of the brand is active."""
        shared = self.admin_site.each_context(request) | {"title": title, "opts": self.opts, "brand": brand}
        return force_render(TemplateResponse(request, "admin/vouchers/campaign.html", shared | context))

    def _get_campaign(self, request: HttpRequest, object_id: str) -> Campaign:
        """Return the campaign of the URL. Raises Http404."""
        campaign = self.get_object(request, object_id)
        if campaign is None or not self.has_view_permission(request, campaign):
            raise Http404
        return campaign  # type: ignore[no-any-return]

    def review(self, offer: Campaign, at: datetime) -> Review:
        quota = (_("Vouchers"), _("At most %(count)s") % {"count": format_number(offer.counter.quota)})
        summary = describe_stored_offer(offer.offer, offer.brand)
        facts = [quota, *_details(offer)]
        return build_review(offer, document=offer.offer, summary=summary, facts=facts, counted=(TOTAL,))

    def change_decision(self, offer: Campaign, action: Action) -> Campaign:
        return services.change_decision(campaign=offer, action=action, at=timezone.now())

    def duplicate(self, request: HttpRequest, offer: Campaign) -> Campaign:
        slug = request.POST.get("text") or None
        if slug is not None and not rules.SLUG.fullmatch(slug):
            raise InvalidRequest.field("slug", _("Use letters, digits, hyphens or underscores."))
        return services.duplicate(campaign=offer, slug=slug, at=timezone.now())

    def delete_draft(self, offer: Campaign) -> None:
        services.delete(campaign=offer, at=timezone.now())

    @limit_concurrency("export")
    def export_view(self, request: HttpRequest, pk: Any) -> StreamingHttpResponse:
        """Export the vouchers of a campaign as CSV."""
        campaign = self._get_campaign(request, str(pk))
        return csv_response(f"vouchers-{campaign.slug}.csv", metrics.HEADER, metrics.iter_csv_rows(campaign))


def _create(form: CampaignForm, brand: Brand) -> Campaign | None:
    fields = form.cleaned_data | form.limit_values() | {"decision": OfferDecision.DRAFT}
    try:
        return services.create(brand=brand, quota=fields.pop("quota"), fields=fields, at=timezone.now())
    except DomainError as error:
        form.add_service_errors(error)
        return None


def _change(form: CampaignForm | ExtendForm, campaign: Campaign) -> bool:
    fields = form.cleaned_data | form.limit_values()
    try:
        services.change(campaign=campaign, quota=fields.pop("quota"), fields=fields, at=timezone.now())
    except DomainError as error:
        form.add_service_errors(error)
        return False
    return True


def _build_context(campaign: Campaign) -> dict[str, Any]:
    """Return the template context of a campaign."""
    at, counter = timezone.now(), campaign.counter
    status = campaign.status_at(at)
    query = urlencode({"campaign": campaign.slug})
    return {
        "campaign": campaign,
        "status": (status.label, STATUS_COLORS[status]),
        "actions": list_actions(campaign, at),
        "effect": _("No more vouchers are issued. Issued vouchers stay valid."),
        "duplicate_label": _("Slug of the duplicate"),
        "duplicate_text": selectors.suggest_slug(campaign.slug),
        "limit_reached": status == OfferStatus.ACTIVE and counter.issued >= counter.quota,
        "moving": status == OfferStatus.ACTIVE,
        "percent": get_percentage(counter.issued, counter.quota),
        "cards": [*metrics.metric_cards(campaign), *list_limit_cards(campaign.limits, at)],
        "chart": metrics.participants_per_minute(campaign),
        "vouchers": metrics.latest_vouchers(campaign, RECENT_LIMIT),
        "vouchers_url": f"{reverse('admin:vouchers_voucher_changelist')}?{query}",
        "details": _details(campaign),
        "offer_summary": describe_stored_offer(campaign.offer, campaign.brand),
    }


def _details(campaign: Campaign) -> list[tuple[str, str]]:
    """Return the rows of the details section: label and value."""
    days = campaign.voucher_valid_days
    validity = ngettext("%(days)s day after issue", "%(days)s days after issue", days) % {"days": format_number(days)}
    unused = _("Reassigned to the waiting list") if campaign.reassign_unused else _("Not reassigned")
    return [
        (_("Dates"), f"{format_dates(campaign)} ({campaign.brand.timezone})"),
        (_("Transaction type"), campaign.voucher_type),
        (_("Valid for"), validity),
        (_("Unused vouchers"), unused),
        (_("Slug"), campaign.slug),
    ]


def format_dates(campaign: Campaign) -> str:
    """Return the dates of a campaign in the time zone of its brand."""
    return format_period(campaign.start_date, campaign.end_date, campaign.brand.timezone)
