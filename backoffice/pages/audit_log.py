"""The audit log: who changed what and when, with the fields' old and new values, brand by brand.

Every tracked model's events are read by key, newest first, and merged; a page costs a fixed number of queries.
"""

import heapq
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast
from urllib.parse import urlencode

from django import forms
from django.apps import apps
from django.contrib import admin
from django.db.models import DateTimeField, ForeignKey, Model, OuterRef, QuerySet, Subquery
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from accounts.models import Brand, User
from backoffice.base.admin import BrandScopedMixin, list_brand_ids
from backoffice.base.formatting import EMPTY_VALUE, format_datetime, humanize_value
from core.permissions import BrandPermissions
from discounts.admin.rules import describe_terms

PAGE_SIZE = 25
SCAN_LIMIT = 200_000
EVENT_LABELS = {"insert": "made", "update": "changed", "delete": "removed"}
COLORS = {"insert": "success", "update": "info", "delete": "danger"}
HIDDEN_FIELDS = {"id", "pgh_id", "pgh_obj", "pgh_label", "pgh_context", "pgh_created_at", "created_at", "uuid"}
Event = Any


@dataclass(frozen=True, slots=True)
class TrackedModel:
    """A tracked model with its events, as this user may see them."""

    name: str
    label: str
    events: QuerySet[Event]


