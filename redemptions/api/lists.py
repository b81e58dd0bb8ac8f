"""Query parameters that the lists of offers of every kind share."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, TypeVar

from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _
from rest_framework import serializers

from accounts.contracts import Caller
from accounts.selectors import zone_of_lists
from core.list_queries import CreatedQuerySerializer, created_condition
from core.serializer_fields import SlugField
from redemptions.lifecycle import OfferLifecycle, status_condition
from redemptions.statuses import OfferStatus

Offer = TypeVar("Offer", bound=OfferLifecycle)


class OfferQuerySerializer(CreatedQuerySerializer):
    """Which offers to list. All conditions that are sent must hold."""

    status = serializers.ChoiceField(OfferStatus.values, required=False, help_text=_("Status of the offer now."))
    brand = SlugField(required=False, help_text=_("Slug of the brand."))


def filter_offers(
    offers: QuerySet[Offer], query: Mapping[str, Any], *, caller: Caller, at: datetime
) -> QuerySet[Offer]:
    """Restrict offers to those that a validated query asks for."""
    if "status" in query:
        offers = offers.filter(status_condition(query["status"], at))
    if "brand" in query:
        offers = offers.filter(brand__slug=query["brand"])
    return offers.filter(created_condition(query, field="created_at", find_zone=lambda: zone_of_lists(caller)))
