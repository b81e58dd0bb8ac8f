"""Serializers of promotions."""

from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any

from django.utils.translation import gettext_lazy as _
from rest_framework import serializers

from core.serializer_fields import EndField, LinesField, SlugField, StartField, StrictCharField, StrictIntegerField
from promotions.models import Promotion, Trigger
from promotions.rules import list_warnings
from promotions.services import MAX_PRIORITY
from redemptions.api.limits import (
    LIMITS_HELP,
    LIMITS_UPDATE_HELP,
    AmountLimitsInputSerializer,
    AmountLimitsUpdateSerializer,
    LimitsSerializer,
    StrategyInputSerializer,
    TotalLimitSerializer,
)
from redemptions.api.lists import CodedOfferQuerySerializer
from redemptions.api.offer_fields import OfferField
from redemptions.statuses import OfferStatus
from segments.contracts import AudienceReach

START_HELP = _("First date and time at which the promotion can be used. A date counts from its first instant.")
END_HELP = _("Date and time from which the promotion can't be used. A date is included.")


class PromotionInputSerializer(StrategyInputSerializer, AmountLimitsInputSerializer):
    """A new promotion. Dates without a time are days in the brand's time zone."""

    name = StrictCharField(max_length=100, help_text=_("Name that is shown to customers."))
    description = LinesField(
        max_length=2000, required=False, allow_blank=True, help_text=_("Text that is shown to customers.")
    )
    brand = SlugField(required=False, help_text=_("Slug of the brand. Required if you belong to several brands."))
    start_date = StartField(help_text=START_HELP)
    end_date = EndField(help_text=END_HELP)
    target_audience = StrictCharField(
        max_length=100, required=False, help_text=_("Segment type of the eligible customers. Omit for all customers.")
    )
    trigger = serializers.ChoiceField(
        Trigger.values, help_text=_("Whether the promotion is automatic or needs a code.")
    )
    code = StrictCharField(
        max_length=200, required=False, help_text=_("Generic code. Omit to generate single-use codes later.")
    )
    offer = OfferField(help_text=_("Discount and conditions in the offer language."))
    limits = LimitsSerializer(required=False, help_text=LIMITS_HELP)
    priority = StrictIntegerField(
        required=False, min_value=-MAX_PRIORITY, max_value=MAX_PRIORITY, help_text=_("Higher priorities apply first.")
    )
    status = serializers.ChoiceField(
        ["draft", "scheduled"],
        default="scheduled",
        help_text=_("Whether to save a draft or to schedule the promotion."),
    )


class PromotionUpdateSerializer(StrategyInputSerializer, AmountLimitsUpdateSerializer):
    """Changes of a promotion. After the start only name, description, end, budget, limits and priority can change."""

    name = StrictCharField(max_length=100, required=False, help_text=_("Name that is shown to customers."))
    description = LinesField(
        max_length=2000, required=False, allow_blank=True, help_text=_("Text that is shown to customers.")
    )
    start_date = StartField(required=False, help_text=START_HELP)
    end_date = EndField(required=False, help_text=END_HELP)
    target_audience = StrictCharField(
        max_length=100,
        required=False,
        allow_blank=True,
        help_text=_("Segment type of the eligible customers. An empty string means all customers."),
    )
    offer = OfferField(required=False, help_text=_("Discount and conditions in the offer language."))
    limits = LimitsSerializer(required=False, allow_null=True, help_text=LIMITS_UPDATE_HELP)
    priority = StrictIntegerField(
        required=False, min_value=-MAX_PRIORITY, max_value=MAX_PRIORITY, help_text=_("Higher priorities apply first.")
    )


class PromotionQuerySerializer(CodedOfferQuerySerializer):
    """Which promotions to list. All conditions that are sent must hold."""

    trigger = serializers.ChoiceField(
        Trigger.values, required=False, help_text=_("Whether the promotions are automatic or need a code.")
    )


class AudienceReachSerializer(serializers.Serializer[Any]):
    """The current size of an audience."""

    count = serializers.IntegerField(help_text=_("Customers in the audience."))
    with_free_slot = serializers.IntegerField(help_text=_("Customers who could be added to another segment."))
    as_of = serializers.DateTimeField(help_text=_("When the customers were counted."))


