"""Exact money: integer minor units and an ISO 4217 currency, with decimal strings at the API.

The decimals are those of ISO 4217 (EUR 2, JPY 0, KWD 3). Those of CLDR follow daily use, for example none for RSD.
"""

import re
from copy import copy
from decimal import Decimal
from functools import cache

from babel.core import Locale, UnknownLocaleError
from babel.numbers import list_currencies

from core.messages import message as _

MAX_MINOR = 10**15  # far above any order, far below bigint
_AMOUNT = re.compile(r"-?\d{1,16}(\.\d{1,4})?", re.ASCII)

_ZERO_DECIMAL = "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF"
_THREE_DECIMAL = "BHD IQD JOD KWD LYD OMR TND"
_NOT_PAYABLE = (
    "XAG XAU XBA XBB XBC XBD XDR XPD XPT XSU XTS XUA XXX"  # precious metals, funds and test codes of ISO 4217
)
_DECIMALS = dict.fromkeys(_ZERO_DECIMAL.split(), 0) | dict.fromkeys(_THREE_DECIMAL.split(), 3) | {"CLF": 4, "UYW": 4}


@cache
def currencies() -> frozenset[str]:
    """Return the ISO 4217 codes of currencies for payment: without precious metals and test codes."""
    return frozenset(list_currencies()) - frozenset(_NOT_PAYABLE.split())


@cache
def decimals(currency: str) -> int:
    """Return the number of decimals of a currency. Raises ValueError for an unknown currency."""
    if currency not in currencies():
        raise ValueError(_("%(currency)s is not an ISO 4217 currency code.", currency=repr(currency)))
    return iso_exponent(currency)


def iso_exponent(currency: str) -> int:
    """Return the number of decimals that ISO 4217 gives a code, 2 for a code that is not listed otherwise."""
    return _DECIMALS.get(currency, 2)


def parse(text: object, currency: str) -> int:
    """Return the minor units of a decimal string.

    Raises ValueError for another format, and for more decimals than the currency has.
    """
    if not isinstance(text, str) or not _AMOUNT.fullmatch(text):
        raise ValueError(_('Enter a decimal string, for example "12.50".'))
    _whole, _point, fraction = text.partition(".")
    places = decimals(currency)
    if len(fraction) > places:
        raise ValueError(_("Use at most %(places)s decimals for %(currency)s.", places=places, currency=currency))
    minor = int(Decimal(text).scaleb(places))
    if abs(minor) > MAX_MINOR:
        raise ValueError(_("The amount is too large."))
    return minor


def format_decimal(minor: int, currency: str) -> str:
    """Return the decimal string of minor units, with exactly the currency's decimals."""
    places = decimals(currency)
    return f"{Decimal(minor).scaleb(-places):.{places}f}"


def format_currency(minor: int, currency: str, locale: str = "en") -> str:
    """Return the amount with its currency in the format of a locale (``€12.50``)."""
    try:
        pattern = copy(Locale.parse(locale).currency_formats["standard"])
    except (UnknownLocaleError, ValueError):
        return f"{format_decimal(minor, currency)} {currency}"
    places = decimals(currency)
    pattern.frac_prec = (places, places)
    return str(pattern.apply(Decimal(minor).scaleb(-places), locale, currency=currency, currency_digits=False))
