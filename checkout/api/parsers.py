"""Conversion of validated requests to values, and of redemptions to answers."""

import hashlib
import json
import uuid
from collections.abc import Mapping
from typing import Any

from django.conf import settings
from django.utils.translation import gettext as _
from rest_framework.exceptions import ErrorDetail, ValidationError
from rest_framework.request import Request

from accounts.contracts import get_caller
from checkout import price_records, selectors, serialization
from checkout.api.attributes import check_attributes
from checkout.api.input_serializers import CartInputSerializer
from checkout.api.refunds import serialize_lines, serialize_shipping
from checkout.contracts import (
    MAX_CART_TOTAL,
    MAX_SHOPPER_TTL,
    AmendmentOptions,
    AmendmentTerms,
    OrderPart,
    QuoteRequest,
    RedemptionOptions,
)
from checkout.models import Redemption
from checkout.services import Amendment
from core import money
from core.errors import PayloadTooLarge, PermissionDenied
from core.metadata import serialize_metadata
from core.serializer_fields import parse_minor_units, validate
from pricing import Cart, Line, Shipping
from redemptions.api.identities import to_identities


def read_cart(serializer_class: type[CartInputSerializer], request: Request) -> dict[str, Any]:
    """Validate the cart of a request. Raises PayloadTooLarge for a cart of a shopper above the limit for shoppers."""
    length = int(request.META.get("CONTENT_LENGTH") or 0)
    if length > settings.SHOPPER_CART_LIMIT and not get_caller(request.auth).is_checkout_server:
        kilobytes = settings.SHOPPER_CART_LIMIT // 1024
        raise PayloadTooLarge(_("The cart is too large. Send at most %(max)s kB.") % {"max": kilobytes})
    return validate(serializer_class, request.data)


def to_quote_request(
    cart: Mapping[str, Any], *, brand: str | None, platform_key: uuid.UUID | None = None, is_server: bool = True
) -> QuoteRequest:
    """Convert a validated cart. Lines without a brand get the calling brand's slug.

    Raises ValidationError, and PermissionDenied for what only a server or staff may say about the customer.
    """
    customer = cart.get("customer", {})
    if customer and not is_server:
        raise PermissionDenied
    currency = cart["currency"]
    lines = tuple(_to_line(line, index, currency, brand) for index, line in enumerate(cart["lines"]))
    shipping = tuple(
        Shipping(id=method["id"], price=parse_minor_units(method["price"], currency, "shipping"))
        for method in cart.get("shipping", ())
    )
    subtotal = sum(line.quantity * line.unit_price for line in lines)
    if subtotal + sum(method.price for method in shipping) > MAX_CART_TOTAL:
        raise ValidationError({"lines": [ErrorDetail(_("The cart total exceeds the maximum."), code="invalid")]})
    request = QuoteRequest(
        Cart(
            currency=currency,
            exponent=money.decimals(currency),
            lines=lines,
            shipping=shipping,
            transaction_type=cart["transaction_type"],
            country=cart.get("country"),
            shipping_method=cart.get("shipping_method"),
            channel=cart.get("channel"),
            store=cart.get("store"),
            payment_method=cart.get("payment_method"),
            attributes=cart.get("attributes", {}),
            customer_attributes=customer.get("attributes", {}),
        ),
        codes=tuple(cart.get("codes", ())),
        vouchers=tuple(str(voucher) for voucher in cart.get("vouchers", ())),
        shop=brand,
        order=cart.get("order", ""),
        platform_key=platform_key,
        identities=to_identities(cart, is_server=is_server),
    )
    check_attributes(request)
    return request


def find_other_brands(request: QuoteRequest) -> set[str]:
    """Return the slugs of the brands of a cart's lines besides the brand whose server sends it."""
    return {line.brand for line in request.cart.lines if line.brand} - {request.shop}


def _to_line(line: Mapping[str, Any], index: int, currency: str, brand: str | None) -> Line:
    unit_price = parse_minor_units(line["unit_price"], currency, f"lines.{index}.unit_price")
    min_unit_price = parse_minor_units(line.get("min_unit_price", "0"), currency, f"lines.{index}.min_unit_price")
    return Line(
        id=line["id"],
        sku=line["sku"],
        quantity=line["quantity"],
        unit_price=unit_price,
        min_unit_price=min(min_unit_price, unit_price),
        categories=frozenset(line.get("categories", ())),
        brand=line.get("brand", brand),
        discountable=line["discountable"],
        already_discounted=line["already_discounted"],
        attributes=line.get("attributes", {}),
    )


