"""Shapes of carts, quotes and redemptions on the wire."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from checkout.contracts import DEFAULT_TTL, MAX_TTL
from core.serializer_fields import (
    AmountField,
    CurrencyField,
    ExternalIdField,
    SlugField,
    StrictBooleanField,
    StrictCharField,
    StrictIntegerField,
    UuidField,
)

MAX_LINES = 500
MAX_CODES = 20


class LineRequest(serializers.Serializer[Any]):
    """One line of a cart; prices are of one unit."""

    id = ExternalIdField()
    sku = StrictCharField(max_length=200)
    quantity = StrictIntegerField(min_value=1, max_value=1_000_000)
    unit_price = AmountField()
    categories = serializers.ListField(child=StrictCharField(max_length=200), required=False, max_length=100)
    brand = SlugField(required=False)
    min_unit_price = AmountField(required=False)
    discountable = StrictBooleanField(default=True)
    already_discounted = StrictBooleanField(default=False)


class ShippingRequest(serializers.Serializer[Any]):
    """One shipping method of a cart."""

    id = ExternalIdField()
    price = AmountField()


_SHIPPING_SCHEMA = {
    "oneOf": [
        {"type": "string", "pattern": r"^\d{1,15}(\.\d{1,4})?$"},
        {
            "type": "array",
            "maxItems": 20,
            "items": {
                "type": "object",
                "required": ["id", "price"],
                "properties": {"id": {"type": "string", "maxLength": 64}, "price": {"type": "string"}},
            },
        },
    ]
}


@extend_schema_field(_SHIPPING_SCHEMA)
class ShippingField(serializers.Field[Any, Any, Any, Any]):
    """The price of shipping, or several methods with a price each."""

    def to_internal_value(self, data: Any) -> list[dict[str, str]]:
        if not isinstance(data, list):
            return [{"id": "shipping", "price": AmountField().run_validation(data)}]
        methods: serializers.ListSerializer[Any]
        methods = serializers.ListSerializer(child=ShippingRequest(), data=data, max_length=20)
        methods.is_valid(raise_exception=True)
        found: list[dict[str, str]] = methods.validated_data
        return found


class CartRequest(serializers.Serializer[Any]):
    """What a shopper is about to buy, with the codes that they typed."""

    currency = CurrencyField()
    lines: serializers.ListSerializer[Any] = serializers.ListSerializer(child=LineRequest(), max_length=MAX_LINES)
    shipping = ShippingField(required=False)
    transaction_type = StrictCharField(max_length=50, default="purchase")
    country = serializers.RegexField(r"^[A-Z]{2}\Z", required=False)
    codes = serializers.ListField(child=StrictCharField(max_length=200), max_length=MAX_CODES, required=False)
    vouchers = serializers.ListField(child=UuidField(), max_length=MAX_CODES, required=False)
    customer_id = StrictCharField(max_length=100, required=False, help_text="Brand key only: for whom")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if not attrs["lines"] and not attrs.get("shipping"):
            raise serializers.ValidationError({"lines": ["A cart has lines or shipping."]}, code="required")
        for name in ("lines", "shipping"):
            ids = [part["id"] for part in attrs.get(name, [])]
            if len(set(ids)) < len(ids):
                raise serializers.ValidationError({name: ["Each id stands once."]}, code="invalid")
        return attrs


class RedemptionRequest(CartRequest):
    """A cart to be redeemed for an order."""

    order = StrictCharField(max_length=100)
    expect_total = AmountField(required=False)
    ttl_seconds = StrictIntegerField(min_value=1, max_value=MAX_TTL, default=DEFAULT_TTL)
    on_reject = serializers.ChoiceField(["refuse", "skip"], default="refuse")


class RefundRequest(serializers.Serializer[Any]):
    """The lines to refund; all when absent."""

    lines = serializers.ListField(child=ExternalIdField(), required=False, min_length=1, max_length=MAX_LINES)


class LineAnswer(serializers.Serializer[Any]):
    """What a line costs."""

    id = serializers.CharField()
    subtotal = serializers.CharField()
    discount = serializers.CharField()
    total = serializers.CharField()


class ShareAnswer(serializers.Serializer[Any]):
    """A discount's share of a line."""

    id = serializers.CharField()
    amount = serializers.CharField()


class AppliedAnswer(serializers.Serializer[Any]):
    """An offer that was given."""

    kind = serializers.ChoiceField(["promotion", "discount_code", "coupon", "voucher"])
    id = serializers.CharField()
    code = serializers.CharField(required=False)
    title = serializers.CharField()
    amount = serializers.CharField()
    lines = ShareAnswer(many=True)
    shipping = serializers.CharField()


class ReasonAnswer(serializers.Serializer[Any]):
    """Why a code is not given; more members by code, such as ``missing``."""

    code = serializers.CharField()
    detail = serializers.CharField()


class RejectedAnswer(serializers.Serializer[Any]):
    """A code that is not given."""

    code = serializers.CharField()
    reason = ReasonAnswer()


class GiftAnswer(serializers.Serializer[Any]):
    """A gift that comes with the order."""

    sku = serializers.CharField()
    quantity = serializers.IntegerField()


class NextBestAnswer(serializers.Serializer[Any]):
    """An offer that is only a little away."""

    kind = serializers.CharField()
    id = serializers.CharField()
    title = serializers.CharField()
    missing = serializers.DictField()
    amount = serializers.CharField()


class ShippingAnswer(serializers.Serializer[Any]):
    """What a shipping method costs."""

    id = serializers.CharField()
    price = serializers.CharField()
    discount = serializers.CharField()


class QuoteAnswer(serializers.Serializer[Any]):
    """A priced cart."""

    currency = serializers.CharField()
    subtotal = serializers.CharField()
    shipping = serializers.CharField()
    discount_total = serializers.CharField()
    total = serializers.CharField()
    lines = LineAnswer(many=True)
    applied = AppliedAnswer(many=True)
    gifts = GiftAnswer(many=True)
    shipping_lines = ShippingAnswer(many=True, required=False)
    rejected = RejectedAnswer(many=True)
    next_best = NextBestAnswer(many=True)


class RefundedAnswer(serializers.Serializer[Any]):
    """A line that was refunded: the discount's share of it."""

    id = serializers.CharField()
    discount = serializers.CharField()


class RedemptionAnswer(serializers.Serializer[Any]):
    """What was taken for an order, and what became of it."""

    id = serializers.UUIDField()
    order = serializers.CharField()
    status = serializers.ChoiceField(["reserved", "confirmed", "cancelled", "expired", "refunded"])
    customer_id = serializers.CharField()
    created_at = serializers.DateTimeField()
    expires_at = serializers.DateTimeField()
    confirmed_at = serializers.DateTimeField(allow_null=True)
    closed_at = serializers.DateTimeField(allow_null=True)
    refunded = RefundedAnswer(many=True)
    quote = QuoteAnswer()
