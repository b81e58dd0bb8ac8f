"""The audit log: who changed what and when, with the old and new values of the fields."""

import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

from django import forms
from django.contrib import admin
from django.db.models import DateTimeField, ForeignKey, IntegerField
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from accounts.models import Access, Brand
from backoffice.base.admin import list_brand_ids
from backoffice.base.descriptions import describe_offer
from backoffice.base.form_fields import TextFormField
from backoffice.base.formatting import EMPTY_VALUE, format_amount, format_datetime, format_number, humanize_value
from backoffice.pages import audit_events
from backoffice.pages.audit_events import Event, ModelEvent, TrackedModel
from core.permissions import BrandPermissions
from discounts.admin.rules import describe_terms
from pricing import OfferInvalid, load_offer
from redemptions.codes.models import EXPORTED, REVOKED
from redemptions.statuses import RedemptionStatus

EVENT_LABELS: Mapping[str, str | Promise] = {
    "insert": _("Created"), "update": _("Changed"), "delete": _("Deleted"),
    **{status.value: status.label for status in RedemptionStatus},  # staff changed a redemption
    EXPORTED: _("Exported"),
    REVOKED: _("Revoked"),
    **{access.value: access.label for access in Access},
}  # fmt: skip
COLORS = {"insert": "success", "update": "info", "delete": "danger"}
HIDDEN_FIELDS = {"id", "pgh_id", "pgh_obj", "pgh_label", "pgh_context", "pgh_created_at", "created_at", "uuid"}


