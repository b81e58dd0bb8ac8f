"""Shapes of discount codes and their uses on the wire."""

import uuid
from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from core import money
from core.serializer_fields import (
    AmountField,
    AwareDateTimeField,
    CurrencyField,
    SlugField,
    StrictBooleanField,
    StrictCharField,
    UuidField,
)
from discounts import rules
from discounts.models import DiscountCode
from discounts.services import RedemptionResult

_RULE_SCHEMA = {
    "oneOf": [
        {"type": "string", "format": "uuid", "description": "One of the brand's rules"},
        {
            "type": "object",
            "required": ["discount"],
            "properties": {
                "discount": {"type": "integer", "minimum": 1, "maximum": 99, "description": "Per cent"},
                "name": {"type": "string", "maxLength": 100},
                "audience": {
                    "type": "string",
                    "maxLength": 100,
                    "description": "Segment type whose members may use it",
                },
                **{name: {"description": "See the offer language"} for name in sorted(rules.TERMS)},
            },
            "additionalProperties": False,
        },
    ]
}


@extend_schema_field(_RULE_SCHEMA)
class RuleField(serializers.Field[Any, Any, Any, Any]):
    """A rule's id, or the fields of a new rule."""

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, dict):
            return data
        try:
            return uuid.UUID(data)
        except (TypeError, ValueError, AttributeError) as error:
            raise serializers.ValidationError("Send a rule's id or its fields.", code="invalid") from error


class RuleAnswer(serializers.Serializer[Any]):
    """A rule as it is answered: terms stand beside the percentage."""

    id = serializers.UUIDField()
    name = serializers.CharField()
    discount = serializers.IntegerField(min_value=1, max_value=99)
    audience = serializers.CharField(allow_null=True)
    terms = serializers.DictField()


class Notified(serializers.Serializer[Any]):
    """Mails that announce a code: planned in all, of these sent and failed so far."""

    planned = serializers.IntegerField(min_value=0)
    sent = serializers.IntegerField(min_value=0)
    failed = serializers.IntegerField(min_value=0)


class CodeAnswer(serializers.Serializer[Any]):
    """A discount code."""

    id = serializers.CharField()
    brand = serializers.SlugField()
    rule = RuleAnswer()
    validity = serializers.DateTimeField()
    active = serializers.BooleanField()
    created_at = serializers.DateTimeField()
    notified = Notified(required=False)


class CodeRequest(serializers.Serializer[Any]):
    """A new discount code."""

    id = StrictCharField(max_length=200)
    rule = RuleField()
    validity = AwareDateTimeField()
    brand = SlugField(required=False, help_text="When the caller is staff of several brands")
    notify = StrictBooleanField(default=True)


class CodeChange(serializers.Serializer[Any]):
    """What may change of a code."""

    validity = AwareDateTimeField(required=False)
    active = StrictBooleanField(required=False)


class UsageRequest(serializers.Serializer[Any]):
    """A shopper uses a code, perhaps on an amount."""

    discount_code = StrictCharField(max_length=200)
    user = UuidField(required=False, help_text="The caller's own id")
    amount = AmountField(required=False)
    currency = CurrencyField(required=False, help_text="The brand's, when absent")


class UsageAnswer(serializers.Serializer[Any]):
    """A use, with what is to be paid."""

    id = serializers.UUIDField()
    discount_code = serializers.CharField()
    user = serializers.UUIDField(allow_null=True)
    used_at = serializers.DateTimeField()
    discount = serializers.IntegerField(help_text="Per cent")
    currency = serializers.CharField(allow_null=True)
    amount = serializers.CharField(allow_null=True)
    discount_amount = serializers.CharField(allow_null=True)
    amount_to_pay = serializers.CharField(allow_null=True)


def code_answer(code: DiscountCode, notified: dict[str, int] | None = None) -> dict[str, Any]:
    """A code as ``CodeAnswer`` describes it."""
    rule = code.rule
    answer = {
        "id": code.code_id,
        "brand": code.brand.slug,
        "validity": code.validity,
        "active": code.is_active,
        "created_at": code.created_at,
        "rule": {
            "id": rule.pk,
            "name": rule.name,
            "discount": rule.discount,
            "audience": rule.audience or None,
            "terms": rule.terms,
        },
    }
    return answer if notified is None else answer | {"notified": notified}


def usage_answer(used: RedemptionResult) -> dict[str, Any]:
    """A use as ``UsageAnswer`` describes it."""

    def amount(value: int | None) -> str | None:
        return None if value is None or used.currency is None else money.format_decimal(value, used.currency)

    to_pay = None if used.amount is None or used.discount_amount is None else used.amount - used.discount_amount
    return {
        "id": used.id,
        "discount_code": used.code,
        "user": used.user_id,
        "used_at": used.used_at,
        "discount": used.discount,
        "currency": used.currency,
        "amount": amount(used.amount),
        "discount_amount": amount(used.discount_amount),
        "amount_to_pay": amount(to_pay),
    }
