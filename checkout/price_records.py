"""What redemptions store: carts, price records and quotes, and how those of the previous release are read.

A price record is the input of the pricing engine, stored with each redemption to explain its price later. Stored quotes
and records carry a version. Version 1 names offers by ``title`` and uses the error codes of the previous release;
version 2, which is written now, uses ``name`` and the present codes. Both versions are read.
"""

import uuid
from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any

from checkout.contracts import PriceRecord, Quote, Repricing
from pricing import (
    Cart,
    Facts,
    Line,
    Profile,
    Shipping,
    ShopperFacts,
    dump_offer,
    dump_profile,
    load_offer,
    parse_profile,
)
from redemptions.contracts import Candidate, Rejection
from redemptions.stored_values import CodeBalance

Json = dict[str, Any]

RECORD_VERSION = 2
OPTIONAL_MEMBERS = ("shipping_method", "channel", "store", "payment_method", "attributes", "customer_attributes")
RENAMED_CODES = {
    "cart_needed": "cart_required",
    "code_unknown": "code_not_found",
    "coupon_exhausted": "usage_limit_reached",
    "coupon_limit_per_user": "usage_limit_per_customer",
    "outside_hours": "outside_schedule",
    "usage_limit_per_user": "usage_limit_per_customer",
}


def dump_cart(cart: Cart) -> Json:
    """Return a cart as JSON, with amounts in minor units and without defaults."""
    return {
        "currency": cart.currency,
        "exponent": cart.exponent,
        "transaction_type": cart.transaction_type,
        "country": cart.country,
        **{name: value for name in OPTIONAL_MEMBERS if (value := getattr(cart, name)) not in (None, {})},
        "lines": [_without_defaults(line, Line("", "", 1, 0)) for line in cart.lines],
        "shipping": [asdict(method) for method in cart.shipping],
    }


def load_cart(cart: Mapping[str, Any]) -> Cart:
    """Read the JSON of ``dump_cart``."""
    lines = tuple(Line(**line | {"categories": frozenset(line.get("categories", ()))}) for line in cart["lines"])
    shipping = tuple(Shipping(**method) for method in cart["shipping"])
    optional = {name: cart[name] for name in OPTIONAL_MEMBERS if name in cart}
    return Cart(
        cart["currency"], cart["exponent"], lines, shipping, cart["transaction_type"], cart["country"], **optional
    )


def _without_defaults(line: Line, default: Line) -> Json:
    values = {name: value for name, value in asdict(line).items() if value != getattr(default, name)}
    values |= {"id": line.id, "sku": line.sku, "quantity": line.quantity, "unit_price": line.unit_price}
    return values | ({"categories": sorted(line.categories)} if line.categories else {})


def dump_record(quote: Quote) -> Json:
    """Return the price record of a quote: the engine's input besides the cart."""
    return {
        "version": RECORD_VERSION,
        "at": quote.at.isoformat(),
        "method": quote.decision.method,
        "rounds_lines": True,  # refunds round the discounts of a line together
        "offers": [_dump_candidate(candidate) for candidate in quote.candidates.values()],
        "facts": {
            brand: {"segments": sorted(facts.segments)}
            | {"placed_orders": facts.placed_orders, "reserved_orders": facts.reserved_orders}
            | ({"attributes": dict(facts.attributes)} if facts.attributes else {})
            for brand, facts in quote.facts.by_brand.items()
        },
        "profile": dump_profile(quote.profile),
        "rejected": [{"code": rejection.code, "reason": rejection.reason} for rejection in quote.rejections],
    }


def load_record(cart: Mapping[str, Any], record: Mapping[str, Any]) -> PriceRecord:
    """Read a stored cart and its price record.

    Raises KeyError, TypeError or ValueError for a record that is incomplete, damaged or of an unknown version.
    """
    record = _upgrade_record(record)
    candidates = [_load_candidate(offer, cart["currency"]) for offer in record["offers"]]
    facts = {
        brand: Facts(
            frozenset(known["segments"]),
            known["placed_orders"],
            known.get("reserved_orders", 0),
            known.get("attributes", {}),
        )
        for brand, known in record["facts"].items()
    }
    return PriceRecord(
        cart=load_cart(cart),
        candidates={candidate.ref: candidate for candidate in candidates},
        facts=ShopperFacts(facts),
        profile=load_profile(record),
        rejections=[Rejection(rejection["code"], rejection["reason"]) for rejection in record["rejected"]],
        at=datetime.fromisoformat(record["at"]) if "at" in record else None,
    )


