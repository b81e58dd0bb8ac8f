"""Serializers of quotes and redemptions."""

from typing import Any

from django.utils.translation import gettext_lazy as _
from rest_framework import serializers

from checkout.contracts import Actor
from core.metadata_serializers import MetadataField
from redemptions.statuses import RedemptionStatus

KINDS = ["promotion", "discount_code", "coupon", "voucher"]
KIND_HELP = _("Kind of the offer.")
OFFER_ID_HELP = _("ID of the offer. The ID of a discount code is its code.")
CODE_HELP = _("Code that the offer needs. Absent for automatic offers.")
NAME_HELP = _("Name of the offer.")


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
    balance_left = serializers.CharField(
        required=False, help_text=_("What this order leaves on the code. Absent for a code without a balance.")
    )


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
    discount_total = serializers.CharField(help_text=_("All discounts of an order by this method."))
    total = serializers.CharField(help_text=_("Amount to pay for an order by this method."))


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
        many=True,
        required=False,
        help_text=_("Amounts by shipping method, or of the chosen one. Absent for a single method."),
    )
    shipping_method = serializers.CharField(
        required=False,
        help_text=_("Method that the amounts are for: the chosen one, else the one with the lowest total."),
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
    confirmed_by = serializers.ChoiceField(
        [actor.value for actor in Actor],
        allow_null=True,
        help_text=_("Who confirmed it. Orders that only shoppers confirmed don't count as orders of the customer."),
    )
    amended_at = serializers.DateTimeField(allow_null=True, help_text=_("When the order was last amended."))
    closed_at = serializers.DateTimeField(
        allow_null=True, help_text=_("When the redemption was released, expired or completely returned.")
    )
    refunded = RefundedLineSerializer(many=True, help_text=_("What was refunded of the lines so far."))
    refunded_shipping = serializers.CharField(
        allow_null=True, help_text=_("Discount of the refunded shipping. `null` if the shipping isn't refunded.")
    )
    updated_at = serializers.DateTimeField(help_text=_("When the redemption was last changed."))
    external_id = serializers.CharField(
        allow_null=True, required=False, help_text=_("The sender's own ID. Visible to the sender only.")
    )
    metadata = MetadataField(required=False, help_text=_("The sender's own data. Visible to the sender only."))
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
