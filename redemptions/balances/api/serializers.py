"""Serializers of balances and their movements."""

from typing import Any

from django.utils.translation import gettext_lazy as _
from rest_framework import serializers

from core import money
from redemptions.balances.contracts import MovementReason
from redemptions.balances.models import BalanceMovement
from redemptions.stored_values import CodeBalance


class CodeBalanceSerializer(serializers.Serializer[Any]):
    """The balance of a code."""

    currency = serializers.CharField(help_text=_("ISO 4217 code of the currency."))
    initial = serializers.CharField(help_text=_("Balance that the code had at first."))
    left = serializers.CharField(help_text=_("What is left. What a live reservation takes isn't left."))


class MovementSerializer(serializers.Serializer[Any]):
    """A movement of a balance."""

    created_at = serializers.DateTimeField(help_text=_("When the balance changed."))
    reason = serializers.ChoiceField([reason.value for reason in MovementReason], help_text=_("What changed it."))
    redemption = serializers.UUIDField(
        allow_null=True, help_text=_("ID of the checkout redemption. `null` for a correction.")
    )
    currency = serializers.CharField(help_text=_("ISO 4217 code of the currency."))
    amount = serializers.CharField(help_text=_("Change of the balance. Negative for what an order takes."))
    balance = serializers.CharField(help_text=_("What was left after it."))


class CustomerMovementSerializer(MovementSerializer):
    """A movement of a balance of one of a customer's codes."""

    code = serializers.CharField(help_text=_("Text of the code."))


def serialize_balance(balance: CodeBalance) -> dict[str, str]:
    """Return a balance in the form of ``CodeBalanceSerializer``."""
    return {
        "currency": balance.currency,
        "initial": money.format_decimal(balance.initial, balance.currency),
        "left": money.format_decimal(balance.left, balance.currency),
    }


def serialize_movement(movement: BalanceMovement) -> dict[str, Any]:
    """Return a movement in the form of ``MovementSerializer``."""
    return {
        "created_at": movement.created_at,
        "reason": movement.reason,
        "redemption": movement.redemption_id,
        "currency": movement.currency,
        "amount": money.format_decimal(movement.amount, movement.currency),
        "balance": money.format_decimal(movement.balance, movement.currency),
    }
