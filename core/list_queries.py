"""Query parameters that lists share."""

import re
from collections.abc import Callable, Mapping
from typing import Any

from django.db.models import Q
from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.request import Request

from core.api import CursorPagination
from core.ids import min_uuid7_at
from core.metadata_serializers import MetadataField, external_id_field
from core.serializer_fields import EndField, StartField, localize

MEMBER = re.compile(r"(\w+)\[(.*)\]", re.DOTALL)  # of a parameter that is an object, such as metadata[channel]


class CreatedQuerySerializer(serializers.Serializer[Any]):
    """The time of creation of the listed objects."""

    created_after = StartField(
        required=False, help_text=_("Only objects created at this time or later; a date counts from its first instant.")
    )
    created_before = EndField(required=False, help_text=_("Only objects created before this time; a date is included."))


@extend_schema_field({"type": "object", "additionalProperties": {"type": "string"}})
class MetadataQueryField(MetadataField):
    """Metadata that the listed objects have, sent as ``metadata[key]=text``."""


class ListQuerySerializer(CreatedQuerySerializer):
    """The times of creation and of the last change of the listed objects, and the callers' own data about them."""

    updated_after = StartField(
        required=False,
        help_text=_("Only objects changed at this time or later; a date counts from its first instant."),
    )
    external_id = external_id_field(help_text=_("Only objects with this external ID."))
    metadata = MetadataQueryField(
        required=False, help_text=_("Only objects with these texts, each as `metadata[key]=text`.")
    )


def ordering_field(*names: str) -> serializers.ChoiceField:
    """Return the field of the order of a list by one of these names, each also in descending order with a hyphen."""
    choices = [prefix + name for name in names for prefix in ("", "-")]
    help_text = _("Order of the list; a hyphen means descending.")
    return serializers.ChoiceField(choices, required=False, help_text=help_text)


def created_condition(query: Mapping[str, Any], *, find_zone: Callable[[], str], field: str = "pk") -> Q:
    """Return the condition of a validated query on the time of creation in ``field``.

    A primary key that is a UUID of version 7 contains that time to the millisecond, so that its index serves the
    condition. ``find_zone`` is called if there is a condition, for the time zone of days.
    """
    condition = Q()
    for name, lookup in (("created_after", "gte"), ("created_before", "lt")):
        if name in query:
            at = localize(query[name], find_zone())
            condition &= Q(**{f"{field}__{lookup}": min_uuid7_at(at) if field == "pk" else at})
    return condition


def updated_condition(query: Mapping[str, Any], *, find_zone: Callable[[], str]) -> Q:
    """Return the condition of a validated query on the time of the last change, as ``created_condition`` does."""
    return Q(updated_at__gte=localize(query["updated_after"], find_zone())) if "updated_after" in query else Q()


def own_data_condition(query: Mapping[str, Any]) -> Q:
    """Return the condition of a validated query on the external ID and the metadata, as partial indexes serve it.

    It is empty if the query has none.
    """
    condition = Q()
    if external_id := query.get("external_id"):
        condition &= Q(external_id=external_id) & ~Q(external_id="")
    if metadata := query.get("metadata"):
        condition &= Q(metadata__contains=metadata) & ~Q(metadata={})
    return condition


def paginate(query: Mapping[str, Any]) -> CursorPagination:
    """Return the pagination of a list in the order of its validated query, by default the newest first."""
    pagination = CursorPagination()
    if ordering := query.get("ordering"):
        pagination.ordering = ordering.replace("created_at", "pk")
    return pagination


def validate_query(serializer_class: type[serializers.Serializer[Any]], request: Request) -> dict[str, Any]:
    """Return the validated query parameters of a list. Raises ValidationError."""
    serializer = serializer_class(data=_fold_members(request.query_params.dict()))
    serializer.is_valid(raise_exception=True)
    validated: dict[str, Any] = serializer.validated_data
    return validated


def _fold_members(query: Mapping[str, str]) -> dict[str, Any]:
    """Return a query with the members of each object in one value."""
    folded: dict[str, Any] = {}
    for name, value in query.items():
        if member := MEMBER.fullmatch(name):
            folded.setdefault(member[1], {})[member[2]] = value
        else:
            folded[name] = value
    return folded
