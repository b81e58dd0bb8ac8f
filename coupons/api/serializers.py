"""Shapes of coupons and their redemptions on the wire."""

from typing import Any

from rest_framework import serializers

from core.serializer_fields import (
    DateOrDateTimeField,
    SlugField,
    StrictBooleanField,
    StrictCharField,
    StrictIntegerField,
)
from coupons import rules
from coupons.models import CouponDefinition, CouponRedemption, Status, Strategy
from promotions.code_rules import DEFAULT_CHARSET, DEFAULT_PATTERN
from promotions.models import CodeBatch
from promotions.services.batches import MAX_BATCH_SIZE

MAX_TTL, DEFAULT_TTL = 3600, 900
MOST = 2_000_000_000


class CouponCodesRequest(serializers.Serializer[Any]):
    """Codes that are good once each. In the pattern `#` stands for a character that is drawn from the charset."""

    count = StrictIntegerField(min_value=1, max_value=MAX_BATCH_SIZE)
    pattern = StrictCharField(max_length=64, default=DEFAULT_PATTERN)
    charset = StrictCharField(max_length=64, default=DEFAULT_CHARSET, help_text="Different letters and digits")


class CodesRequest(serializers.Serializer[Any]):
    """Either one code that everyone types, or codes that are good once each."""

    shared = StrictCharField(max_length=200, required=False)
    generate = CouponCodesRequest(required=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if ("shared" in attrs) == ("generate" in attrs):
            raise serializers.ValidationError({"shared": "Say either shared or generate."})
        return attrs


class CouponFields(serializers.Serializer[Any]):
    """What a brand says of a coupon. Dates without a time mean the brand's own midnight."""

    title = StrictCharField(max_length=100)
    start_date = DateOrDateTimeField()
    end_date = DateOrDateTimeField()
    maximum_number_of_coupons = StrictIntegerField(
        required=False, allow_null=True, min_value=1, max_value=MOST, help_text="In all; null for no limit"
    )
    maximum_number_of_coupons_per_user = StrictIntegerField(
        required=False, allow_null=True, min_value=1, max_value=MOST, help_text="For one shopper; null for no limit"
    )
    limit_strategy = serializers.ChoiceField(
        Strategy.values, required=False, help_text="`approximate` may exceed the maximum, the others never"
    )
    offer = serializers.DictField(help_text="An offer, in the offer language")


class CouponRequest(CouponFields):
    """A new coupon."""

    brand = SlugField(required=False, help_text="When the caller is staff of several brands")
    codes = CodesRequest(required=False)


class CouponChange(CouponFields):
    """What may change of a coupon; after its start only title, end, maxima and whether it is active."""

    active = StrictBooleanField(required=False)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, partial=True, **kwargs)


class CouponCodesAnswer(serializers.Serializer[Any]):
    """Codes of a coupon; `made` of `count` are there."""

    job = serializers.URLField(help_text="Where to ask how far it has come")
    id = serializers.UUIDField()
    coupon = serializers.UUIDField()
    pattern = serializers.CharField()
    charset = serializers.CharField()
    count = serializers.IntegerField()
    made = serializers.IntegerField()
    status = serializers.ChoiceField(["making", "done"])
    created_at = serializers.DateTimeField()
    finished_at = serializers.DateTimeField(allow_null=True)


class CouponAnswer(serializers.Serializer[Any]):
    """A coupon as anyone who is signed in may see it."""

    id = serializers.UUIDField()
    brand = serializers.SlugField()
    title = serializers.CharField()
    start_date = serializers.DateTimeField()
    end_date = serializers.DateTimeField()
    maximum_number_of_coupons = serializers.IntegerField(allow_null=True)
    maximum_number_of_coupons_per_user = serializers.IntegerField(allow_null=True)
    limit_strategy = serializers.ChoiceField(Strategy.values)
    may_exceed_by = serializers.IntegerField(help_text="The maximum is exceeded by no more; 0 except for `approximate`")
    offer = serializers.DictField()
    currency = serializers.CharField()
    active = serializers.BooleanField()
    remaining = serializers.IntegerField(allow_null=True, help_text="null without a maximum")
    code = serializers.CharField(allow_null=True, required=False, help_text="For the brand alone")
    codes = CouponCodesAnswer(many=True, required=False, help_text="For the brand alone: the newest batches")