def to_redemption_options(
    order: Mapping[str, Any],
    body: Mapping[str, Any],
    *,
    brand_id: uuid.UUID | None,
    platform_key: uuid.UUID | None = None,
) -> RedemptionOptions:
    """Convert a validated order; ``body`` is the request as sent, for its fingerprint. Raises ValidationError.

    ``brand_id`` is the brand whose server calls, ``platform_key`` the key of the platform's checkout; None for others.
    """
    if brand_id is None and platform_key is None and order["ttl_seconds"] > MAX_SHOPPER_TTL:
        detail = _("Shoppers can reserve for up to %(max)s seconds, servers for longer.") % {"max": MAX_SHOPPER_TTL}
        raise ValidationError({"ttl_seconds": [ErrorDetail(detail, code="max_value")]})
    expected = order.get("expect_total")
    return RedemptionOptions(
        reference=order["order"],
        brand_id=brand_id,
        platform_key=platform_key,
        ttl_seconds=order["ttl_seconds"],
        skip=order["on_reject"] == "skip",
        expect_total=None if expected is None else parse_minor_units(expected, order["currency"], "expect_total"),
        external_id=order.get("external_id", ""),
        metadata=order.get("metadata", {}),
        fingerprint=hashlib.sha256(json.dumps(body, sort_keys=True).encode()).digest(),
    )


def to_amendment_options(body: Mapping[str, Any]) -> AmendmentOptions:
    """Convert a validated amendment. Raises ValidationError."""
    expected = body.get("expect_total")
    return AmendmentOptions(
        terms=AmendmentTerms(body["terms"]),
        codes=tuple(body["codes"]) if "codes" in body else None,
        vouchers=tuple(str(voucher) for voucher in body["vouchers"]) if "vouchers" in body else None,
        skip=body["on_reject"] == "skip",
        expect_total=None if expected is None else parse_minor_units(expected, body["currency"], "expect_total"),
        external_id=body.get("external_id"),
        metadata=body.get("metadata", {}),
    )


def serialize_difference(amendment: Amendment) -> dict[str, Any]:
    """Return what an amendment changed as ``DifferenceSerializer`` describes it."""
    redemption, before = amendment.redemption, amendment.before
    changes = {
        "previous_total": before.total,
        "subtotal": redemption.subtotal - before.subtotal,
        "discount_total": redemption.discount_total - before.discount,
        "total": redemption.total - before.total,
    }
    return {name: money.format_decimal(minor, redemption.currency) for name, minor in changes.items()}


def serialize_redemption(
    redemption: Redemption, part: OrderPart | None = None, *, is_senders: bool = True
) -> dict[str, Any]:
    """Return a redemption, or the part that a brand sees of it, as ``RedemptionSerializer`` describes it.

    Only its sender sees the sender's own data.
    """
    state = selectors.get_order_state(redemption) if redemption.confirmed_at else None
    quote = price_records.load_quote(redemption.quote, redemption.record)
    if part is not None:
        quote = serialization.restrict_quote(quote, part)
        state = None if state is None else state.restrict(part.lines, part.positions)
    return {
        "id": redemption.pk,
        "order": redemption.order,
        "status": redemption.status,
        "customer_id": redemption.customer.customer_id,
        "created_at": redemption.created_at,
        "expires_at": redemption.expires_at,
        "confirmed_at": redemption.confirmed_at,
        "confirmed_by": redemption.confirmed_by or None,
        "amended_at": redemption.amended_at,
        "closed_at": redemption.closed_at,
        "quote": quote,
        "refunded": [] if state is None else serialize_lines(state.lines.values(), redemption.currency),
        "refunded_shipping": None if state is None else serialize_shipping(state.shipping, redemption.currency),
        "updated_at": redemption.updated_at,
        **(serialize_metadata(redemption) if is_senders else {}),
    }