class LogFilter(forms.Form):
    """Which changes to show."""

    kind = forms.ChoiceField(required=False, label="What", widget=UnfoldAdminSelectWidget())
    how = forms.ChoiceField(
        required=False, label="Change", widget=UnfoldAdminSelectWidget(),
        choices=[("", "Any"), ("insert", "Made"), ("update", "Changed"), ("delete", "Removed")],
    )  # fmt: skip
    who = forms.CharField(required=False, max_length=150, label="Who (username)", widget=UnfoldAdminTextInputWidget())
    object = forms.CharField(required=False, max_length=64, widget=forms.HiddenInput())
    before = forms.RegexField(r"^\d{1,18}(-\d{1,18})*\Z", required=False, widget=forms.HiddenInput())

    def __init__(self, *args: Any, models: list[TrackedModel], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["kind"].choices = [
            ("", "Everything"),
            *((model_events.name, model_events.label) for model_events in models),
        ]  # type: ignore[attr-defined]


def list_tracked_models(request: HttpRequest) -> list[TrackedModel]:
    """The tracked models whose pages the user may see, with the events of their own brands."""
    found: list[TrackedModel] = []
    for model in apps.get_models():
        for event in getattr(model, "pgh_event_models", {}).values() if "pgh_event_models" in vars(model) else ():
            audit_log_page = admin.site._registry.get(model)  # noqa: SLF001
            events = _visible(request, model, event, audit_log_page)
            if events is not None and not any(model_events.events.model is event for model_events in found):
                found.append(TrackedModel(model._meta.label_lower, str(model._meta.verbose_name).capitalize(), events))  # noqa: SLF001
    return sorted(found, key=lambda model_events: model_events.name)


def _visible(request: HttpRequest, model: type[Model], event: Any, audit_log_page: Any) -> QuerySet[Event] | None:
    rows: QuerySet[Event] = event.objects.all()
    if request.user.is_superuser:
        return rows
    if not isinstance(audit_log_page, BrandScopedMixin) or not audit_log_page.has_module_permission(request):
        return None
    brands = list_brand_ids(request, audit_log_page.needs_to_view) or []
    path = "id" if audit_log_page.brand_path == "pk" else audit_log_page.brand_path
    return rows.filter(**{f"{path}__in": brands})


def audit_log_page(request: HttpRequest) -> HttpResponse:
    """The log's page."""
    models = list_tracked_models(request)
    form = LogFilter(request.GET, models=models)
    context: dict[str, Any] = {**admin.site.each_context(request), "title": "Audit log", "form": form, "rows": []}
    if form.is_valid():
        context |= _merge_events(request, models, form.cleaned_data)
    return TemplateResponse(request, "admin/audit.html", context)


def _merge_events(request: HttpRequest, models: list[TrackedModel], filters: Mapping[str, str]) -> dict[str, Any]:
    bounds = [int(part) for part in filters["before"].split("-")] if filters["before"] else []
    if len(bounds) != len(models):
        bounds = []
    streams = [
        _newest(model_events, filters, bounds[number] if bounds else None, number)
        for number, model_events in enumerate(models)
        if filters["kind"] in ("", model_events.name)
    ]
    merged = list(heapq.merge(*streams, key=lambda pair: (pair[1].pgh_created_at, pair[1].pgh_id), reverse=True))
    page_events = merged[:PAGE_SIZE]
    zone = _zone(request)
    link = urlencode({name: filters[name] for name in ("kind", "how", "who", "object") if filters[name]})
    return {
        "rows": list(_to_row(models, page_events, zone, request)),
        "zone": zone,
        "older": f"?{link}&before={_next_bounds(models, bounds, page_events)}" if len(merged) > PAGE_SIZE else None,
        "newest": f"?{link}" if bounds else None,
        "filtered": bool(link),
        "depth": f"{SCAN_LIMIT:,}" if filters["how"] or filters["who"] else None,
    }


def _newest(
    model_events: TrackedModel, filters: Mapping[str, str], bound: int | None, number: int
) -> list[tuple[int, Event]]:
    rows = model_events.events.select_related("pgh_context").order_by("-pgh_id")
    if bound is not None:
        rows = rows.filter(pgh_id__lt=bound)
    if filters["how"] or filters["who"]:  # what has no index is looked for among the newest only
        newest = rows.model.objects.order_by("-pgh_id").values_list("pgh_id", flat=True).first() or 0
        rows = rows.filter(pgh_id__gt=newest - SCAN_LIMIT)
    if filters["how"]:
        rows = rows.filter(pgh_label=filters["how"])
    if filters["object"]:
        rows = rows.filter(pgh_obj_id__in=_parse_key(rows.model, filters["object"]))
    if filters["who"]:
        user = User.objects.with_username(filters["who"]).values_list("pk", flat=True).first()
        rows = rows.filter(pgh_context__metadata__user=user or -1)
    return [(number, event) for event in rows[: PAGE_SIZE + 1]]


def _parse_key(event: type[Model], text: str) -> list[Any]:
    """The object's key as its column holds it; none for what is no key."""
    target = cast("ForeignKey[Any, Any]", event._meta.get_field("pgh_obj")).target_field  # noqa: SLF001
    try:
        key = target.to_python(text)
    except forms.ValidationError:
        return []
    return [] if isinstance(key, int) and not 0 <= key < 2**63 else [key]


def _next_bounds(models: list[TrackedModel], bounds: list[int], page_events: list[tuple[int, Event]]) -> str:
    """Where the next page starts in each kind's events."""
    after = list(bounds) or [10**17] * len(models)
    for number, event in page_events:
        after[number] = event.pgh_id
    return "-".join(str(bound) for bound in after)


def _zone(request: HttpRequest) -> str:
    """The time zone that the user's brands share, else UTC."""
    keys = list_brand_ids(request, BrandPermissions.READ)
    zones = set(Brand.objects.filter(pk__in=keys).values_list("timezone", flat=True)) if keys else set()
    return zones.pop() if len(zones) == 1 else "UTC"


# --- words -----------------------------------------------------------------------------------------------------------
def _to_row(
    models: list[TrackedModel], page_events: list[tuple[int, Event]], zone: str, request: HttpRequest
) -> Iterator[dict[str, Any]]:
    previous = _previous_events(page_events)
    actors = [(event.pgh_context.metadata if event.pgh_context else {}).get("user") for _, event in page_events]
    users = dict(User.objects.filter(pk__in=[actor for actor in actors if actor]).values_list("pk", "username"))
    names = _current_names(page_events)
    for (number, event), actor in zip(page_events, actors, strict=True):
        yield {
            "when": format_datetime(event.pgh_created_at, zone),
            "who": users.get(cast("int", actor), "the platform" if actor is None else "a user who is gone"),
            "what": models[number].label,
            "name": names.get((type(event), event.pgh_obj_id)) or _title(event),
            "url": _url(event, request),
            "how": EVENT_LABELS.get(event.pgh_label, event.pgh_label),
            "color": COLORS.get(event.pgh_label, ""),
            "fields": list(_iter_changes(event, previous.get((type(event), event.pgh_id)), zone)),
        }


def _previous_events(page_events: list[tuple[int, Event]]) -> dict[tuple[type[Model], int], Event]:
    """The event before each of these, of the same object: two queries a kind."""
    found = {}
    for model in {type(event) for _, event in page_events}:
        mine = model.objects.filter(pgh_id__in=[event.pgh_id for _, event in page_events if type(event) is model])
        earlier = model.objects.filter(pgh_obj_id=OuterRef("pgh_obj_id"), pgh_id__lt=OuterRef("pgh_id")).order_by(
            "-pgh_id"
        )
        pairs = dict(mine.values_list("pgh_id", Subquery(earlier.values("pgh_id")[:1])))
        events = model.objects.in_bulk([key for key in pairs.values() if key])
        found.update({(model, key): events[value] for key, value in pairs.items() if value in events})
    return found


def _current_names(page_events: list[tuple[int, Event]]) -> dict[tuple[type[Model], Any], str]:
    """What the objects are called now; those that are gone are left out."""
    found = {}
    for model in {type(event) for _, event in page_events}:
        tracked = model.pgh_tracked_model
        rows = tracked._default_manager.select_related(*_related(tracked))  # noqa: SLF001
        objects = rows.in_bulk(
            [event.pgh_obj_id for _, event in page_events if type(event) is model and event.pgh_obj_id]
        )
        found.update({(model, key): str(obj) for key, obj in objects.items()})
    return found


def _related(model: Any) -> list[str]:
    fields = model._meta.fields  # noqa: SLF001
    return [field.name for field in fields if isinstance(field, ForeignKey) and field.name in ("user", "brand")]


def _title(event: Event) -> str:
    return str(getattr(event, "name", "") or getattr(event, "email", "") or event.pgh_obj_id or "")


def _url(event: Event, request: HttpRequest) -> str | None:
    model = event.pgh_tracked_model
    if model not in admin.site._registry or event.pgh_label == "delete":  # noqa: SLF001
        return None
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_change", args=[event.pgh_obj_id])  # noqa: SLF001


def _iter_changes(event: Event, previous: Event | None, zone: str) -> Iterator[tuple[str, str | None, str]]:
    """Field, old value (None where there was none) and new value, of what differs."""
    for field in event._meta.fields:  # noqa: SLF001
        if field.name in HIDDEN_FIELDS:
            continue
        new = getattr(event, field.attname)
        if event.pgh_label == "update" and previous is not None:
            old = getattr(previous, field.attname)
            if old != new:
                yield _label(field), _value(field, old, zone), _value(field, new, zone)
        elif event.pgh_label != "update" and new not in (None, "", {}) and not isinstance(field, ForeignKey):
            yield _label(field), None, _value(field, new, zone)


def _label(field: Any) -> str:
    return str(field.verbose_name)


def _value(field: Any, value: Any, zone: str) -> str:
    if value is None or value == "":
        return EMPTY_VALUE
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(field, DateTimeField) and isinstance(value, datetime):
        return format_datetime(value, zone)
    if field.name == "terms":
        return describe_terms(value)
    if isinstance(value, dict | list):
        return humanize_value(value)
    return str(value)