class CreatedAnswer(CouponAnswer):
    """A new coupon; `job` tells how far the making of its codes has come."""

    job = serializers.URLField(required=False)


class EligibilityAnswer(serializers.Serializer[Any]):
    """Whether the shopper could redeem the coupon now, and every reason against it."""

    eligible = serializers.BooleanField()
    reasons = serializers.ListField(child=serializers.CharField())
    remaining = serializers.IntegerField(allow_null=True)
    remaining_for_user = serializers.IntegerField(allow_null=True)


class CouponRedeemRequest(serializers.Serializer[Any]):
    """A redemption, with the code where the coupon is opened by codes."""

    code = StrictCharField(max_length=200, required=False)
    customer_id = StrictCharField(max_length=100, required=False, help_text="For whom a brand's server asks")


class CouponReserveRequest(CouponRedeemRequest):
    """A reservation."""

    ttl_seconds = StrictIntegerField(min_value=1, max_value=MAX_TTL, default=DEFAULT_TTL)


class CouponRedemptionAnswer(serializers.Serializer[Any]):
    """A redemption; `redemption_date` is null until it is confirmed."""

    coupon_redemption_id = serializers.UUIDField()
    coupon_definition_id = serializers.UUIDField()
    user_id = serializers.UUIDField(allow_null=True, help_text="null for a customer without an account")
    customer_id = serializers.CharField()
    redemption_date = serializers.DateTimeField(allow_null=True)
    status = serializers.ChoiceField(Status.values)
    expires_at = serializers.DateTimeField(required=False, help_text="While it is reserved")


def coupon_answer(coupon: CouponDefinition, *, left: int | None, processes: int, threads: int) -> dict[str, Any]:
    """A coupon as ``CouponAnswer`` describes it, without what is for its brand alone."""
    maximum = coupon.maximum_number_of_coupons
    exceeds = 0
    if maximum is not None and coupon.limit_strategy == Strategy.APPROXIMATE:
        exceeds = rules.max_overshoot(cap=maximum, processes=processes, threads=threads)
    return {
        "id": coupon.pk, "brand": coupon.brand.slug, "title": coupon.title, "start_date": coupon.start_date,
        "end_date": coupon.end_date, "maximum_number_of_coupons": maximum,
        "maximum_number_of_coupons_per_user": coupon.maximum_number_of_coupons_per_user,
        "limit_strategy": coupon.limit_strategy, "may_exceed_by": exceeds, "offer": coupon.offer,
        "currency": coupon.currency, "active": coupon.is_active, "remaining": left,
    }  # fmt: skip


def batch_answer(batch: CodeBatch, *, coupon: CouponDefinition, job: str) -> dict[str, Any]:
    """A batch as ``CouponCodesAnswer`` describes it."""
    return {
        "job": job, "id": batch.pk, "coupon": coupon.pk, "pattern": batch.pattern, "charset": batch.charset,
        "count": batch.count, "made": batch.generated_count, "status": "done" if batch.is_generated else "making",
        "created_at": batch.created_at, "finished_at": batch.finished_at,
    }  # fmt: skip


def redemption_answer(redemption: CouponRedemption, *, user_id: Any, customer_id: str) -> dict[str, Any]:
    """A redemption as ``CouponRedemptionAnswer`` describes it."""
    answer = {
        "coupon_redemption_id": redemption.pk, "coupon_definition_id": redemption.coupon_id, "user_id": user_id,
        "customer_id": customer_id, "redemption_date": redemption.redeemed_at, "status": redemption.status,
    }  # fmt: skip
    return answer | ({"expires_at": redemption.reserved_until} if redemption.status == Status.RESERVED else {})
