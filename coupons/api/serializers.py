"""Serializers of coupons and their redemptions."""

from datetime import datetime
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from rest_framework import serializers

from core.metadata_serializers import MetadataInputSerializer
from core.serializer_fields import (
    EndField,
    SlugField,
    StartField,
    StrictCharField,
    StrictIntegerField,
)
from core.serializers import InputSerializer
from coupons.models import CouponDefinition, CouponRedemption
from redemptions.api.identities import IDENTITIES_HELP, IdentitiesInputSerializer
from redemptions.api.limits import (
    LIMITS_HELP,
    LIMITS_UPDATE_HELP,
    MAX_LIMIT,
    OVERSHOOT_HELP,
    AmountLimitsUpdateSerializer,
    OfferLimitsSerializer,
    PeriodLimitsSerializer,
    StrategyInputSerializer,
    serialize_strategy,
)
from redemptions.api.lists import CodedOfferQuerySerializer
from redemptions.api.offer_fields import OfferField
from redemptions.codes.api.batch_serializers import BatchInputSerializer, BatchSerializer
from redemptions.limits.models import Strategy
from redemptions.statuses import OfferStatus, RedemptionStatus

ALL = "all"  # coupons of every status
MAX_TTL_SECONDS, DEFAULT_TTL_SECONDS = 3600, 900


class CouponQuerySerializer(CodedOfferQuerySerializer):
    """Which coupons to list. All conditions that are sent must hold."""

    status = serializers.ChoiceField(
        [ALL, *OfferStatus.values],
        required=False,
        help_text=gettext_lazy("Active coupons by default. Only staff see those of another status."),
    )


