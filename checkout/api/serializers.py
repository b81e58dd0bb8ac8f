"""Serializers of carts, quotes and redemptions."""

from typing import Any

from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from checkout.contracts import DEFAULT_TTL, MAX_TTL, AmendmentTerms
from checkout.refunds import RefundPolicy
from core.list_queries import CreatedQuerySerializer
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
from core.serializers import InputSerializer
from redemptions.statuses import RedemptionStatus

MAX_LINES = 500
MAX_CODES = 20
KINDS = ["promotion", "discount_code", "coupon", "voucher"]
KIND_HELP = _("Kind of the offer.")
OFFER_ID_HELP = _("ID of the offer. The ID of a discount code is its code.")
CODE_HELP = _("Code that the offer needs. Absent for automatic offers.")
NAME_HELP = _("Name of the offer.")


# --- requests --------------------------------------------------------------------------------------------------------
class LineInputSerializer(InputSerializer):
    """A line of a cart. Prices are per unit."""

    id = ExternalIdField(help_text=_("ID of the line, unique within the cart."))
    sku = StrictCharField(max_length=200, help_text=_("SKU of the product."))
    quantity = StrictIntegerField(min_value=1, max_value=1_000_000, help_text=_("Number of units."))
    unit_price = AmountField(help_text=_("Price of one unit without discounts."))
    categories = serializers.ListField(
        child=StrictCharField(max_length=200), required=False, max_length=100, help_text=_("Categories of the product.")
    )
    brand = SlugField(
        required=False, help_text=_("Slug of the brand. For brand API keys, defaults to the key's brand.")
    )
    min_unit_price = AmountField(required=False, help_text=_("Price of one unit that no discount undercuts."))
    discountable = StrictBooleanField(default=True, help_text=_("Whether offers may discount the line."))
    already_discounted = StrictBooleanField(default=False, help_text=_("Whether the product is on sale."))


class ShippingInputSerializer(InputSerializer):
    """A shipping method of a cart."""

    id = ExternalIdField(help_text=_("ID of the method, unique within the cart."))
    price = AmountField(help_text=_("Price of the method without discounts."))


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
        serializer: serializers.ListSerializer[Any]
        serializer = serializers.ListSerializer(child=ShippingInputSerializer(), data=data, max_length=20)
        serializer.is_valid(raise_exception=True)
        methods: list[dict[str, str]] = serializer.validated_data
        return methods


