"""Serializers of carts, and of requests that quote, reserve, amend and refund."""

from typing import Any, ClassVar

from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from checkout.api.attributes import AttributesField
from checkout.contracts import DEFAULT_TTL, MAX_TTL, AmendmentTerms
from checkout.refunds import RefundPolicy
from core.list_queries import ListQuerySerializer, ordering_field
from core.metadata_serializers import METADATA_HELP, MetadataField, MetadataUpdateSerializer, external_id_field
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
from redemptions.api.identities import IDENTITIES_HELP, IdentitiesInputSerializer
from redemptions.statuses import RedemptionStatus

MAX_LINES = 500
MAX_CODES = 20


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
    attributes = AttributesField(required=False, help_text=_("Attributes of the line that its brand declares."))


class CustomerInputSerializer(InputSerializer):
    """What a server knows about the customer."""

    attributes = AttributesField(required=False, help_text=_("Attributes of the customer that the brand declares."))


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

    needs_method: ClassVar[bool] = False  # whether the cart must choose one of several shipping methods

    currency = CurrencyField(help_text=_("ISO 4217 code of the currency of all amounts."))
    lines: serializers.ListSerializer[Any] = serializers.ListSerializer(
        child=LineInputSerializer(), max_length=MAX_LINES, help_text=_("Lines of the cart. May be empty with shipping.")
    )
    shipping = ShippingField(required=False, help_text=_("Price of shipping, or a list of methods with a price each."))
    shipping_method = ExternalIdField(
        required=False, help_text=_("ID of the chosen method. Required to reserve a cart with several methods.")
    )
    transaction_type = StrictCharField(
        max_length=50, default="purchase", help_text=_("Type of the transaction, for example `purchase` or `topup`.")
    )
    country = serializers.RegexField(
        r"^[A-Z]{2}\Z", required=False, help_text=_("ISO 3166 code of the country, for example `ES`.")
    )
    channel = StrictCharField(
        max_length=64, required=False, help_text=_("Your name of the sales channel, for example `app` or `web`.")
    )
    store = StrictCharField(max_length=64, required=False, help_text=_("Your name of the store."))
    payment_method = StrictCharField(
        max_length=64, required=False, help_text=_("Your name of the payment method, for example `card`.")
    )
    attributes = AttributesField(required=False, help_text=_("Attributes of the cart that the brand declares."))
    customer = CustomerInputSerializer(
        required=False, help_text=_("What you know about the customer (API keys and staff only).")
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
    identities = IdentitiesInputSerializer(required=False, help_text=IDENTITIES_HELP)
    external_id = external_id_field(help_text=_("Your own ID, which the redemption of the cart keeps."))
    metadata = MetadataField(required=False, help_text=METADATA_HELP)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if not attrs["lines"] and not attrs.get("shipping"):
            raise serializers.ValidationError({"lines": [_("Add at least one line or a shipping price.")]}, "required")
        for name in ("lines", "shipping"):
            ids = [part["id"] for part in attrs.get(name, [])]
            if len(set(ids)) < len(ids):
                raise serializers.ValidationError({name: [_("Duplicate id.")]}, "invalid")
        methods, chosen = [method["id"] for method in attrs.get("shipping", [])], attrs.get("shipping_method")
        if chosen is not None and chosen not in methods:
            raise serializers.ValidationError({"shipping_method": [_("The cart has no such method.")]}, "invalid")
        if chosen is None and len(methods) > 1 and self.needs_method:
            message = _("Choose one of the shipping methods.")
            raise serializers.ValidationError({"shipping_method": [message]}, "required")
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

    needs_method = True

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


class RedemptionQuerySerializer(ListQuerySerializer):
    """Which redemptions to list. All conditions that are sent must hold."""

    order = StrictCharField(max_length=100, required=False, help_text=_("Your reference of the order."))
    status = serializers.ChoiceField(RedemptionStatus.values, required=False, help_text=_("Status of the redemptions."))
    brand = SlugField(required=False, help_text=_("Slug of the brand whose server sent the orders."))
    customer_id = StrictCharField(max_length=100, required=False, help_text=_("Customer of the orders."))
    code = StrictCharField(max_length=200, required=False, help_text=_("Code that the orders use, in any spelling."))
    ordering = ordering_field("created_at", "updated_at")


class AmendmentInputSerializer(CartInputSerializer):
    """The changed cart of a confirmed order. Without `codes` or `vouchers`, it keeps those that it has."""

    needs_method = True

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


class RedemptionUpdateSerializer(MetadataUpdateSerializer):
    """Changes of the sender's own data about a redemption."""

    external_id = external_id_field(allow_null=True, help_text=_("Your own ID."))


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