class CouponCodeOptionsSerializer(InputSerializer):
    """Codes of a new coupon: either one generic code, or single-use codes."""

    shared = StrictCharField(
        max_length=200, required=False, help_text=gettext_lazy("Generic code that every customer enters.")
    )
    generate = BatchInputSerializer(required=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if ("shared" in attrs) == ("generate" in attrs):
            raise serializers.ValidationError({"shared": _("Provide either `shared` or `generate`.")})
        return attrs


class CouponFieldsSerializer(StrategyInputSerializer, AmountLimitsUpdateSerializer):
    """Fields of a coupon that a brand sets. Dates without a time are days in the brand's time zone."""

    title = StrictCharField(max_length=100)
    start_date = StartField(help_text=gettext_lazy("When the coupon starts. A date counts from its first instant."))
    end_date = EndField(help_text=gettext_lazy("When the coupon ends (exclusive). A date is included."))
    maximum_number_of_coupons = StrictIntegerField(
        required=False,
        allow_null=True,
        min_value=1,
        max_value=MAX_LIMIT,
        help_text=gettext_lazy("Total usage limit; `null` for no limit."),
    )
    maximum_number_of_coupons_per_user = StrictIntegerField(
        required=False,
        allow_null=True,
        min_value=1,
        max_value=MAX_LIMIT,
        help_text=gettext_lazy("Usage limit per customer; `null` for no limit."),
    )
    offer = OfferField(help_text=gettext_lazy("Offer in the offer language."))
    limits = PeriodLimitsSerializer(required=False, allow_null=True, help_text=LIMITS_UPDATE_HELP)


class CouponInputSerializer(MetadataInputSerializer, CouponFieldsSerializer):
    """New coupon."""

    brand = SlugField(required=False, help_text=gettext_lazy("Required if you belong to several brands."))
    codes = CouponCodeOptionsSerializer(required=False)
    status = serializers.ChoiceField(
        ["draft", "scheduled"], default="scheduled", help_text=gettext_lazy("Whether to save a draft or to publish.")
    )


class CouponUpdateSerializer(CouponFieldsSerializer):
    """Changes of a coupon. After the start, only the title, the end and the limits can change."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, partial=True, **kwargs)


class CouponSerializer(OfferLimitsSerializer):
    """Coupon as every signed-in user sees it, with further fields for its brand."""

    id = serializers.UUIDField()
    brand = serializers.SlugField()
    title = serializers.CharField()
    start_date = serializers.DateTimeField()
    end_date = serializers.DateTimeField()
    maximum_number_of_coupons = serializers.IntegerField(allow_null=True)
    maximum_number_of_coupons_per_user = serializers.IntegerField(allow_null=True)
    limit_strategy = serializers.ChoiceField(Strategy.values)
    max_overshoot = serializers.IntegerField(help_text=OVERSHOOT_HELP)
    offer = OfferField(help_text=gettext_lazy("Offer in the offer language."))
    currency = serializers.CharField()
    status = serializers.ChoiceField(OfferStatus.choices, help_text=gettext_lazy("Status of the coupon at this time."))
    remaining = serializers.IntegerField(
        allow_null=True, help_text=gettext_lazy("Remaining units; `null` without a limit.")
    )
    code = serializers.CharField(
        allow_null=True, required=False, help_text=gettext_lazy("Generic code. Visible to brand staff only.")
    )
    codes = BatchSerializer(
        many=True, required=False, help_text=gettext_lazy("Newest batches of codes. Visible to brand staff only.")
    )
    limits = PeriodLimitsSerializer(required=False, help_text=LIMITS_HELP)


class CreatedCouponSerializer(CouponSerializer):
    """New coupon."""

    job = serializers.URLField(
        required=False, help_text=gettext_lazy("URL of the status of the job that generates codes.")
    )


class CouponEligibilitySerializer(serializers.Serializer[Any]):
    """Whether the shopper could redeem the coupon now, and every reason against it."""

    eligible = serializers.BooleanField()
    reasons = serializers.ListField(child=serializers.CharField(), help_text=gettext_lazy("Error codes."))
    remaining = serializers.IntegerField(
        allow_null=True, help_text=gettext_lazy("Remaining units; `null` without a limit.")
    )
    remaining_for_customer = serializers.IntegerField(
        allow_null=True, help_text=gettext_lazy("Remaining units for the customer; `null` without a limit.")
    )


class CouponRedemptionInputSerializer(InputSerializer):
    """Redemption of a coupon."""

    code = StrictCharField(max_length=200, required=False, help_text=gettext_lazy("Required if the coupon has codes."))
    customer_id = StrictCharField(
        max_length=100, required=False, help_text=gettext_lazy("Customer to act for (brand API keys only).")
    )
    identities = IdentitiesInputSerializer(required=False, help_text=IDENTITIES_HELP)


class CouponReservationInputSerializer(CouponRedemptionInputSerializer):
    """Reservation of a coupon."""

    ttl_seconds = StrictIntegerField(
        min_value=1,
        max_value=MAX_TTL_SECONDS,
        default=DEFAULT_TTL_SECONDS,
        help_text=gettext_lazy("Seconds until the reservation expires."),
    )


class CouponRedemptionSerializer(serializers.Serializer[Any]):
    """Redemption or reservation of a coupon."""

    coupon_redemption_id = serializers.UUIDField()
    coupon_definition_id = serializers.UUIDField()
    user_id = serializers.UUIDField(
        allow_null=True, help_text=gettext_lazy("`null` for a customer without a user account.")
    )
    customer_id = serializers.CharField()
    redemption_date = serializers.DateTimeField(
        allow_null=True, help_text=gettext_lazy("`null` until the redemption is confirmed.")
    )
    status = serializers.ChoiceField(RedemptionStatus.choices)
    expires_at = serializers.DateTimeField(
        required=False, help_text=gettext_lazy("Set while the status is `reserved`.")
    )


def serialize_coupon(coupon: CouponDefinition, *, remaining: int | None, at: datetime) -> dict[str, Any]:
    """Return a coupon as ``CouponSerializer`` describes it, without the fields for its brand."""
    maximum = coupon.maximum_number_of_coupons
    return {
        "id": coupon.pk,
        "brand": coupon.brand.slug,
        "title": coupon.title,
        "start_date": coupon.start_date,
        "end_date": coupon.end_date,
        "maximum_number_of_coupons": maximum,
        "maximum_number_of_coupons_per_user": coupon.maximum_number_of_coupons_per_user,
        **serialize_strategy(coupon.limit_strategy, maximum),
        "offer": coupon.offer,
        "currency": coupon.currency,
        "status": coupon.status_at(at),
        "remaining": remaining,
    }


def serialize_redemption(redemption: CouponRedemption, *, user_id: Any, customer_id: str) -> dict[str, Any]:
    """Return a redemption as ``CouponRedemptionSerializer`` describes it."""
    fields = {
        "coupon_redemption_id": redemption.pk,
        "coupon_definition_id": redemption.coupon_id,
        "user_id": user_id,
        "customer_id": customer_id,
        "redemption_date": redemption.redeemed_at,
        "status": redemption.status,
    }
    return fields | (
        {"expires_at": redemption.reserved_until} if redemption.status == RedemptionStatus.RESERVED else {}
    )
