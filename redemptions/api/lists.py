"""Query parameters that the lists of offers of every kind share."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, TypeVar

from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _
from rest_framework import serializers

from accounts.contracts import Caller
from accounts.selectors import readable_brand_ids, zone_of_lists
from core.errors import PermissionDenied
from core.list_queries import (
    ListQuerySerializer,
    created_condition,
    ordering_field,
    own_data_condition,
    updated_condition,
)
from core.serializer_fields import SlugField, StrictCharField
from redemptions.codes.selectors.codes import list_spellings
from redemptions.lifecycle import OfferLifecycle, status_condition
from redemptions.statuses import OfferStatus

Offer = TypeVar("Offer", bound=OfferLifecycle)
STAFF_FILTERS = frozenset({"code", "external_id", "metadata", "updated_after"})  # of what shoppers don't see


class OfferQuerySerializer(ListQuerySerializer):
    """Which offers to list. All conditions that are sent must hold."""

    status = serializers.ChoiceField(OfferStatus.values, required=False, help_text=_("Status of the offer now."))
    brand = SlugField(required=False, help_text=_("Slug of the brand."))
    ordering = ordering_field("created_at", "updated_at", "start_date", "end_date")


class CodedOfferQuerySerializer(OfferQuerySerializer):
    """Which offers with codes to list. All conditions that are sent must hold."""

    code = StrictCharField(max_length=200, required=False, help_text=_("A code of the offer, in any spelling."))


def filter_offers(
    offers: QuerySet[Offer], query: Mapping[str, Any], *, caller: Caller, at: datetime
) -> QuerySet[Offer]:
    """Restrict offers to those that a validated query asks for.

    Raises PermissionDenied for shoppers if the query contains a filter of staff.
    """
    if STAFF_FILTERS & query.keys() and readable_brand_ids(caller) == []:
        raise PermissionDenied(_("Only staff of the brand can filter by what only they see."))
    if "status" in query:
        offers = offers.filter(status_condition(query["status"], at))
    if "brand" in query:
        offers = offers.filter(brand__slug=query["brand"])
    if "code" in query:
        found = list_spellings(query["code"]).values("offer")
        offers = offers.filter(**{f"{offers.model.offer_key_field}__in": found})

    def find_zone() -> str:
        return zone_of_lists(caller)

    offers = offers.filter(own_data_condition(query), updated_condition(query, find_zone=find_zone))
    return offers.filter(created_condition(query, field="created_at", find_zone=find_zone))
