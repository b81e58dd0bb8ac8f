"""The search for redemptions and refused attempts of every kind of offer, and its export."""

import uuid
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_safe
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from accounts.models import Brand
from backoffice.base.admin import list_brand_ids
from backoffice.base.costly_pages import limit_concurrency
from backoffice.base.csv_export import csv_response
from backoffice.base.form_fields import DateFormField, TextFormField
from backoffice.base.formatting import local_date
from backoffice.base.kinds import KIND_LABELS
from backoffice.pages.audit_log import shared_time_zone
from backoffice.pages.redemption_rows import STATUS_LABELS, build_row
from core import money
from core.periods import end_of_day, start_of_day
from core.permissions import BrandPermissions
from redemptions.backends import get_offer_names
from redemptions.events import rules
from redemptions.search import selectors
from redemptions.search.contracts import FoundUse, UseFilter, UseStatus

ROWS = 50
CSV_HEADER = (
    "status", "at", "brand", "kind", "offer_id", "offer", "code", "customer_id", "order", "redemption_id", "currency",
    "subtotal", "discount", "reason", "count", "created_at",
)  # fmt: skip
FILTERS = ("order", "customer", "code", "kind", "status", "since", "until", "offer")


class RedemptionSearchForm(forms.Form):
    """The filters of the search."""

    order = TextFormField(
        required=False, max_length=100, label=_("Order begins with"), widget=UnfoldAdminTextInputWidget()
    )
    customer = TextFormField(
        required=False, max_length=100, label=_("Customer ID"), widget=UnfoldAdminTextInputWidget()
    )
    code = TextFormField(required=False, max_length=200, label=_("Code"), widget=UnfoldAdminTextInputWidget())
    kind = forms.ChoiceField(
        required=False, label=_("Kind of offer"), widget=UnfoldAdminSelectWidget(),
        choices=[("", _("All kinds")), *KIND_LABELS.items()],
    )  # fmt: skip
    status = forms.ChoiceField(
        required=False, label=_("Status"), widget=UnfoldAdminSelectWidget(),
        choices=[("", _("All statuses")), *((status.value, label) for status, (label, _c) in STATUS_LABELS.items())],
    )  # fmt: skip
    since = DateFormField(required=False, label=_("From"))
    until = DateFormField(required=False, label=_("To"), is_end=True)
    offer = forms.UUIDField(required=False, widget=forms.HiddenInput())
    before = TextFormField(required=False, max_length=200, widget=forms.HiddenInput())

    def clean_before(self) -> Any:
        """Return the position of the cursor."""
        try:
            return rules.decode_cursor(self.cleaned_data["before"]) if self.cleaned_data["before"] else None
        except ValueError as error:
            raise forms.ValidationError(gettext("Invalid cursor.")) from error

    def clean(self) -> dict[str, Any]:
        """Check that the days are in order."""
        cleaned = super().clean() or self.cleaned_data
        if cleaned.get("since") and cleaned.get("until") and cleaned["until"] < cleaned["since"]:
            self.add_error("until", gettext("The end date must be on or after the start date."))
        return cleaned


def redemption_search_page(request: HttpRequest) -> HttpResponse:
    """Show the redemptions and refused attempts of the user's brands that match the filters."""
    brand_ids = _list_readable(request)
    form = RedemptionSearchForm(request.GET)
    context: dict[str, Any] = {
        **admin.site.each_context(request), "title": gettext("Find redemptions"), "form": form, "rows": [],
        "filtered": any(request.GET.get(name) for name in FILTERS),
    }  # fmt: skip
    if form.is_valid():
        context |= _build_context(request, form.cleaned_data, brand_ids)
    return TemplateResponse(request, "admin/redemption_search.html", context)


def _list_readable(request: HttpRequest) -> list[Any] | None:
    """Return the IDs of the brands whose redemptions the user may read, None for all. Raises PermissionDenied."""
    brand_ids = list_brand_ids(request, BrandPermissions.READ)
    if brand_ids == []:
        raise PermissionDenied
    return brand_ids