class PromotionSegmentSerializer(serializers.Serializer[Any]):
    """The segment of a promotion with a target audience. Counts are as of the start."""

    id = serializers.UUIDField(help_text=_("ID of the segment."))
    status = serializers.CharField(help_text=_("`scheduled`, `active`, `empty`, `expired` or `deleted`."))
    segment_type = serializers.CharField(help_text=_("Audience that the segment is a copy of."))
    start_date = serializers.DateTimeField(help_text=_("Start of the segment."))
    expires_at = serializers.DateTimeField(help_text=_("End of the segment."))
    audience_count = serializers.IntegerField(help_text=_("Customers in the audience."))
    member_count = serializers.IntegerField(help_text=_("Customers in the segment."))
    skipped_no_slot = serializers.IntegerField(help_text=_("Customers who had no free slot."))
    filled_at = serializers.DateTimeField(allow_null=True, help_text=_("When the segment was populated."))
    synced_at = serializers.DateTimeField(
        allow_null=True, help_text=_("When the segmentation service got the segment.")
    )
    status_reason = serializers.CharField(allow_null=True, help_text=_("Why the segment is not active yet."))


class PromotionSerializer(TotalLimitSerializer):
    """A promotion."""

    id = serializers.UUIDField(help_text=_("ID of the promotion."))
    brand = serializers.CharField(help_text=_("Slug of the brand."))
    name = serializers.CharField(help_text=_("Name that is shown to customers."))
    description = serializers.CharField(help_text=_("Text that is shown to customers."))
    start_date = serializers.DateTimeField(help_text=_("First date and time at which the promotion can be used."))
    end_date = serializers.DateTimeField(help_text=_("Date and time from which the promotion can't be used."))
    target_audience = serializers.CharField(allow_null=True, help_text=_("Segment type of the eligible customers."))
    trigger = serializers.ChoiceField(
        Trigger.values, help_text=_("Whether the promotion is automatic or needs a code.")
    )
    code = serializers.CharField(allow_null=True, help_text=_("Generic code. `null` if there is none."))
    offer = OfferField(help_text=_("Discount and conditions in the offer language."))
    currency = serializers.CharField(help_text=_("Currency of amounts that name none."))
    limits = LimitsSerializer(help_text=LIMITS_HELP)
    priority = serializers.IntegerField(help_text=_("Higher priorities apply first."))
    status = serializers.ChoiceField(OfferStatus.choices, help_text=_("Status of the promotion at this time."))
    warnings = serializers.ListField(
        child=serializers.CharField(),
        help_text=_("`active_without_audience` if no customer of the target audience had a free slot at the start."),
    )
    segment = PromotionSegmentSerializer(allow_null=True, help_text=_("Segment of the target audience."))
    audience = AudienceReachSerializer(allow_null=True, help_text=_("Current size of the target audience."))
    created_at = serializers.DateTimeField(help_text=_("When the promotion was created."))


def to_promotion_data(
    promotion: Promotion,
    *,
    code: str | None,
    audience: AudienceReach | None,
    segment: Mapping[str, Any] | None,
    staff_fields: Mapping[str, Any],
    at: datetime,
) -> dict[str, Any]:
    """Return the promotion as ``PromotionSerializer`` describes it."""
    status = promotion.status_at(at)
    return {
        "id": promotion.pk, "brand": promotion.brand.slug, "name": promotion.name, "description": promotion.description,
        "start_date": promotion.start_date, "end_date": promotion.end_date,
        "target_audience": promotion.target_audience or None, "trigger": promotion.trigger, "code": code,
        "offer": promotion.offer,
        "currency": promotion.currency, "priority": promotion.priority, "status": status,
        "warnings": list_warnings(status=status, segment_status=segment["status"] if segment else None),
        "segment": segment,
        "audience": None if audience is None else asdict(audience),
        "created_at": promotion.created_at,
        **staff_fields,
    }  # fmt: skip
