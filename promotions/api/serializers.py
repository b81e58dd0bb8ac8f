"""Shapes of promotions on the wire."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from core import money
from core.serializer_fields import AmountField, DateOrDateTimeField, SlugField, StrictCharField, StrictIntegerField
from promotions.models import Promotion, Trigger
from promotions.services import LIMIT_COLUMNS
from segments.contracts import AudienceReach


@extend_schema_field({"type": "object", "description": "An offer, in the offer language", "additionalProperties": True})
class OfferField(serializers.Field[Any, Any, Any, Any]):
    """An offer in the offer language; what it says is judged by its parser."""

    def to_internal_value(self, data: Any) -> Any:
        if not isinstance(data, dict):
            raise serializers.ValidationError("An offer is an object.", code="invalid")
        return data

    def to_representation(self, value: Any) -> Any:
        return value


class LimitsSerializer(serializers.Serializer[Any]):
    """How often a promotion may be used; what is absent or null is not limited."""

    total = StrictIntegerField(required=False, allow_null=True, min_value=1, max_value=2_000_000_000)
    per_user = StrictIntegerField(required=False, allow_null=True, min_value=1, max_value=2_000_000_000)
    per_day = StrictIntegerField(required=False, allow_null=True, min_value=1, max_value=2_000_000_000)
    per_week = StrictIntegerField(required=False, allow_null=True, min_value=1, max_value=2_000_000_000)
    per_month = StrictIntegerField(required=False, allow_null=True, min_value=1, max_value=2_000_000_000)


class PromotionInputSerializer(serializers.Serializer[Any]):
    """A new promotion. Dates without a time mean the brand's own midnight."""

    name = StrictCharField(max_length=100)
    description = StrictCharField(max_length=2000, required=False, allow_blank=True)
    brand = SlugField(required=False, help_text="When the caller is staff of several brands")
    start_date = DateOrDateTimeField()
    end_date = DateOrDateTimeField()
    target_audience = StrictCharField(max_length=100, required=False)
    trigger = serializers.ChoiceField(Trigger.values)
    code = StrictCharField(max_length=200, required=False)
    offer = OfferField()
    budget = AmountField(required=False)
    limits = LimitsSerializer(required=False)
    priority = StrictIntegerField(required=False, min_value=-32767, max_value=32767)
    status = serializers.ChoiceField(["draft", "scheduled"], default="scheduled")


class PromotionUpdateSerializer(serializers.Serializer[Any]):
    """What may change of a promotion; after its start only name, description, end, budget, limits and priority."""

    name = StrictCharField(max_length=100, required=False)
    description = StrictCharField(max_length=2000, required=False, allow_blank=True)
    start_date = DateOrDateTimeField(required=False)
    end_date = DateOrDateTimeField(required=False)
    target_audience = StrictCharField(max_length=100, required=False, allow_blank=True)
    offer = OfferField(required=False)
    budget = AmountField(required=False, allow_null=True)
    limits = LimitsSerializer(required=False)
    priority = StrictIntegerField(required=False, min_value=-32767, max_value=32767)


class AudienceReachSerializer(serializers.Serializer[Any]):
    """How many customers match now, and how many of them could still be put into a segment."""

    count = serializers.IntegerField()
    with_free_slot = serializers.IntegerField()
    as_of = serializers.DateTimeField()


class PromotionSegmentSerializer(serializers.Serializer[Any]):
    """The segment of a promotion with a target audience; counts as of its filling."""

    id = serializers.UUIDField()
    status = serializers.CharField(help_text="scheduled, active, empty, expired or deleted")
    segment_type = serializers.CharField()
    start_date = serializers.DateTimeField()
    expires_at = serializers.DateTimeField()
    audience_count = serializers.IntegerField()
    member_count = serializers.IntegerField()
    skipped_no_slot = serializers.IntegerField()
    filled_at = serializers.DateTimeField(allow_null=True)
    synced_at = serializers.DateTimeField(allow_null=True)
    status_reason = serializers.CharField(allow_null=True, help_text="Why it is not active yet")


class PromotionSerializer(serializers.Serializer[Any]):
    """A promotion."""

    id = serializers.UUIDField()
    brand = serializers.CharField()
    name = serializers.CharField()
    description = serializers.CharField()
    start_date = serializers.DateTimeField()
    end_date = serializers.DateTimeField()
    target_audience = serializers.CharField(allow_null=True)
    trigger = serializers.ChoiceField(Trigger.values)
    code = serializers.CharField(allow_null=True)
    offer = OfferField()
    budget = serializers.CharField(allow_null=True)
    currency = serializers.CharField()
    limits = LimitsSerializer()
    priority = serializers.IntegerField()
    status = serializers.CharField()
    segment = PromotionSegmentSerializer(allow_null=True)
    audience = AudienceReachSerializer(allow_null=True)
    created_at = serializers.DateTimeField()


def to_promotion_data(
    promotion: Promotion, *, code: str | None, audience: AudienceReach | None, segment: Mapping[str, Any] | None
) -> dict[str, Any]:
    """A promotion as ``PromotionAnswer`` describes it."""
    budget = promotion.budget
    return {
        "id": promotion.pk, "brand": promotion.brand.slug, "name": promotion.name, "description": promotion.description,
        "start_date": promotion.start_date, "end_date": promotion.end_date,
        "target_audience": promotion.target_audience or None, "trigger": promotion.trigger, "code": code,
        "offer": promotion.offer, "budget": None if budget is None else money.format_decimal(budget, promotion.currency),
        "currency": promotion.currency, "priority": promotion.priority, "status": promotion.status,
        "limits": {name: getattr(promotion, column) for name, column in LIMIT_COLUMNS.items()},
        "segment": segment,
        "audience": None if audience is None else asdict(audience), "created_at": promotion.created_at,
    }  # fmt: skip
