"""Conversion of validated refunds to values, and of refunds to answers."""

from collections.abc import Iterable, Mapping
from typing import Any

from django.utils.translation import gettext as _
from rest_framework.exceptions import ErrorDetail, ValidationError

from checkout.refunds import LineRefund, LineState, RefundPolicy, RefundRequest, ShippingState
from checkout.services import Refund
from core import money
from core.serializer_fields import parse_minor_units


def to_refund_request(body: Mapping[str, Any], currency: str) -> RefundRequest:
    """Convert a validated refund of an order in this currency. Raises ValidationError."""
    lines = None
    if "lines" in body or body.get("shipping"):
        lines = [_to_line_refund(part, position, currency) for position, part in enumerate(body.get("lines", ()))]
    policy = RefundPolicy(body["policy"])
    for part in lines or ():
        if part.amount is not None and policy is RefundPolicy.RECOMPUTE:
            detail = _("Name units instead of an amount: the policy `recompute` prices the units that are kept.")
            raise ValidationError({f"lines.{part.position}.amount": [ErrorDetail(detail, code="invalid")]})
    return RefundRequest(lines, shipping=body.get("shipping"), policy=policy)


def _to_line_refund(part: Mapping[str, Any], position: int, currency: str) -> LineRefund:
    field = f"lines.{position}.amount"
    amount = parse_minor_units(part["amount"], currency, field) if "amount" in part else None
    if amount == 0:
        raise ValidationError({field: [ErrorDetail(_("The amount must be greater than 0."), code="min_value")]})
    return LineRefund(part["id"], part.get("quantity"), amount, position)


def serialize_lines(lines: Iterable[LineState], currency: str) -> list[dict[str, Any]]:
    """Return what refunds returned of lines as ``RefundedLineSerializer`` describes it."""
    return [
        _serialize_part(line, line.returned_quantity, line.returned_value, sum(line.returned_shares), currency)
        for line in lines
        if line.returned_quantity or line.returned_value or sum(line.returned_shares)
    ]


def serialize_shipping(shipping: ShippingState, currency: str) -> str | None:
    """Return the discount of the returned shipping, or None."""
    return money.format_decimal(sum(shipping.shares), currency) if shipping.is_returned and shipping.value else None


def serialize_refund(refund: Refund) -> dict[str, Any]:
    """Return what one refund returned as ``RefundedNowSerializer`` describes it."""
    currency, before, after = refund.redemption.currency, refund.before, refund.after
    lines = [
        _serialize_part(
            line,
            line.returned_quantity - earlier.returned_quantity,
            line.returned_value - earlier.returned_value,
            sum(line.returned_shares) - sum(earlier.returned_shares),
            currency,
        )
        for line, earlier in zip(after.lines.values(), before.lines.values(), strict=True)
        if (line.returned_quantity, line.returned_value, line.returned_shares)
        != (earlier.returned_quantity, earlier.returned_value, earlier.returned_shares)
    ]
    shipping = sum(after.shipping.returned_shares) - sum(before.shipping.returned_shares)
    has_shipping = after.shipping.value and after.shipping.is_returned and not before.shipping.is_returned
    return {
        "amount": money.format_decimal(after.returned_value - before.returned_value, currency),
        "discount": money.format_decimal(sum(after.returned_shares) - sum(before.returned_shares), currency),
        "lines": lines,
        "shipping": money.format_decimal(shipping, currency) if has_shipping or shipping else None,
    }


def _serialize_part(line: LineState, quantity: int, amount: int, discount: int, currency: str) -> dict[str, Any]:
    return {
        "id": line.id,
        "quantity": quantity,
        "amount": money.format_decimal(amount, currency),
        "discount": money.format_decimal(discount, currency),
    }
