"""Queries of the audit log: the events of all tracked models (pghistory), newest first, brand by brand.

The events of each model are read by key and merged, so that a page takes a fixed number of queries.
"""

import heapq
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, cast

from django import forms
from django.apps import apps
from django.contrib import admin
from django.db.models import ForeignKey, Model, OuterRef, QuerySet, Subquery
from django.http import HttpRequest
from django.utils.text import capfirst

from accounts.models import ApiKey, Brand, User
from backoffice.base.admin import BrandScopedMixin, is_platform_admin, list_brand_ids
from core.permissions import BrandPermissions

PAGE_SIZE = 25
SCAN_LIMIT = 200_000  # events per model that are searched without an index
FIRST_BOUND = 10**17  # above any event's key
Event = Any


@dataclass(frozen=True, slots=True)
class TrackedModel:
    """A tracked model, with the events that the user may see."""

    name: str
    label: str
    events: QuerySet[Event]


class ModelEvent(NamedTuple):
    """An event, with the position of its tracked model."""

    position: int
    event: Event


class EventPage(NamedTuple):
    """A page of events, and the cursor of the next page, if any."""

    events: Sequence[ModelEvent]
    next_cursor: str | None


def list_tracked_models(request: HttpRequest) -> list[TrackedModel]:
    """Return the tracked models that the user may see, with the events of the user's brands.

    These are the models of admin pages that the user may see, and those without a page that have the lookup of their
    brand in ``audit_brand_path``. Events that have it themselves have a name of their own, and are for owners.
    """
    tracked: list[TrackedModel] = []
    for model in apps.get_models():
        for event in getattr(model, "pgh_event_models", {}).values() if "pgh_event_models" in vars(model) else ():
            events = _visible_events(request, event, model)
            if events is not None and not any(other.events.model is event for other in tracked):
                named: Any = event if hasattr(event, "audit_brand_path") else model
                tracked.append(
                    TrackedModel(named._meta.label_lower, capfirst(str(named._meta.verbose_name)), events)  # noqa: SLF001
                )
    return sorted(tracked, key=lambda model: model.name)


def find_events(*, models: Sequence[TrackedModel], filters: Mapping[str, str], cursor: str) -> EventPage:
    """Return a page of the events that match the filters: ``kind``, ``how``, ``object`` and ``who``."""
    bounds = parse_cursor(cursor, models)
    streams = [
        _newest_events(model, index, filters, bounds[index] if bounds else None)
        for index, model in enumerate(models)
        if filters["kind"] in ("", model.name)
    ]
    merged = list(heapq.merge(*streams, key=lambda item: (item.event.pgh_created_at, item.event.pgh_id), reverse=True))
    events = merged[:PAGE_SIZE]
    return EventPage(events, _next_cursor(models, bounds, events) if len(merged) > PAGE_SIZE else None)


def parse_cursor(cursor: str, models: Sequence[TrackedModel]) -> list[int]:
    """Return the bound of each model's events; an empty list for no cursor, or one of other models."""
    bounds = [int(part) for part in cursor.split("-")] if cursor else []
    return bounds if len(bounds) == len(models) else []


def get_previous_events(events: Sequence[Event]) -> dict[tuple[type[Model], int], Event]:
    """Return the event before each event, of the same object, in two queries per model."""
    previous = {}
    for model in {type(event) for event in events}:
        rows = model.objects.filter(pgh_id__in=[event.pgh_id for event in events if type(event) is model])
        earlier = model.objects.filter(pgh_obj_id=OuterRef("pgh_obj_id"), pgh_id__lt=OuterRef("pgh_id"))
        pairs = dict(rows.values_list("pgh_id", Subquery(earlier.order_by("-pgh_id").values("pgh_id")[:1])))
        by_key = model.objects.in_bulk([key for key in pairs.values() if key])
        previous.update({(model, key): by_key[value] for key, value in pairs.items() if value in by_key})
    return previous


