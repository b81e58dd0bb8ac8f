"""From a JSON document to an offer or a profile, and back."""

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
    """Reads an offer strictly: unknown keys, wrong types and values out of range are all refused.

    `currency_exponent` answers a currency's decimals and raises LookupError or ValueError for one it does not know.
    With `currency`, amounts that name none must fit it, or one of those that a `currency` condition asks for.
    Raises OfferInvalid with every fault found.
    """
    reading = ParseContext(currency_exponent)
    offer: Offer = OFFER.read(value, "", reading)
    if currency is not None and not reading.errors:
        apply_default_currency(offer, currency, reading)
    if reading.errors:
        raise OfferInvalid(reading.errors)
    return offer


def apply_default_currency(offer: Offer, currency: str, reading: ParseContext) -> None:
    """Notes amounts that name no currency and have more decimals than any that the offer may meet."""
    asked = [each for it in offer.conditions if isinstance(it, OneOf) and it.kind == "currency" for each in it.any]
    known = [each for each in asked if reading.unit_of(each, "conditions") is not None]
    widest = max(known or [currency], key=reading.exponent)
    for section, parts in (("conditions", offer.conditions), ("benefits", [it.narrow for it in offer.benefits])):
        for index, part in enumerate(parts):
            if getattr(part, "currency", None) is None:
                reading.fits(widest, f"{section}.{index}")


def dump_offer(offer: Offer) -> dict[str, Any]:
    """The document of an offer; `parse_offer(dump_offer(x)) == x`."""
    return OFFER.dump(offer)


def parse_profile(value: object) -> Profile:
    """Reads a pricing profile; what is absent is as the default says. Raises ProfileInvalid."""
    reading = ParseContext(iso_exponent)
    profile: Profile = PROFILE.read(value, "", reading)
    if reading.errors:
        raise ProfileInvalid(reading.errors)
    return profile


def dump_profile(profile: Profile) -> dict[str, object]:
    """The document of a profile, every option spelt out."""
    return PROFILE.dump(profile)
