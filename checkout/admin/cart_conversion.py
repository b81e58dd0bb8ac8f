"""Conversion of the cart simulator's valid forms to values. Errors go to the form fields."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from django import forms
from django.utils.translation import gettext as _

from accounts.models import Brand
from checkout.admin.attributes import parse_attributes
from checkout.admin.forms import CartForm, LineForm
from checkout.contracts import MAX_CART_TOTAL, DraftPromotion, QuoteRequest, SimulationOptions
from core import money
from core.message_languages import translate
from pricing import Cart, Facts, Line, Shipping, load_offer
from pricing.condition_values import OneOf
from promotions.models import Promotion
from promotions.selectors.attributes import get_attribute_types_of_brands
from promotions.selectors.pricing_profiles import get_pricing_profile
from redemptions.codes.selectors.codes import get_generic_codes

MAX_METHODS = 20
MAX_METHOD_NAME = 64


def to_cart(form: CartForm, lines: Any, brand: Brand) -> QuoteRequest | None:
    """Convert the cart; None if an amount or the whole cart is invalid."""
    currency, data = form.cleaned_data["currency"], form.cleaned_data
    types = get_attribute_types_of_brands({brand.slug, *(row.cleaned_data.get("brand") or "" for row in lines.forms)})
    rows = [_to_line(row, f"{number}", currency, brand, types) for number, row in enumerate(lines.forms, 1)]
    attributes = {
        name: parse_attributes(form, name, types[brand.slug]) for name in ("attributes", "customer_attributes")
    }
    shipping = _to_shipping(form, currency)
    chosen = data["shipping_method"] or None
    if chosen is not None and chosen not in [method.id for method in shipping]:
        form.add_error("shipping_method", _("The cart has no such method."))
    if any(row.errors for row in lines.forms) or form.errors:
        return None
    cart_lines = tuple(line for line in rows if line)
    if not cart_lines and not shipping:
        form.add_error(None, _("Add at least one item or a shipping price."))
        return None
    subtotal = sum(line.quantity * line.unit_price for line in cart_lines)
    if subtotal + sum(method.price for method in shipping) > MAX_CART_TOTAL:
        form.add_error(None, _("The cart total exceeds the maximum."))
        return None
    cart = Cart(
        currency,
        money.decimals(currency),
        cart_lines,
        shipping,
        transaction_type=data["transaction_type"] or "purchase",
        country=data["country"] or None,
        shipping_method=chosen,
        channel=data["channel"] or None,
        store=data["store"] or None,
        payment_method=data["payment_method"] or None,
        **attributes,
    )
    return QuoteRequest(cart, tuple(split_by_comma(data["codes"])), shop=brand.slug)


def _to_line(
    row: LineForm, line_id: str, currency: str, brand: Brand, types: Mapping[str, Mapping[str, str]]
) -> Line | None:
    data = row.cleaned_data
    if not data.get("sku"):
        return None
    unit_price = _to_minor_units(row, "unit_price", currency) or 0
    min_unit_price = _to_minor_units(row, "min_unit_price", currency) or 0
    return Line(
        id=line_id,
        sku=data["sku"],
        quantity=data.get("quantity") or 1,
        unit_price=unit_price,
        min_unit_price=min(min_unit_price, unit_price),
        categories=frozenset(split_by_comma(data["categories"])),
        brand=data["brand"] or brand.slug,
        discountable=data["discountable"],
        already_discounted=data["already_discounted"],
        attributes=parse_attributes(row, "attributes", types[data["brand"] or brand.slug], ","),
    )


def _to_shipping(form: CartForm, currency: str) -> tuple[Shipping, ...]:
    """Convert the shipping methods: one per line, a price after an optional name."""
    methods: dict[str, Shipping] = {}
    for text in filter(None, map(str.strip, form.cleaned_data.get("shipping", "").splitlines())):
        name, _separator, price_text = text.rpartition(" ")
        name, price = name.strip() or "shipping", _parse(form, "shipping", price_text, currency)
        if name in methods:
            message = _("Two methods are named %(name)s. Enter different names before the prices.")
            form.add_error("shipping", message % {"name": name})
        elif len(name) > MAX_METHOD_NAME or len(methods) == MAX_METHODS:
            message = _("Enter at most %(count)s methods, with names of up to %(length)s characters.")
            form.add_error("shipping", message % {"count": MAX_METHODS, "length": MAX_METHOD_NAME})
        elif price is not None:
            methods[name] = Shipping(name, price)
    return tuple(methods.values())


def _to_minor_units(form: forms.Form, name: str, currency: str) -> int | None:
    text = form.cleaned_data.get(name)
    return _parse(form, name, text, currency) if text else None


def _parse(form: forms.Form, name: str, text: str, currency: str) -> int | None:
    """Return an amount in minor units; None, with an error at its field, if the text is invalid."""
    try:
        amount = money.parse(text.strip(), currency)
    except ValueError as error:
        form.add_error(name, translate(error.args[0]))
        return None
    if amount < 0:
        form.add_error(name, _("Enter an amount of 0 or more."))
    return amount


def split_by_comma(text: str) -> list[str]:
    """Return the non-empty parts of a comma-separated text."""
    return [part.strip() for part in text.split(",") if part.strip()]


def to_simulation(form: CartForm, promotions: Iterable[Promotion], brand: Brand) -> SimulationOptions:
    """Convert the selected promotions and the assumptions about the customer and the pricing."""
    data = form.cleaned_data
    selected = [promotion for promotion in promotions if str(promotion.pk) in data["promotions"]]
    codes = get_generic_codes(offers=[promotion.pk for promotion in selected])
    has_assumptions = data["segments"] or data["placed_orders"] is not None or not data["customer_id"]
    facts = Facts(frozenset(split_by_comma(data["segments"])), data["placed_orders"] or 0) if has_assumptions else None
    drafts = [_to_draft(promotion, codes.get(promotion.pk)) for promotion in reversed(selected)]
    overrides = form.pricing_overrides
    profile = replace(get_pricing_profile({brand.pk}), **overrides) if overrides else None
    return SimulationOptions(drafts, facts, profile, include_live=data["include_live"])


def _to_draft(promotion: Promotion, code: str | None) -> DraftPromotion:
    """Convert a promotion to a draft; its target audience becomes a condition."""
    offer = load_offer(promotion.offer)
    audience = (OneOf("audience", (promotion.target_audience,)),) if promotion.target_audience else ()
    return DraftPromotion(
        id=str(promotion.pk),
        name=promotion.name,
        offer=replace(offer, priority=promotion.priority, conditions=(*offer.conditions, *audience)),
        by_code=promotion.trigger == "code",
        code=code,
        budgets=promotion.budgets,
        ceilings=promotion.max_per_order,
        units=promotion.limit_units,
        per_customer=promotion.max_per_customer,
        currency=promotion.currency,
    )
