"""Serializers of the discount code API."""

import uuid
from datetime import datetime
from typing import Any

from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from core import money
from core.serializer_fields import (
    AmountField,
    CurrencyField,
    EndField,
    SlugField,
    StartField,
    StrictBooleanField,
    StrictCharField,
    UuidField,
)
from core.serializers import InputSerializer
from discounts.contracts import TERMS
from discounts.models import DiscountCode
from discounts.services import RedemptionResult
from redemptions.api.limits import (
    LIMITS_HELP,
    LIMITS_UPDATE_HELP,
    AmountLimitsInputSerializer,
    AmountLimitsUpdateSerializer,
    StrategyInputSerializer,
    TotalLimitSerializer,
    TotalLimitsSerializer,
)
from redemptions.api.offer_fields import OfferField
from redemptions.statuses import OfferStatus

START_HELP = _("When the code starts. A date in the brand's time zone counts from its first instant.")
VALIDITY_HELP = _("When the code ends (exclusive). A date in the brand's time zone is included.")
_RULE_SCHEMA = {
    "oneOf": [
        {"type": "string", "format": "uuid", "description": "ID of one of the brand's rules."},
        {
            "type": "object",
            "description": "Either a `discount` with terms, or an `offer`.",
            "properties": {
                "offer": {
                    "allOf": [{"$ref": "#/components/schemas/Offer"}],
                    "description": "A whole offer in the offer language, instead of `discount` and terms.",
                },
                "discount": {
                    "type": "integer",
                    "minimum": 1,
                    "maximum": 99,
                    "description": "Percentage from 1 to 99.",
                    "example": 10,
                },
                "name": {"type": "string", "maxLength": 100, "description": "Name that is shown at checkout."},
                "audience": {
                    "type": "string",
                    "maxLength": 100,
                    "description": "Audience that can redeem the code. Omit it for everyone.",
                },
                **{name: {"description": "See the offer language."} for name in sorted(TERMS)},
            },
            "additionalProperties": False,
        },
    ]
}


@extend_schema_field(_RULE_SCHEMA)
class RuleField(serializers.Field[Any, Any, Any, Any]):
    """The ID of a rule, or the fields of a new rule."""

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, dict):
            return data
        try:
            return uuid.UUID(data)
        except (TypeError, ValueError, AttributeError) as error:
            raise serializers.ValidationError(_("Enter the ID of a rule or an object."), code="invalid") from error


class RuleSerializer(serializers.Serializer[Any]):
    """A discount rule: a percentage with terms, or another offer."""

    id = serializers.UUIDField(help_text=_("ID of the rule."))
    name = serializers.CharField(help_text=_("Name that is shown at checkout. Empty if the percentage is shown."))
    discount = serializers.IntegerField(
        min_value=1, max_value=99, allow_null=True, help_text=_("Percentage from 1 to 99, or null for another offer.")
    )
    audience = serializers.CharField(
        allow_null=True, help_text=_("Audience that can redeem the code, or null for everyone.")
    )
    terms = serializers.DictField(help_text=_("Conditions and benefit options beside the percentage."))
    offer = OfferField(help_text=_("The whole offer in the offer language."))


class NotifiedSerializer(serializers.Serializer[Any]):
    """The number of emails that announce a code."""

    planned = serializers.IntegerField(min_value=0, help_text=_("All emails, including sent and failed ones."))
    sent = serializers.IntegerField(min_value=0, help_text=_("Emails sent so far."))
    failed = serializers.IntegerField(min_value=0, help_text=_("Emails that failed so far."))


class CodeSerializer(TotalLimitSerializer):
    """A discount code."""

    id = serializers.CharField(help_text=_("Text of the code, in upper case."))
    offer_id = serializers.UUIDField(help_text=_("ID of the code among the offers of all kinds."))
    brand = serializers.SlugField(help_text=_("Slug of the brand."))
    rule = RuleSerializer(help_text=_("Rule of the code."))
    start_date = serializers.DateTimeField(help_text=_("When the code starts."))
    validity = serializers.DateTimeField(help_text=_("When the code ends."))
    status = serializers.ChoiceField(OfferStatus.choices, help_text=_("Status of the code at this time."))
    created_at = serializers.DateTimeField(help_text=_("When the code was created."))
    notified = NotifiedSerializer(
        required=False, help_text=_("Emails that announce the code. Visible to brand staff only.")
    )
    limits = TotalLimitsSerializer(required=False, help_text=LIMITS_HELP)