def get_object_names(events: Sequence[Event]) -> dict[tuple[type[Model], Any], str]:
    """Return the present names of the events' objects, without deleted ones."""
    names = {}
    for model in {type(event) for event in events}:
        tracked = model.pgh_tracked_model
        rows = tracked._default_manager.select_related(*_named_relations(tracked))  # noqa: SLF001
        objects = rows.in_bulk([event.pgh_obj_id for event in events if type(event) is model and event.pgh_obj_id])
        names.update({(model, key): str(obj) for key, obj in objects.items()})
    return names


def get_currencies(events: Sequence[Event]) -> dict[uuid.UUID, str]:
    """Return the currencies of the events' brands by their primary keys."""
    brand_ids = {event.brand_id for event in events if hasattr(event, "brand_id")}
    return dict(Brand.objects.filter(pk__in=brand_ids).values_list("pk", "currency")) if brand_ids else {}


def get_usernames(user_ids: Sequence[Any]) -> dict[Any, str]:
    """Return the usernames of existing users by their primary keys."""
    return dict(User.objects.filter(pk__in=[pk for pk in user_ids if pk]).values_list("pk", "username"))


def get_key_names(key_ids: Sequence[Any]) -> dict[str, str]:
    """Return the names of existing API keys by the texts of their IDs."""
    keys = ApiKey.objects.filter(pk__in=[pk for pk in key_ids if pk])
    return {str(key.pk): str(key) for key in keys}


def _visible_events(request: HttpRequest, event: Any, model: Any) -> QuerySet[Event] | None:
    rows: QuerySet[Event] = event.objects.all()
    if is_platform_admin(request):
        return rows
    page: Any = admin.site._registry.get(model)  # noqa: SLF001
    path, needed = getattr(model, "audit_brand_path", ""), BrandPermissions.READ
    if hasattr(event, "audit_brand_path"):
        path, needed = event.audit_brand_path, BrandPermissions.OWN
    elif isinstance(page, BrandScopedMixin) and page.has_module_permission(request):
        path, needed = "id" if page.brand_path == "pk" else page.brand_path, page.needs_to_view
    if not path:
        return None
    brand_ids = list_brand_ids(request, needed) or []
    return rows.filter(**{f"{path}__in": brand_ids})


def _newest_events(model: TrackedModel, index: int, filters: Mapping[str, str], bound: int | None) -> list[ModelEvent]:
    rows = model.events.select_related("pgh_context").order_by("-pgh_id")
    if bound is not None:
        rows = rows.filter(pgh_id__lt=bound)
    if filters["how"] or filters["who"]:  # neither has an index
        newest = rows.model.objects.order_by("-pgh_id").values_list("pgh_id", flat=True).first() or 0
        rows = rows.filter(pgh_id__gt=newest - SCAN_LIMIT)
    if filters["how"]:
        rows = rows.filter(pgh_label=filters["how"])
    if filters["object"]:
        rows = rows.filter(pgh_obj_id__in=_parse_key(rows.model, filters["object"]))
    if filters["who"]:
        user = User.objects.with_username(filters["who"]).values_list("pk", flat=True).first()
        rows = rows.filter(pgh_context__metadata__user=user or -1)
    return [ModelEvent(index, event) for event in rows[: PAGE_SIZE + 1]]


def _parse_key(event: type[Model], text: str) -> list[Any]:
    """Return the object's primary key in a list, which is empty for an invalid key."""
    target = cast("ForeignKey[Any, Any]", event._meta.get_field("pgh_obj")).target_field  # noqa: SLF001
    try:
        key = target.to_python(text)
    except forms.ValidationError:
        return []
    return [] if isinstance(key, int) and not 0 <= key < 2**63 else [key]


def _next_cursor(models: Sequence[TrackedModel], bounds: list[int], events: Sequence[ModelEvent]) -> str:
    """Return where the next page starts in the events of each model."""
    next_bounds = list(bounds) or [FIRST_BOUND] * len(models)
    for index, event in events:
        next_bounds[index] = event.pgh_id
    return "-".join(str(bound) for bound in next_bounds)


def _named_relations(model: Any) -> list[str]:
    """Return the relations that the names of the model's objects contain."""
    fields = model._meta.fields  # noqa: SLF001
    return [field.name for field in fields if isinstance(field, ForeignKey) and field.name in ("user", "brand")]
