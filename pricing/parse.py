"""Conversion of JSON documents to offers and pricing profiles, and back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from core.money import iso_exponent
from pricing.errors import OfferInvalid, ProfileInvalid
from pricing.fields import ParseContext
from pricing.offer import Offer, OneOf
from pricing.profile import Profile
from pricing.schema import OFFER, PROFILE


def parse_offer(
    value: object, *, currency_exponent: Callable[[str], int] = iso_exponent, currency: str | None = None
) -> Offer:
    """Parse an offer strictly: unknown keys, wrong types and values out of range are errors.

    `currency_exponent` returns the decimals of a currency and raises LookupError or ValueError for an unknown one. With
    `currency`, amounts without a currency must fit it, or one of the currencies of a `currency` condition.
    Raises OfferInvalid with all errors.
    """
    context = ParseContext(currency_exponent)
    offer: Offer = OFFER.read(value, "", context)
    if currency is not None and not context.errors:
        apply_default_currency(offer, currency, context)
    if context.errors:
        raise OfferInvalid(context.errors)
    return offer


def apply_default_currency(offer: Offer, currency: str, context: ParseContext) -> None:
    """Record an error for amounts without a currency that have more decimals than any currency of the offer."""
    conditions = [part for part in offer.conditions if isinstance(part, OneOf) and part.kind == "currency"]
    codes = [code for condition in conditions for code in condition.any]
    known = [code for code in codes if context.get_exponent(code, "conditions") is not None]
    widest = max(known or [currency], key=context.exponent)
    for section, parts in (("conditions", offer.conditions), ("benefits", [part.narrowing for part in offer.benefits])):
        for index, part in enumerate(parts):
            if getattr(part, "currency", None) is None:
                context.check_decimals(widest, f"{section}.{index}")


def dump_offer(offer: Offer) -> dict[str, Any]:
    """Convert an offer to a document; `parse_offer(dump_offer(x)) == x`."""
    return OFFER.dump(offer)


def parse_profile(value: object) -> Profile:
    """Parse a pricing profile; missing options get their default. Raises ProfileInvalid."""
    context = ParseContext(iso_exponent)
    profile: Profile = PROFILE.read(value, "", context)
    if context.errors:
        raise ProfileInvalid(context.errors)
    return profile


def dump_profile(profile: Profile) -> dict[str, object]:
    """Convert a pricing profile to a document with all options."""
    return PROFILE.dump(profile)
