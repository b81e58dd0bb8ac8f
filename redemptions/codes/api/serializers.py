"""Serializers of codes."""

from typing import Any

from django.utils.translation import gettext_lazy as _
from rest_framework import serializers

from core.serializer_fields import SlugField
from redemptions.balances.api.serializers import CodeBalanceSerializer, serialize_balance
from redemptions.codes.models import Code
from redemptions.contracts import CodeStatus
from redemptions.stored_values import CodeBalance

CODE_STATUSES = [status.value for status in CodeStatus]


class CodeQuerySerializer(serializers.Serializer[Any]):
    """Query of a code."""

    brand = SlugField(
        required=False, help_text=_("Slug of the code's brand. Required if you belong to several brands.")
    )


class CodeOfferSerializer(serializers.Serializer[Any]):
    """The offer of a code."""

    id = serializers.UUIDField(help_text=_("ID of the offer."))
    name = serializers.CharField(help_text=_("Name of the offer."))


class CodeStateSerializer(serializers.Serializer[Any]):
    """A code of a brand."""

    code = serializers.CharField(help_text=_("Text of the code."))
    brand = serializers.CharField(help_text=_("Slug of the brand."))
    kind = serializers.CharField(help_text=_("Kind of offer."))
    offer = CodeOfferSerializer()
    batch = serializers.UUIDField(allow_null=True, help_text=_("ID of the batch, if the code is part of one."))
    customer_id = serializers.CharField(allow_null=True, help_text=_("ID of the assigned customer."))
    single_use = serializers.BooleanField(help_text=_("Whether the code can be redeemed once."))
    status = serializers.ChoiceField(
        CODE_STATUSES, help_text=_("Status of the code. A code for many redemptions is available, expired or revoked.")
    )
    expires_at = serializers.DateTimeField(
        allow_null=True, help_text=_("When the code ends (exclusive), if that is before its offer does.")
    )
    balance = CodeBalanceSerializer(allow_null=True, help_text=_("Balance of the code, if it keeps one."))
    created_at = serializers.DateTimeField(help_text=_("When the code was created."))
    revoked_at = serializers.DateTimeField(allow_null=True, help_text=_("When the code was revoked or archived."))


def serialize_code(code: Code, *, offer_name: str, status: CodeStatus, balance: CodeBalance | None) -> dict[str, Any]:
    """Return a code in the form of ``CodeStateSerializer``."""
    return {
        "code": code.text,
        "brand": code.brand.slug,
        "kind": code.kind,
        "offer": {"id": code.offer, "name": offer_name},
        "batch": code.batch_id,
        "customer_id": code.customer.customer_id if code.customer else None,
        "single_use": code.single_use,
        "status": status,
        "expires_at": code.expires_at,
        "balance": None if balance is None else serialize_balance(balance),
        "created_at": code.created_at,
        "revoked_at": code.revoked_at or code.archived_at,
    }