class AuditLogFilterForm(forms.Form):
    """The filters of the audit log."""

    kind = forms.ChoiceField(required=False, label=_("Object"), widget=UnfoldAdminSelectWidget())
    how = forms.ChoiceField(
        required=False, label=_("Change"), widget=UnfoldAdminSelectWidget(),
        choices=[("", _("All changes")), *EVENT_LABELS.items()],
    )  # fmt: skip
    who = TextFormField(required=False, max_length=150, label=_("Username"), widget=UnfoldAdminTextInputWidget())
    object = TextFormField(required=False, max_length=64, widget=forms.HiddenInput())
    before = forms.RegexField(r"^\d{1,18}(-\d{1,18})*\Z", required=False, widget=forms.HiddenInput())

    def __init__(self, *args: Any, models: list[TrackedModel], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        choices = [("", _("All objects")), *((model.name, model.label) for model in models)]
        self.fields["kind"].choices = choices  # type: ignore[attr-defined]


def audit_log_page(request: HttpRequest) -> HttpResponse:
    """Show the audit log."""
    models = audit_events.list_tracked_models(request)
    form = AuditLogFilterForm(request.GET, models=models)
    context: dict[str, Any] = {**admin.site.each_context(request), "title": _("Audit log"), "form": form, "rows": []}
    if form.is_valid():
        context |= _build_context(request, models, form.cleaned_data)
    return TemplateResponse(request, "admin/audit.html", context)


def _build_context(request: HttpRequest, models: list[TrackedModel], filters: Mapping[str, str]) -> dict[str, Any]:
    page = audit_events.find_events(models=models, filters=filters, cursor=filters["before"])
    zone = shared_time_zone(request)
    query = urlencode({name: filters[name] for name in ("kind", "how", "who", "object") if filters[name]})
    return {
        "rows": list(_iter_rows(models, page.events, zone)),
        "zone": zone,
        "older": f"?{query}&before={page.next_cursor}" if page.next_cursor else None,
        "newest": f"?{query}" if audit_events.parse_cursor(filters["before"], models) else None,
        "filtered": bool(query),
        "depth": format_number(audit_events.SCAN_LIMIT) if filters["how"] or filters["who"] else None,
    }


def shared_time_zone(request: HttpRequest) -> str:
    """Return the time zone that all of the user's brands have, else UTC."""
    brand_ids = list_brand_ids(request, BrandPermissions.READ)
    zones = set(Brand.objects.filter(pk__in=brand_ids).values_list("timezone", flat=True)) if brand_ids else set()
    return zones.pop() if len(zones) == 1 else "UTC"


# --- rows ------------------------------------------------------------------------------------------------------------
def _iter_rows(
    models: Sequence[TrackedModel], model_events: Sequence[ModelEvent], zone: str
) -> Iterator[dict[str, Any]]:
    events = [item.event for item in model_events]
    previous = audit_events.get_previous_events(events)
    names = audit_events.get_object_names(events)
    contexts = [event.pgh_context.metadata if event.pgh_context else {} for event in events]
    usernames = audit_events.get_usernames([context.get("user") for context in contexts])
    key_names = audit_events.get_key_names([context.get("api_key") for context in contexts])
    formatter = EventFormatter(zone, audit_events.get_currencies(events))
    for (index, event), context in zip(model_events, contexts, strict=True):
        yield {
            "created_at": format_datetime(event.pgh_created_at, zone),
            "user": _describe_actor(context, usernames, key_names),
            "address": context.get("address", ""),
            "object_type": models[index].label,
            "name": names.get((type(event), event.pgh_obj_id)) or _fallback_name(event),
            "url": _object_url(event),
            "change": str(EVENT_LABELS.get(event.pgh_label, event.pgh_label)),
            "color": COLORS.get(event.pgh_label, ""),
            "fields": list(formatter.iter_changes(event, previous.get((type(event), event.pgh_id)))),
        }


def _describe_actor(context: Mapping[str, Any], usernames: Mapping[Any, str], key_names: Mapping[str, str]) -> str:
    """Return who did something: a user, an API key, somebody who wasn't signed in, or the platform itself."""
    if key := context.get("api_key"):
        return key_names.get(key, gettext("Deleted API key"))
    if user := context.get("user"):
        return usernames.get(user, gettext("Deleted user"))
    return gettext("Not signed in") if "address" in context else gettext("System")


def _fallback_name(event: Event) -> str:
    return str(getattr(event, "name", "") or getattr(event, "email", "") or event.pgh_obj_id or "")


def _object_url(event: Event) -> str | None:
    model = event.pgh_tracked_model
    if model not in admin.site._registry or event.pgh_label == "delete":  # noqa: SLF001
        return None
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_change", args=[event.pgh_obj_id])  # noqa: SLF001


@dataclass(frozen=True, slots=True)
class EventFormatter:
    """Writes the values of events as the pages of their objects do, with the currencies of the brands."""

    zone: str
    currencies: Mapping[uuid.UUID, str]

    def iter_changes(self, event: Event, previous: Event | None) -> Iterator[tuple[str, str | None, str]]:
        """Yield each changed field: its label, old value (None for a new object) and new value."""
        for field in event._meta.fields:  # noqa: SLF001
            if field.name in HIDDEN_FIELDS:
                continue
            new = getattr(event, field.attname)
            if event.pgh_label == "update" and previous is not None:
                if getattr(previous, field.attname) != new:
                    yield str(field.verbose_name), *self._format_change(field, previous, event)
            elif event.pgh_label != "update" and new not in (None, "", {}) and not isinstance(field, ForeignKey):
                yield str(field.verbose_name), None, self._format_value(field, event)

    def _format_change(self, field: Any, previous: Event, event: Event) -> tuple[str, str]:
        """Return the old and the new value; with all of their details if their descriptions are the same."""
        old, new = self._format_value(field, previous), self._format_value(field, event)
        if old == new:
            return humanize_value(getattr(previous, field.attname)), humanize_value(getattr(event, field.attname))
        return old, new

    def _format_value(self, field: Any, event: Event) -> str:
        value = getattr(event, field.attname)
        if value is None or value == "":
            return EMPTY_VALUE
        if field.flatchoices:
            return str(dict(field.flatchoices).get(value, value))
        if field.name in TEXTS:
            return TEXTS[field.name](value, self._currency(event))
        if isinstance(field, DateTimeField) and isinstance(value, datetime):
            return format_datetime(value, self.zone)
        if isinstance(field, IntegerField):
            return format_number(value)
        return humanize_value(value)

    def _currency(self, event: Event) -> str:
        own_currency: str = getattr(event, "currency", "")
        return own_currency or self.currencies.get(getattr(event, "brand_id", uuid.UUID(int=0)), "")


def _describe_offer(offer: object, currency: str) -> str:
    """Return an offer in words; all of its keys if it is invalid."""
    try:
        return describe_offer(load_offer(offer), currency)
    except OfferInvalid:
        return humanize_value(offer)


# how to write fields by their names: value and currency to text
TEXTS: Mapping[str, Callable[[Any, str], str]] = {
    "budget": format_amount,
    "discount": lambda value, _currency: f"{Decimal(value).normalize():f}%",
    "offer": _describe_offer,
    "terms": lambda value, _currency: describe_terms(value),
}
