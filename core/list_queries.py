"""Query parameters that lists share."""

from collections.abc import Callable, Mapping
from typing import Any

from django.db.models import Q
from django.utils.translation import gettext_lazy as _
from rest_framework import serializers
from rest_framework.request import Request

from core.ids import min_uuid7_at
from core.serializer_fields import EndField, StartField, localize


class CreatedQuerySerializer(serializers.Serializer[Any]):
    """The time of creation of the listed objects."""

    created_after = StartField(
        required=False, help_text=_("Only objects created at this time or later; a date counts from its first instant.")
    )
    created_before = EndField(required=False, help_text=_("Only objects created before this time; a date is included."))


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


def validate_query(serializer_class: type[serializers.Serializer[Any]], request: Request) -> dict[str, Any]:
    """Return the validated query parameters of a list. Raises ValidationError."""
    serializer = serializer_class(data=request.query_params.dict())
    serializer.is_valid(raise_exception=True)
    validated: dict[str, Any] = serializer.validated_data
    return validated