def _build_context(request: HttpRequest, filters: Mapping[str, Any], brand_ids: list[Any] | None) -> dict[str, Any]:
    zone = shared_time_zone(request)
    wanted = _to_filter(filters, brand_ids, ZoneInfo(zone))
    page = selectors.UsePage([], None)
    if wanted is not None:
        page = selectors.find_uses(wanted=wanted, before=filters["before"], limit=ROWS)
    query = urlencode({name: filters[name] for name in FILTERS if filters[name]})
    older = rules.encode_cursor(page.position) if page.position else None
    names = get_brand_names(brand_ids)
    return {
        "rows": [build_row(use, zone, names) for use in page.uses],
        "export": f"{reverse('redemption-export')}?{query}",
        "chosen_offer": _get_offer_name(filters["kind"], filters["offer"]),
        "zone": zone,
        "older": f"?{query}&before={older}" if older else None,
        "newest": f"?{query}" if filters["before"] else None,
        "with_brand": bool(names),
    }


def get_brand_names(brand_ids: Sequence[Any] | None) -> dict[str, str]:
    """Return the names of the brands by slug (of all for None) if a table needs them: there are several."""
    if brand_ids is not None and len(brand_ids) < 2:
        return {}
    brands = Brand.objects.all() if brand_ids is None else Brand.objects.filter(pk__in=brand_ids)
    return dict(brands.values_list("slug", "name"))


def _get_offer_name(kind: str, offer: uuid.UUID | None) -> str:
    """Return the name of the offer that a link chose, or an empty text."""
    return get_offer_names([(kind, offer)]).get(offer, "") if kind and offer else ""


def _to_filter(filters: Mapping[str, Any], brand_ids: Sequence[Any] | None, zone: ZoneInfo) -> UseFilter | None:
    """Return the filter of the search, or None if nothing can match."""
    return selectors.build_filter(
        brands=brand_ids,
        customer_id=filters["customer"].strip(),
        code=filters["code"],
        kind=filters["kind"],
        offer=filters["offer"],
        order=filters["order"].strip(),
        statuses=(UseStatus(filters["status"]),) if filters["status"] else (),
        start=start_of_day(filters["since"], zone) if filters["since"] else None,
        end=end_of_day(filters["until"], zone) if filters["until"] else None,
    )


# --- export -----------------------------------------------------------------------------------------------------------
@limit_concurrency("export")
@require_safe
def redemption_export(request: HttpRequest) -> StreamingHttpResponse:
    """Export all redemptions and refused attempts that match the filters as CSV."""
    brand_ids = _list_readable(request)
    form = RedemptionSearchForm(request.GET)
    if not form.is_valid():
        raise Http404
    zone = ZoneInfo(shared_time_zone(request))
    wanted = _to_filter(form.cleaned_data, brand_ids, zone)
    uses = selectors.iter_uses(wanted=wanted) if wanted is not None else iter(())
    name = f"redemptions-{local_date(timezone.now(), str(zone)):%Y-%m-%d}.csv"
    return csv_response(name, CSV_HEADER, (_to_csv_row(use, zone) for use in uses))


def _to_csv_row(use: FoundUse, zone: ZoneInfo) -> list[object]:
    times = [at.astimezone(zone).isoformat(timespec="seconds") for at in (use.at, _started_at(use))]
    amounts = [
        None if minor_units is None or not use.currency else money.format_decimal(minor_units, use.currency)
        for minor_units in (use.subtotal, use.amount)
    ]
    reason = use.reason.get("code") if use.reason else None
    return [
        use.status, times[0], use.brand, use.kind, use.offer, use.offer_name, use.code, use.customer_id, use.order,
        use.redemption, use.currency, *amounts, reason, use.count, times[1],
    ]  # fmt: skip


def _started_at(use: FoundUse) -> datetime:
    return use.events[0].at if use.events else use.at
