"""Conversion of JSON documents to offers and pricing profiles, and back."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from core.messages import message as _
from core.money import iso_exponent
from pricing.amounts import get_default_currency, iter_amounts
from pricing.condition_values import OneOf
from pricing.currencies import PerCurrency
from pricing.errors import OfferInvalid, ProfileInvalid
from pricing.fields import ParseContext
from pricing.offer import Offer
from pricing.options import find_useless_options
from pricing.profile import Profile
from pricing.schema import OFFER, PROFILE


def parse_offer(
    value: object,
    *,
    currency_exponent: Callable[[str], int] = iso_exponent,
    currency: str | None = None,
    needs_common_currency: bool = True,
    attributes: Mapping[str, str] | None = None,
) -> Offer:
    """Parse an offer strictly: unknown keys, wrong types and values out of range are errors.

    `currency_exponent` returns the decimals of a currency and raises LookupError or ValueError for an unknown one. With
    `currency`, the brand's, amounts that name no currency must fit it, or the only currency of a `currency` condition,
    and some currency must have all amounts, unless `needs_common_currency` is unset. With `attributes`, the types of
    the brand's attributes by name, conditions must fit them. Options that have no effect where they stand are errors,
    too. Raises OfferInvalid with all errors.
    """
    context = ParseContext(currency_exponent, attributes=attributes)
    offer: Offer = OFFER.read(value, "", context)
    if not context.errors:
        for path in find_useless_options(offer):
            context.add_error(path, "unknown_field", _("This option has no effect here."))
    if currency is not None and not context.errors:
        default = get_default_currency(offer, currency)
        check_decimals(offer, default, context)
        if needs_common_currency:
            check_common_currency(offer, default, context)
    if context.errors:
        raise OfferInvalid(context.errors)
    return offer


def load_offer(value: object) -> Offer:
    """Parse a stored offer, which may have options without an effect. Raises OfferInvalid with all errors."""
    context = ParseContext(iso_exponent)
    offer: Offer = OFFER.read(value, "", context)
    if context.errors:
        raise OfferInvalid(context.errors)
    return offer


def check_decimals(offer: Offer, default: str | None, context: ParseContext) -> None:
    """Record an error for each plain amount that does not fit `default`, the currency of those that name none.

    Zero is the same in every currency.
    """
    for path, amount, declared in iter_amounts(offer):
        if default is not None and declared is None and amount and not isinstance(amount, PerCurrency):
            context.check_amount(amount, default, path)


def check_common_currency(offer: Offer, default: str | None, context: ParseContext) -> None:
    """Record an error if no currency has all amounts and meets the conditions."""
    common: frozenset[str] | None = None
    for found in iter_amounts(offer):
        currencies = found.list_currencies(default)
        if currencies is not None:
            common = currencies if common is None else common & currencies
            if not common:
                detail = _("No currency has a value for this amount and for the previous ones.")
                context.add_error(found.path, "invalid", detail)
                return
    for index, condition in enumerate(offer.conditions):
        if isinstance(condition, OneOf) and condition.kind == "currency":
            allowed = frozenset(condition.any)
            common = allowed if common is None else common & allowed
            if not common:
                detail = _("No currency has all amounts of the offer and meets this condition.")
                context.add_error(f"conditions.{index}.any", "invalid", detail)
                return


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