class CartInputSerializer(InputSerializer):
    """A cart with the codes that the customer entered."""

    currency = CurrencyField(help_text=_("ISO 4217 code of the currency of all amounts."))
    lines: serializers.ListSerializer[Any] = serializers.ListSerializer(
        child=LineInputSerializer(), max_length=MAX_LINES, help_text=_("Lines of the cart. May be empty with shipping.")
    )
    shipping = ShippingField(required=False, help_text=_("Price of shipping, or a list of methods with a price each."))
    transaction_type = StrictCharField(
        max_length=50, default="purchase", help_text=_("Type of the transaction, for example `purchase` or `topup`.")
    )
    country = serializers.RegexField(
        r"^[A-Z]{2}\Z", required=False, help_text=_("ISO 3166 code of the country, for example `ES`.")
    )
    codes = serializers.ListField(
        child=StrictCharField(max_length=200), max_length=MAX_CODES, required=False, help_text=_("Codes to apply.")
    )
    vouchers = serializers.ListField(
        child=UuidField(), max_length=MAX_CODES, required=False, help_text=_("IDs of the customer's vouchers to apply.")
    )
    customer_id = StrictCharField(
        max_length=100, required=False, help_text=_("Customer to act for (brand API keys only).")
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if not attrs["lines"] and not attrs.get("shipping"):
            raise serializers.ValidationError({"lines": [_("Add at least one line or a shipping price.")]}, "required")
        for name in ("lines", "shipping"):
            ids = [part["id"] for part in attrs.get(name, [])]
            if len(set(ids)) < len(ids):
                raise serializers.ValidationError({name: [_("Duplicate id.")]}, "invalid")
        return attrs


class QuoteInputSerializer(CartInputSerializer):
    """A cart to price."""

    order = StrictCharField(
        max_length=100,
        required=False,
        help_text=_("Your reference of the order, whose own reservation doesn't count as another order."),
    )


class RedemptionInputSerializer(CartInputSerializer):
    """A cart to reserve for an order."""

    order = StrictCharField(max_length=100, help_text=_("Your reference of the order."))
    expect_total = AmountField(
        required=False, help_text=_("Total that the customer saw. A different one is rejected with `price_changed`.")
    )
    ttl_seconds = StrictIntegerField(
        min_value=1,
        max_value=MAX_TTL,
        default=DEFAULT_TTL,
        help_text=_("Seconds until the reservation expires. At most 900 for shoppers."),
    )
    on_reject = serializers.ChoiceField(
        ["refuse", "skip"],
        default="refuse",
        help_text=_("Whether a rejected code fails the redemption or is left out."),
    )


class RedemptionQuerySerializer(CreatedQuerySerializer):
    """Which redemptions to list. All conditions that are sent must hold."""

    order = StrictCharField(max_length=100, required=False, help_text=_("Your reference of the order."))
    status = serializers.ChoiceField(RedemptionStatus.values, required=False, help_text=_("Status of the redemptions."))
    brand = SlugField(required=False, help_text=_("Slug of the brand whose server sent the orders."))
    customer_id = StrictCharField(max_length=100, required=False, help_text=_("Customer of the orders."))
    code = StrictCharField(max_length=200, required=False, help_text=_("Code that the orders use, in any spelling."))


class AmendmentInputSerializer(CartInputSerializer):
    """The changed cart of a confirmed order. Without `codes` or `vouchers`, it keeps those that it has."""

    terms = serializers.ChoiceField(
        [str(terms) for terms in AmendmentTerms],
        default=str(AmendmentTerms.ORIGINAL),
        help_text=_(
            "Whether the cart is priced with the offers of the order, as they were, or with all offers of now."
        ),
    )
    expect_total = AmountField(
        required=False, help_text=_("Total that the customer saw. A different one is rejected with `price_changed`.")
    )
    on_reject = serializers.ChoiceField(
        ["refuse", "skip"],
        default="refuse",
        help_text=_("Whether a rejected code that the order doesn't have fails the amendment or is left out."),
    )


class RefundedPartInputSerializer(InputSerializer):
    """The part of a line to refund. Without a quantity and an amount, all that is left of it."""

    id = ExternalIdField(help_text=_("ID of the line."))
    quantity = StrictIntegerField(required=False, min_value=1, max_value=1_000_000, help_text=_("Number of units."))
    amount = AmountField(
        required=False,
        help_text=_("Part of the subtotal of the line. With a quantity, the amount at which the units come back."),
    )


_REFUND_SCHEMA = {
    "oneOf": [
        {"type": "string", "maxLength": 64, "description": "ID of a line."},
        {
            "type": "object",
            "required": ["id"],
            "properties": {
                "id": {"type": "string", "maxLength": 64, "description": "ID of the line."},
                "quantity": {"type": "integer", "minimum": 1, "description": "Number of units."},
                "amount": {"type": "string", "description": "Part of the subtotal of the line."},
            },
            "additionalProperties": False,
        },
    ]
}


@extend_schema_field(_REFUND_SCHEMA)
class RefundedPartField(serializers.Field[Any, Any, Any, Any]):
    """The ID of a line, or a part of it."""

    def to_internal_value(self, data: Any) -> dict[str, Any]:
        if isinstance(data, dict):
            part: dict[str, Any] = RefundedPartInputSerializer().run_validation(data)
            return part
        return {"id": ExternalIdField().run_validation(data)}


class RefundInputSerializer(InputSerializer):
    """What to refund. Without members, all that is left of the order, including its shipping."""

    lines = serializers.ListField(
        child=RefundedPartField(), required=False, min_length=1, max_length=MAX_LINES,
        help_text=_("Lines to refund, each an ID, or an object with a quantity or an amount. Defaults to all lines."),
    )  # fmt: skip
    shipping = StrictBooleanField(
        required=False,
        help_text=_("Whether to refund the shipping. Alone, `true` refunds only the shipping, and `false` all lines."),
    )
    policy = serializers.ChoiceField(
        [str(policy) for policy in RefundPolicy],
        default=str(RefundPolicy.KEEP),
        help_text=_(
            "Whether the parts bring back their own shares of the discount, or the kept rest is priced again with the "
            "offers of the order, as they were, and the difference comes back."
        ),
    )


# --- answers ---------------------------------------------------------------------------------------------------------
class LineSerializer(serializers.Serializer[Any]):
    """The price of a line."""

    id = serializers.CharField(help_text=_("ID of the line."))
    subtotal = serializers.CharField(help_text=_("Subtotal of the line."))
    discount = serializers.CharField(help_text=_("Discount of the line."))
    total = serializers.CharField(help_text=_("Total of the line after discounts."))


class ShareSerializer(serializers.Serializer[Any]):
    """The part of a discount that a line gets."""

    id = serializers.CharField(help_text=_("ID of the line."))
    amount = serializers.CharField(help_text=_("Discount that the offer gives on the line."))


class AppliedOfferSerializer(serializers.Serializer[Any]):
    """An applied offer."""

    kind = serializers.ChoiceField(KINDS, help_text=KIND_HELP)
    id = serializers.CharField(help_text=OFFER_ID_HELP)
    code = serializers.CharField(required=False, help_text=CODE_HELP)
    name = serializers.CharField(help_text=NAME_HELP)
    amount = serializers.CharField(help_text=_("Discount of the offer."))
    lines = ShareSerializer(many=True, help_text=_("Discounts by line."))
    shipping = serializers.CharField(help_text=_("Discount on shipping."))


class ReasonSerializer(serializers.Serializer[Any]):
    """The reason why an offer isn't applied. Some codes add members, such as `missing`."""

    code = serializers.CharField(help_text=_("Error code of the reason."))
    detail = serializers.CharField(help_text=_("Text for the customer."))


class RejectedCodeSerializer(serializers.Serializer[Any]):
    """A code that isn't applied."""

    code = serializers.CharField(help_text=_("Code as sent, or the ID of a voucher."))
    reason = ReasonSerializer(help_text=_("Why the code isn't applied."))


class GiftSerializer(serializers.Serializer[Any]):
    """A product that an offer adds, free or at a price."""

    sku = serializers.CharField(help_text=_("SKU of the product."))
    quantity = serializers.IntegerField(help_text=_("Number of units."))
    price = serializers.CharField(help_text=_("Price of each unit, which isn't part of the total."))


class NextBestSerializer(serializers.Serializer[Any]):
    """An offer that the cart almost qualifies for."""

    kind = serializers.CharField(help_text=KIND_HELP)
    id = serializers.CharField(help_text=OFFER_ID_HELP)
    name = serializers.CharField(help_text=NAME_HELP)
    missing = serializers.DictField(help_text=_("What is missing: `amount`, `quantity` or both."))
    amount = serializers.CharField(help_text=_("Discount that the offer would give."))


class ShippingLineSerializer(serializers.Serializer[Any]):
    """The price of a shipping method."""

    id = serializers.CharField(help_text=_("ID of the method."))
    price = serializers.CharField(help_text=_("Price of the method without discounts."))
    discount = serializers.CharField(help_text=_("Discount of the method."))


class QuoteSerializer(serializers.Serializer[Any]):
    """A priced cart. Amounts are decimal strings in the cart's currency."""

    currency = serializers.CharField(help_text=_("ISO 4217 code of the currency."))
    subtotal = serializers.CharField(help_text=_("Subtotal of all lines."))
    shipping = serializers.CharField(help_text=_("Price of shipping without discounts."))
    discount_total = serializers.CharField(help_text=_("All discounts, with those on shipping."))
    total = serializers.CharField(help_text=_("Amount to pay."))
    lines = LineSerializer(many=True, help_text=_("Prices by line."))
    applied = AppliedOfferSerializer(many=True, help_text=_("Applied offers."))
    gifts = GiftSerializer(many=True, help_text=_("Products that offers add, with their prices."))
    shipping_lines = ShippingLineSerializer(
        many=True, required=False, help_text=_("Prices by shipping method. Absent for a single method.")
    )
    rejected = RejectedCodeSerializer(many=True, help_text=_("Codes and vouchers that aren't applied."))
    next_best = NextBestSerializer(many=True, help_text=_("Offers that the cart almost qualifies for, best first."))


class RefundedLineSerializer(serializers.Serializer[Any]):
    """What was refunded of a line."""

    id = serializers.CharField(help_text=_("ID of the line."))
    quantity = serializers.IntegerField(help_text=_("Refunded units."))
    amount = serializers.CharField(help_text=_("Refunded part of the subtotal."))
    discount = serializers.CharField(help_text=_("The refunded part's share of the discount."))


class RedemptionSerializer(serializers.Serializer[Any]):
    """The redemption of an order's offers."""

    id = serializers.UUIDField(help_text=_("ID of the redemption."))
    order = serializers.CharField(help_text=_("Your reference of the order."))
    status = serializers.ChoiceField(RedemptionStatus.choices, help_text=_("Status of the redemption."))
    customer_id = serializers.CharField(help_text=_("Customer of the order."))
    created_at = serializers.DateTimeField(help_text=_("When the redemption was reserved."))
    expires_at = serializers.DateTimeField(help_text=_("When an unconfirmed reservation expires."))
    confirmed_at = serializers.DateTimeField(allow_null=True, help_text=_("When the redemption was confirmed."))
    amended_at = serializers.DateTimeField(allow_null=True, help_text=_("When the order was last amended."))
    closed_at = serializers.DateTimeField(
        allow_null=True, help_text=_("When the redemption was released, expired or completely returned.")
    )
    refunded = RefundedLineSerializer(many=True, help_text=_("What was refunded of the lines so far."))
    refunded_shipping = serializers.CharField(
        allow_null=True, help_text=_("Discount of the refunded shipping. `null` if the shipping isn't refunded.")
    )
    quote = QuoteSerializer(help_text=_("Quote at the time of the reservation, or of the last amendment."))


class RefundedNowSerializer(serializers.Serializer[Any]):
    """What one refund returned."""

    amount = serializers.CharField(help_text=_("What comes back of the subtotal and of the shipping."))
    discount = serializers.CharField(help_text=_("Share of the discount. The shares of all refunds add up to it."))
    lines = RefundedLineSerializer(many=True, help_text=_("What comes back by line."))
    shipping = serializers.CharField(
        allow_null=True, help_text=_("Discount of the shipping, if the shipping or a part of its discount comes back.")
    )


class RefundSerializer(RedemptionSerializer):
    """A redemption after a refund, with what this refund returned."""

    refund = RefundedNowSerializer(help_text=_("What this refund returned."))


class DifferenceSerializer(serializers.Serializer[Any]):
    """What an amendment changed. A negative amount is less than before."""

    previous_total = serializers.CharField(help_text=_("Amount to pay before."))
    subtotal = serializers.CharField(help_text=_("Difference of the subtotals of all lines."))
    discount_total = serializers.CharField(help_text=_("Difference of the discounts."))
    total = serializers.CharField(help_text=_("What is still to pay; negative for what the customer gets back."))


class AmendmentSerializer(RedemptionSerializer):
    """A redemption after an amendment, with the difference."""

    difference = DifferenceSerializer(help_text=_("What this amendment changed."))
