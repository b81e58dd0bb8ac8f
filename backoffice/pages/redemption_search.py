"""The search for redemptions and refused attempts of every kind of offer."""

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from accounts.models import Brand
from backoffice.base.admin import list_brand_ids
from backoffice.base.form_fields import DateFormField
from backoffice.base.formatting import EMPTY_VALUE, format_amount, format_datetime, format_number
from backoffice.base.kinds import KIND_LABELS
from backoffice.pages.audit_log import shared_time_zone
from checkout.admin.explanations import describe_members
from checkout.admin.redemptions import LABELS
from core.errors import ERROR_CATALOG
from core.periods import end_of_day, start_of_day
from core.permissions import BrandPermissions
from redemptions.events import rules
from redemptions.search import selectors
from redemptions.search.contracts import FoundUse, UseFilter, UseStatus

ROWS = 50
STATUS_LABELS = {UseStatus(status): (status.label, color) for status, color in LABELS.items()} | {
    UseStatus.REJECTED: (_("Rejected"), "danger"),
}
EVENT_LABELS = {f"redemption.{status}": label for status, (label, _color) in STATUS_LABELS.items()} | {
    "redemption.amended": _("Amended"),
}
FILTERS = ("order", "customer", "code", "kind", "status", "since", "until", "offer")


class RedemptionSearchForm(forms.Form):
    """The filters of the search."""

    order = forms.CharField(
        required=False, max_length=100, label=_("Order begins with"), widget=UnfoldAdminTextInputWidget()
    )
    customer = forms.CharField(
        required=False, max_length=100, label=_("Customer ID"), widget=UnfoldAdminTextInputWidget()
    )
    code = forms.CharField(required=False, max_length=200, label=_("Code"), widget=UnfoldAdminTextInputWidget())
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
    before = forms.CharField(required=False, max_length=200, widget=forms.HiddenInput())

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
    brand_ids = list_brand_ids(request, BrandPermissions.READ)
    if brand_ids == []:
        raise PermissionDenied
    form = RedemptionSearchForm(request.GET)
    context: dict[str, Any] = {
        **admin.site.each_context(request), "title": gettext("Find redemptions"), "form": form, "rows": [],
        "filtered": any(request.GET.get(name) for name in FILTERS),
    }  # fmt: skip
    if form.is_valid():
        context |= _build_context(request, form.cleaned_data, brand_ids)
    return TemplateResponse(request, "admin/redemption_search.html", context)


def _build_context(request: HttpRequest, filters: Mapping[str, Any], brand_ids: list[Any] | None) -> dict[str, Any]:
    zone = shared_time_zone(request)
    wanted = _to_filter(filters, brand_ids, ZoneInfo(zone))
    page = selectors.UsePage([], None)
    if wanted is not None:
        page = selectors.find_uses(wanted=wanted, before=filters["before"], limit=ROWS)
    query = urlencode({name: filters[name] for name in FILTERS if filters[name]})
    older = rules.encode_cursor(page.position) if page.position else None
    names = dict(Brand.objects.values_list("slug", "name")) if brand_ids is None or len(brand_ids) > 1 else {}
    return {
        "rows": [_to_row(use, zone, names) for use in page.uses],
        "zone": zone,
        "older": f"?{query}&before={older}" if older else None,
        "newest": f"?{query}" if filters["before"] else None,
        "with_brand": bool(names),
    }


def _to_filter(filters: Mapping[str, Any], brand_ids: Sequence[Any] | None, zone: ZoneInfo) -> UseFilter | None:
    """Return the filter of the search, or None if nothing can match."""
    return selectors.build_filter(
        brands=brand_ids,
        customer_id=filters["customer"].strip(),
        code=filters["code"],
        kind=filters["kind"],
        offer=filters["offer"],
        order=filters["order"].strip(),
        status=UseStatus(filters["status"]) if filters["status"] else None,
        start=start_of_day(filters["since"], zone) if filters["since"] else None,
        end=end_of_day(filters["until"], zone) if filters["until"] else None,
    )


# --- rows -------------------------------------------------------------------------------------------------------------
def _to_row(use: FoundUse, zone: str, brand_names: Mapping[str, str]) -> dict[str, Any]:
    label, color = STATUS_LABELS[use.status]
    return {
        "status": label,
        "color": color,
        "at": format_datetime(use.at, zone),
        "kind": KIND_LABELS.get(use.kind, use.kind),
        "offer": use.offer_name or EMPTY_VALUE,
        "brand": brand_names.get(use.brand, ""),
        "code": use.code,
        "customer": use.customer_id or EMPTY_VALUE,
        "order": use.order or EMPTY_VALUE,
        "url": _url(use),
        "discount": format_amount(use.amount, use.currency) if use.currency else EMPTY_VALUE,
        "reason": describe_rejection(use.reason) if use.reason else "",
        "count": format_number(use.count) if use.count > 1 else "",
        "events": [
            (EVENT_LABELS.get(event.type, event.type), format_datetime(event.at, zone)) for event in use.events[:-1]
        ],
    }


def describe_rejection(reason: Mapping[str, Any]) -> str:
    """Return why an attempt was refused as text, with the numbers of the reason."""
    known = ERROR_CATALOG.get(str(reason.get("code", "")))
    message = str(reason.get("detail") or (known.message if known else reason.get("code", "")))
    members = describe_members(reason)
    return f"{message} ({members})" if members else message


def _url(use: FoundUse) -> str | None:
    """Return the page on which staff see the redemption and what they can do with it."""
    if use.redemption is None:
        return None
    if use.order:
        return reverse("admin:checkout_redemption_change", args=[use.redemption])
    if use.kind == "coupon":
        return reverse("admin:coupons_couponredemption_change", args=[use.redemption])
    if use.kind == "discount_code":
        query = urlencode({"code": use.code, "customer": use.customer_id})
        return f"{reverse('admin:discounts_usage_changelist')}?{query}"
    return None