def load_profile(record: Mapping[str, Any]) -> Profile:
    """Return the pricing profile of a price record."""
    return parse_profile(record.get("profile", {}))


def _dump_candidate(candidate: Candidate) -> Json:
    return {
        "kind": candidate.kind,
        "id": candidate.id,
        "key": candidate.key,
        "code": candidate.code,
        "name": candidate.title,
        "brand_id": str(candidate.brand_id),
        "brand": candidate.brand,
        "timezone": candidate.timezone,
        "offer": dump_offer(candidate.offer),
        "order": candidate.order,
        "budgets_left": dict(candidate.budgets_left),
        "ceilings": dict(candidate.ceilings),
        "currencies": None if candidate.currencies is None else sorted(candidate.currencies),
        "currency": candidate.currency,
        "units_left": candidate.units_left,
    } | {
        name: value
        for name, value in (
            ("balance", asdict(candidate.balance) if candidate.balance else None),
            ("limited_by", dict(candidate.limited_by)),
        )
        if value
    }


def _load_budgets(offer: Mapping[str, Any], currency: str) -> dict[str, int]:
    """Return what was left of the budgets. Earlier records have a single number, in the currency of the cart."""
    left = offer.get("budget_left")
    return dict(offer.get("budgets_left") or ({} if left is None else {currency: left}))


def _load_candidate(offer: Mapping[str, Any], currency: str) -> Candidate:
    return Candidate(
        kind=offer["kind"],
        id=offer["id"],
        key=offer["key"],
        code=offer["code"],
        title=offer["name"],
        brand_id=uuid.UUID(offer["brand_id"]),
        brand=offer["brand"],
        timezone=offer["timezone"],
        offer=load_offer(offer["offer"]),
        order=offer["order"],
        budgets_left=_load_budgets(offer, currency),
        ceilings=offer.get("ceilings", {}),
        currencies=None if offer.get("currencies") is None else frozenset(offer["currencies"]),
        currency=offer.get("currency"),
        balance=CodeBalance(**offer["balance"]) if "balance" in offer else None,
        units_left=offer.get("units_left"),
        limited_by=offer.get("limited_by", {}),
    )


# --- repriced rests of refunded orders --------------------------------------------------------------------------------
def dump_repricing(parts: Mapping[str, Repricing | None]) -> Json:
    """Return the repricing of lines, by ID, and of the shipping as JSON."""
    return {name: asdict(part) for name, part in parts.items() if part is not None}


def load_repricing(stored: Mapping[str, Any]) -> dict[str, Repricing]:
    """Read the JSON of ``dump_repricing``."""
    return {
        name: Repricing(
            part["value"],
            tuple(part["returned"]),
            tuple(part["left"]),
            None if part.get("units") is None else tuple(part["units"]),
        )
        for name, part in stored.items()
    }


# --- version 1 -------------------------------------------------------------------------------------------------------
def load_quote(quote: Mapping[str, Any], record: Mapping[str, Any]) -> Json:
    """Return the stored answer of a redemption in its present form. The price record holds the version of both."""
    if record.get("version", 1) != 1:
        return dict(quote)
    offers = {
        name: [_rename_title(offer) for offer in quote[name]] for name in ("applied", "next_best") if name in quote
    }
    return {**quote, **offers, **_rename_codes(quote)}


def _upgrade_record(record: Mapping[str, Any]) -> Mapping[str, Any]:
    version = record.get("version", 1)
    if version == RECORD_VERSION:
        return record
    if version != 1:
        raise ValueError(f"unknown version of a price record: {version}")
    return {**record, "offers": [_rename_title(offer) for offer in record["offers"]], **_rename_codes(record)}


def _rename_title(offer: Mapping[str, Any]) -> Json:
    return {"name" if member == "title" else member: value for member, value in offer.items()}


def _rename_codes(document: Mapping[str, Any]) -> Json:
    if "rejected" not in document:
        return {}
    reasons = [(rejection["code"], rejection["reason"]) for rejection in document["rejected"]]
    return {
        "rejected": [
            {"code": code, "reason": {**reason, "code": RENAMED_CODES.get(reason["code"], reason["code"])}}
            for code, reason in reasons
        ]
    }
