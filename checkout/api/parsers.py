"""From the wire to values and back."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from rest_framework.exceptions import ErrorDetail, ValidationError

from checkout import selectors
from checkout.contracts import QuoteRequest, RedemptionOptions
from checkout.models import Redemption
from core import money
from core.serializer_fields import parse_minor_units
from pricing import Cart, Line, Shipping

MAX_TOTAL = 10**14  # minor units; far above any order, far below what the database holds


def to_request(asked: Mapping[str, Any], *, brand: str | None) -> QuoteRequest:
    """The validated cart in minor units; lines that name no brand belong to the shop that asks.

    Raises ValidationError.
    """
    currency = asked["currency"]
    lines = tuple(_line(line, index, currency, brand) for index, line in enumerate(asked["lines"]))
    shipping = tuple(
        Shipping(id=method["id"], price=parse_minor_units(method["price"], currency, "shipping"))
        for method in asked.get("shipping", ())
    )
    if sum(line.quantity * line.unit_price for line in lines) + sum(method.price for method in shipping) > MAX_TOTAL:
        raise ValidationError({"lines": [ErrorDetail("The cart is worth too much.", code="invalid")]})
    cart = Cart(
        currency=currency,
        exponent=money.decimals(currency),
        lines=lines,
        shipping=shipping,
        transaction_type=asked["transaction_type"],
        country=asked.get("country"),
    )
    vouchers = tuple(str(voucher) for voucher in asked.get("vouchers", ()))
    return QuoteRequest(cart, tuple(asked.get("codes", ())), vouchers, brand)


def _line(line: Mapping[str, Any], index: int, currency: str, brand: str | None) -> Line:
    unit_price = parse_minor_units(line["unit_price"], currency, f"lines.{index}.unit_price")
    floor = parse_minor_units(line.get("min_unit_price", "0"), currency, f"lines.{index}.min_unit_price")
    return Line(
        id=line["id"],
        sku=line["sku"],
        quantity=line["quantity"],
        unit_price=unit_price,
        min_unit_price=min(floor, unit_price),
        categories=frozenset(line.get("categories", ())),
        brand=line.get("brand", brand),
        discountable=line["discountable"],
        already_discounted=line["already_discounted"],
    )


def to_order(asked: Mapping[str, Any], wire: Mapping[str, Any], *, brand_id: Any) -> RedemptionOptions:
    """What the redemption is for."""
    expected = asked.get("expect_total")
    return RedemptionOptions(
        reference=asked["order"],
        brand_id=brand_id,
        ttl_seconds=asked["ttl_seconds"],
        skip=asked["on_reject"] == "skip",
        expect_total=None if expected is None else parse_minor_units(expected, asked["currency"], "expect_total"),
        fingerprint=hashlib.sha256(json.dumps(wire, sort_keys=True).encode()).digest(),
    )


def serialize_redemption(redemption: Redemption) -> dict[str, Any]:
    """A redemption as ``RedemptionAnswer`` describes it."""
    refunded = selectors.refunded_lines(redemption) if redemption.confirmed_at else {}
    return {
        "id": redemption.pk,
        "order": redemption.order,
        "status": redemption.status,
        "customer_id": redemption.customer.customer_id,
        "created_at": redemption.created_at,
        "expires_at": redemption.expires_at,
        "confirmed_at": redemption.confirmed_at,
        "closed_at": redemption.closed_at,
        "quote": redemption.quote,
        "refunded": [
            {"id": line, "discount": money.format_decimal(share, redemption.currency)}
            for line, share in refunded.items()
        ],
    }
