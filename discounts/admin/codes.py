"""Admin pages of discount codes."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, cast

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Model, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.text import Truncator
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_safe
from unfold.decorators import display

from backoffice.base.admin import BrandScopedAdmin, has_multiple_brands
from backoffice.base.changelists import AnnotatedChangeList, EstimatingPaginator
from backoffice.base.charts import build_daily_chart, describe_redemptions
from backoffice.base.confirmations import Confirmation, render_confirmation
from backoffice.base.filters import BrandFilter
from backoffice.base.formatting import (
    EMPTY_VALUE,
    format_capped_count,
    format_datetime,
    format_number,
    format_period,
    format_totals,
    local_date,
)
from backoffice.brand_selection import BrandCreateMixin, force_render
from core.errors import DomainError
from core.permissions import BrandPermissions
from core.texts import to_upper_case
from discounts import selectors, services
from discounts.admin.forms import CONDITIONAL_FIELDS, ChangeCodeForm, CodeForm
from discounts.emails import terms
from discounts.models import DiscountCode
from discounts.selectors import statistics
from mailings.contracts import MailingStatus
from promotions.admin.limit_cards import list_limit_cards
from promotions.admin.limit_fields import OFFER_LIMIT_FIELDS, TOTAL_FIELDS
from redemptions.admin.code_batches import CodeViews
from redemptions.admin.lifecycle import (
    CONFIRMED,
    MAX_LISTED,
    STATUS_COLORS,
    OfferActionsMixin,
    OfferStatusFilter,
    confirm_rows,
    label_status,
    list_actions,
)
from redemptions.admin.reviews import Review, build_review
from redemptions.codes.selectors.codes import suggest_text
from redemptions.lifecycle import Action
from redemptions.statuses import OfferDecision, OfferStatus

MAX_SUMMARY = 40  # characters of an offer in the list
MAX_COUNTED = 100_000  # recipients of an announcement; more are "100,000+"


class CodeList(AnnotatedChangeList):
    """Page of codes with the numbers of their redemptions and emails."""

    def annotate(self, rows: list[Any]) -> None:
        counts = statistics.count_by_code([code.pk for code in rows])
        for code in rows:
            code.counts = counts[code.pk]


@admin.register(DiscountCode)
class DiscountCodeAdmin(OfferActionsMixin, BrandCreateMixin, BrandScopedAdmin):
    """Discount codes of brands."""

    creation_form = CodeForm
    list_filter = (OfferStatusFilter, BrandFilter, "notify")
    list_select_related = ("brand", "rule__brand")
    search_fields = ("code",)
    search_help_text = _("Search by code")
    ordering = ("-pk",)
    list_per_page = 25
    show_full_result_count = False
    paginator = EstimatingPaginator
    conditional_fields = CONDITIONAL_FIELDS
    change_form_outer_before_template = "admin/discounts/code_metrics.html"
    add_fieldsets = (
        (None, {"fields": ("text", "existing")}),
        (_("Discount"), {"fields": ("discount_type", "discount", "minimum", "offer", "name", "audience")}),
        (_("Schedule and audience"), {"fields": ("start_date", "end_date", "notify")}),
        (_("Limits"), {"fields": (*TOTAL_FIELDS, *OFFER_LIMIT_FIELDS)}),
    )
    limit_fieldset = (_("Limits"), {"fields": (*TOTAL_FIELDS, *OFFER_LIMIT_FIELDS)})
    readonly_fields = ("offer_summary", "announced_by_email", "created")

    def get_list_display(self, request: HttpRequest) -> tuple[str, ...]:
        brand = ("brand",) if has_multiple_brands(request) else ()
        return ("code_text", "percentage", *brand, "status", "dates", "redemptions", "announcement_progress")

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[AnnotatedChangeList]:
        return CodeList

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[DiscountCode], search_term: str
    ) -> tuple[QuerySet[DiscountCode], bool]:
        term = to_upper_case(search_term.strip())
        return queryset.filter(code__startswith=term) if term else queryset, False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        is_archived = isinstance(obj, DiscountCode) and obj.decision == OfferDecision.ARCHIVED
        return not is_archived and super().has_change_permission(request, obj)

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        """Return the fields, with those of limits for users who may change them; others see the metrics."""
        if obj is None:
            return self.add_fieldsets
        may_change = self.has_change_permission(request, obj)
        announced = "notify" if may_change and obj.decision == OfferDecision.DRAFT else "announced_by_email"
        terms = (None, {"fields": ("offer_summary", "start_date", "end_date", announced, "created")})
        return (terms, self.limit_fieldset) if may_change else (terms,)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Sequence[str]:
        locked = services.locked_fields(code=obj, at=timezone.now()) if obj else frozenset()
        return [*self.readonly_fields, *sorted(locked & {"start_date", "limit_strategy"})]

    # --- columns and fields ------------------------------------------------------------------------------------------
    @display(description=_("Code"), ordering="code")
    def code_text(self, code: DiscountCode) -> str:
        return code.code

    @display(description=_("Discount"), label=True, ordering="rule__discount")
    def percentage(self, code: DiscountCode) -> str:
        return Truncator(code.rule.summary).chars(MAX_SUMMARY)

    @display(description=_("Status"), label=STATUS_COLORS)
    def status(self, code: DiscountCode) -> tuple[str, str | Promise]:
        return label_status(code, timezone.now())

    @display(description=_("Dates"), ordering="end_date")
    def dates(self, code: DiscountCode) -> str:
        return format_period(code.start_date, code.end_date, code.brand.timezone)

    @display(description=_("Redemptions"))
    def redemptions(self, code: Any) -> str:
        return format_capped_count(code.counts["redemptions"], statistics.LIST_CAP)

    @display(description=_("Emails sent"))
    def announcement_progress(self, code: Any) -> str:
        if not code.counts["planned"]:
            return EMPTY_VALUE
        counts = {name: format_capped_count(code.counts[name], statistics.LIST_CAP) for name in ("sent", "planned")}
        return gettext("%(sent)s of %(planned)s") % counts

    @display(description=_("Offer"))
    def offer_summary(self, code: DiscountCode) -> str:
        sentences = terms(code)
        if code.rule.audience:
            sentences.append(gettext("Only for %(audience)s.") % {"audience": code.rule.audience.replace("_", " ")})
        return " ".join(sentences)

    @display(description=_("Announcement"), boolean=True)
    def announced_by_email(self, code: DiscountCode) -> bool:
        return code.notify

    @display(description=_("Created"))
    def created(self, code: DiscountCode) -> str:
        date = format_datetime(code.created_at, code.brand.timezone)
        if code.created_by is None:
            return date
        return gettext("%(date)s by %(user)s") % {"date": date, "user": code.created_by}

    # --- the page of one code ----------------------------------------------------------------------------------------
    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        if obj is not None:
            kwargs["form"] = ChangeCodeForm
        return super().get_form(request, obj, change=change, **kwargs)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        code = self._get_code(request, object_id)
        with timezone.override(code.brand.timezone):
            context = {**(extra_context or {}), **self._code_context(request, code)}
            return force_render(super().change_view(request, object_id, form_url, context))

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """Do nothing: the form has called the service."""

    def response_add(self, request: HttpRequest, obj: Model, post_url_continue: str | None = None) -> HttpResponse:
        if "_addanother" in request.POST:
            return cast("HttpResponse", super().response_add(request, obj, post_url_continue))
        messages.success(request, gettext("%(offer)s saved as a draft.") % {"offer": obj})
        return self.redirect_to_draft(request, obj)

    def _get_code(self, request: HttpRequest, object_id: str) -> DiscountCode:
        code = self.get_object(request, object_id)
        if code is None or not self.has_view_permission(request, code):
            raise Http404
        return code  # type: ignore[no-any-return]

    def _code_context(self, request: HttpRequest, code: DiscountCode) -> dict[str, Any]:
        """Return the context for the metrics above the form."""
        now, zone = timezone.now(), code.brand.timezone
        today = local_date(now, zone)
        daily = statistics.by_day(code=code.pk, zone=zone, at=now)
        count, discount = statistics.totals(code)
        discount_today = daily.discount_since(today)
        today_note = gettext("%(amount)s today") % {"amount": format_totals(discount_today)}
        returned = format_capped_count(statistics.returned(code), statistics.LIST_CAP)
        cards = [
            (gettext("Redemptions"), format_capped_count(count, statistics.PAGE_CAP - 1), gettext("total")),
            (gettext("Today"), format_number(daily.redemptions[today]), gettext("since midnight")),
            (
                gettext("Total discount"),
                format_totals(discount),
                today_note if any(discount_today.values()) else gettext("none today"),
            ),
            (gettext("Reserved"), format_number(statistics.reserved(code, now)), gettext("now")),
            (gettext("Returned"), returned, gettext("total")),
            *list_limit_cards(code.limits, now),
        ]
        status = code.status_at(now)
        may_edit = self.has_brand_permission(request, BrandPermissions.EDIT, code)
        return {
            "show_save_and_add_another": False,
            "code": code,
            "cards": cards,
            "status_label": status.label,
            "status_color": STATUS_COLORS[status],
            "may_edit": may_edit,
            "actions": list_actions(code, now),
            "duplicate_label": gettext("Code of the duplicate"),
            "duplicate_text": suggest_text(text=code.code, brand_id=code.brand_id) if may_edit else "",
            "chart": build_daily_chart(
                daily.redemptions, last=today, days=statistics.DAYS, describe=describe_redemptions
            ),
            "chart_title": gettext("Redemptions per day"),
            "may_announce": status == OfferStatus.ACTIVE and may_edit,
            "redemptions_url": f"{reverse('redemption-search')}?kind=discount_code&offer={code.offer_id}",
            **self._announcement_context(code),
        }

    def _announcement_context(self, code: DiscountCode) -> dict[str, Any]:
        """Return the context for the progress of the announcement."""
        progress = selectors.announcement_progress(code)
        mailing = selectors.get_announcement(code)
        finished = progress["sent"] + progress["failed"]
        is_pending = mailing is None and code.notify and code.status_at(timezone.now()) == OfferStatus.ACTIVE
        return {
            "progress": progress,
            "mailing_status": mailing.get_status_display() if mailing else "",
            "is_done": mailing is not None and mailing.status == MailingStatus.DONE,
            "is_running": is_pending or (mailing is not None and mailing.status != MailingStatus.DONE),
            "percent": round(100 * finished / progress["planned"]) if progress["planned"] else 0,
        }

    # --- actions -----------------------------------------------------------------------------------------------------
    def get_urls(self) -> list[URLPattern]:
        wrap = self.admin_site.admin_view
        return [
            path("<int:pk>/announce/", wrap(self.announce_view), name="discounts_discountcode_announce"),
            path("<int:pk>/progress/", wrap(require_safe(self.progress_view)), name="discounts_discountcode_progress"),
            *CodeViews(self, kind="discount_code").urls(wrap),
            *super().get_urls(),
        ]

    def announce_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Say who gets the announcement of a code, and schedule it."""
        code = self._get_code(request, str(pk))
        if not self.has_brand_permission(request, BrandPermissions.EDIT, code):
            raise PermissionDenied
        if request.method == "POST":
            self._announce(request, [code])
            return redirect("admin:discounts_discountcode_change", pk)
        return render_confirmation(request, confirm_announcement([code], back=code_page(code)))

    def progress_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Render the progress of an announcement, which the page of the code polls."""
        code = self._get_code(request, str(pk))
        context = {"code": code, **self._announcement_context(code)}
        return TemplateResponse(request, "admin/discounts/progress.html", context)

    def announce(self, request: HttpRequest, queryset: QuerySet[DiscountCode]) -> HttpResponse | None:
        """Say who gets the announcements of the selected codes, and once confirmed, schedule them."""
        codes = list(self.filter_queryset(queryset, request, BrandPermissions.EDIT))
        if CONFIRMED not in request.POST:
            return confirm_rows(request, confirm_announcement(codes, back=request.get_full_path()))
        self._announce(request, codes)
        return None

    def _announce(self, request: HttpRequest, codes: list[DiscountCode]) -> None:
        for code in codes:
            try:
                services.announce_code(code=code, at=timezone.now())
            except DomainError as error:
                messages.error(request, f"{code}: {error.detail}")
            else:
                text = gettext("Announcement scheduled. Customers who already received it are skipped.")
                messages.success(request, f"{code}: {text}")

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        """Return the announcement and the actions of an offer, for users who may edit codes."""
        actions = super().get_actions(request)
        if actions:
            actions["announce"] = (type(self).announce, "announce", _("Send announcement…"))
        return actions

    def review(self, offer: DiscountCode, at: datetime) -> Review:
        dates = f"{format_period(offer.start_date, offer.end_date, offer.brand.timezone)} ({offer.brand.timezone})"
        audience = offer.rule.audience.replace("_", " ") or gettext("Everyone")
        emails = count_recipients(offer) if offer.notify else gettext("None")
        facts = [(gettext("Code"), offer.code), (gettext("Dates"), dates), (gettext("Audience"), audience)]
        facts += [(gettext("Per customer"), gettext("One redemption")), (gettext("Emails at the start"), emails)]
        document, summary = offer.rule.document, self.offer_summary(offer)
        return build_review(offer, document=document, summary=summary, facts=facts)

    def change_decision(self, offer: DiscountCode, action: Action) -> DiscountCode:
        return services.change_decision(code=offer, action=action, at=timezone.now())

    def duplicate(self, request: HttpRequest, offer: DiscountCode) -> DiscountCode:
        text = request.POST.get("text") or None
        return services.duplicate_code(code=offer, text=text, by=request.user.pk, at=timezone.now())

    def delete_draft(self, offer: DiscountCode) -> None:
        services.delete_code(code=offer, at=timezone.now())


def code_page(code: DiscountCode) -> str:
    """Return the URL of the page of a code."""
    return reverse("admin:discounts_discountcode_change", args=[code.pk])


def confirm_announcement(codes: Sequence[DiscountCode], *, back: str) -> Confirmation:
    """Return what the announcement of codes will do."""
    return Confirmation(
        title=gettext("Send announcement"),
        facts=[(code.code, count_recipients(code)) for code in codes[:MAX_LISTED]],
        effect=gettext(
            "The customers who subscribed to offers get an email about each code that can be redeemed now. Those who"
            " already received it are skipped. Sent emails can't be taken back."
        ),
        label=gettext("Send now"),
        back=back,
    )


def count_recipients(code: DiscountCode) -> str:
    """Return how many customers the announcement of a code reaches now, counted up to a limit."""
    count = selectors.count_recipients(code, limit=MAX_COUNTED + 1)
    text = format_capped_count(count, MAX_COUNTED)
    return ngettext("%(count)s customer", "%(count)s customers", count) % {"count": text}