class CodeInputSerializer(StrategyInputSerializer, AmountLimitsInputSerializer):
    """A new discount code."""

    id = StrictCharField(
        max_length=200, help_text=_("Text of the code: 3 to 64 letters, digits, hyphens or underscores.")
    )
    rule = RuleField(help_text=_("ID of one of the brand's rules, or the fields of a new rule."))
    start_date = StartField(required=False, help_text=_("When the code starts. Defaults to now."))
    validity = EndField(help_text=VALIDITY_HELP)
    limits = TotalLimitsSerializer(required=False, help_text=LIMITS_HELP)
    brand = SlugField(required=False, help_text=_("Slug of the brand. Required if you belong to several brands."))
    status = serializers.ChoiceField(
        [OfferStatus.DRAFT.value, OfferStatus.SCHEDULED.value],
        required=False,
        help_text=_("`draft` keeps the code unpublished. Defaults to `scheduled`, which is active from the start on."),
    )
    notify = StrictBooleanField(
        default=True, help_text=_("Whether to announce the code to customers by email when it is active.")
    )


class CodeUpdateSerializer(StrategyInputSerializer, AmountLimitsUpdateSerializer):
    """Changes to a discount code."""

    rule = RuleField(
        required=False,
        help_text=_("ID of one of the brand's rules, or the fields of a new rule. Can't be changed after the start."),
    )
    start_date = StartField(required=False, help_text=_("When the code starts. Can't be changed after the start."))
    validity = EndField(required=False, help_text=VALIDITY_HELP)
    limits = TotalLimitsSerializer(required=False, allow_null=True, help_text=LIMITS_UPDATE_HELP)


class DuplicateInputSerializer(InputSerializer):
    """The duplicate of a discount code."""

    id = StrictCharField(
        required=False,
        max_length=200,
        help_text=_("Text of the duplicate. Defaults to that of the code with a number."),
    )


class UsageInputSerializer(InputSerializer):
    """A redemption of a code by the caller."""

    discount_code = StrictCharField(
        max_length=200, help_text=_("Text of the code, in any case, with or without hyphens.")
    )
    brand = SlugField(
        required=False, help_text=_("Slug of the code's brand. Without it, the oldest code with this text is redeemed.")
    )
    user = UuidField(required=False, help_text=_("ID of the caller."))
    amount = AmountField(required=False, help_text=_("Subtotal that the percentage applies to."))
    currency = CurrencyField(required=False, help_text=_("Currency of the amount. Defaults to the brand's currency."))


class UsageSerializer(serializers.Serializer[Any]):
    """A redemption of a code, with the amount to pay."""

    id = serializers.UUIDField(help_text=_("ID of the redemption."))
    discount_code = serializers.CharField(help_text=_("Text of the code, in upper case."))
    user = serializers.UUIDField(allow_null=True, help_text=_("ID of the user."))
    used_at = serializers.DateTimeField(help_text=_("When the code was redeemed."))
    discount = serializers.IntegerField(help_text=_("Percentage from 1 to 99."))
    currency = serializers.CharField(allow_null=True, help_text=_("Currency of the amounts."))
    amount = serializers.CharField(allow_null=True, help_text=_("Subtotal that the percentage applied to."))
    discount_amount = serializers.CharField(allow_null=True, help_text=_("Discount, rounded half up."))
    amount_to_pay = serializers.CharField(allow_null=True, help_text=_("Subtotal after the discount."))


def serialize_code(code: DiscountCode, *, at: datetime, notified: dict[str, int] | None = None) -> dict[str, Any]:
    """Return a code in the form of ``CodeSerializer``."""
    rule = code.rule
    data = {
        "id": code.code,
        "offer_id": code.offer_id,
        "brand": code.brand.slug,
        "start_date": code.start_date,
        "validity": code.end_date,
        "status": code.status_at(at),
        "created_at": code.created_at,
        "rule": {
            "id": rule.pk,
            "name": rule.name,
            "discount": rule.discount,
            "audience": rule.audience or None,
            "terms": rule.terms,
            "offer": rule.document,
        },
    }
    return data if notified is None else data | {"notified": notified}


def serialize_usage(result: RedemptionResult) -> dict[str, Any]:
    """Return a redemption in the form of ``UsageSerializer``."""

    def to_decimal(minor_units: int | None) -> str | None:
        if minor_units is None or result.currency is None:
            return None
        return money.format_decimal(minor_units, result.currency)

    to_pay = None
    if result.amount is not None and result.discount_amount is not None:
        to_pay = result.amount - result.discount_amount
    return {
        "id": result.id,
        "discount_code": result.code,
        "user": result.user_id,
        "used_at": result.redeemed_at,
        "discount": result.discount,
        "currency": result.currency,
        "amount": to_decimal(result.amount),
        "discount_amount": to_decimal(result.discount_amount),
        "amount_to_pay": to_decimal(to_pay),
    }
