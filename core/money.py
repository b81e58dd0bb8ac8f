"""Exact money: whole minor units and an ISO 4217 currency, decimal strings at the edge.

Decimals are those of ISO 4217 (EUR 2, JPY 0, KWD 3). CLDR's are not: it counts what people use, such as none for RSD.
"""

import re
from copy import copy
from decimal import Decimal
from functools import cache

from babel.core import Locale, UnknownLocaleError
from babel.numbers import list_currencies

MAX_MINOR = 10**15  # far above any order, far below bigint
_AMOUNT = re.compile(r"-?\d{1,16}(\.\d{1,4})?", re.ASCII)

_ZERO_DECIMAL = "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF"
_THREE_DECIMAL = "BHD IQD JOD KWD LYD OMR TND"
_NOT_PAYABLE = "XAG XAU XBA XBB XBC XBD XDR XPD XPT XSU XTS XUA XXX"  # metals and the like, by ISO 4217
_DECIMALS = dict.fromkeys(_ZERO_DECIMAL.split(), 0) | dict.fromkeys(_THREE_DECIMAL.split(), 3) | {"CLF": 4, "UYW": 4}


@cache
def currencies() -> frozenset[str]:
    """Every ISO 4217 code that Babel knows and that something can be paid in: no metals, no tests."""
    return frozenset(list_currencies()) - frozenset(_NOT_PAYABLE.split())


@cache
def decimals(currency: str) -> int:
    """How many decimals the currency has. Raises ValueError for what is no currency."""
    if currency not in currencies():
        raise ValueError(f"{currency!r} is not an ISO 4217 currency.")
    return _DECIMALS.get(currency, 2)


def parse(text: object, currency: str) -> int:
    """Minor units of a decimal string. Raises ValueError when it is none, or has more decimals than the currency."""
    if not isinstance(text, str) or not _AMOUNT.fullmatch(text):
        raise ValueError('Write an amount as a decimal string such as "12.50".')
    _whole, _, fraction = text.partition(".")
    places = decimals(currency)
    if len(fraction) > places:
        raise ValueError(f"{currency} has {places} decimals; {text} has {len(fraction)}.")
    minor = int(Decimal(text).scaleb(places))
    if abs(minor) > MAX_MINOR:
        raise ValueError("The amount is too large.")
    return minor


def format_decimal(minor: int, currency: str) -> str:
    """The decimal string of minor units, with exactly the currency's decimals."""
    places = decimals(currency)
    return f"{Decimal(minor).scaleb(-places):.{places}f}"


def format_currency(minor: int, currency: str, locale: str = "en") -> str:
    """The amount as a person reads it (``€12.50``)."""
    try:
        pattern = copy(Locale.parse(locale).currency_formats["standard"])
    except (UnknownLocaleError, ValueError):
        return f"{format_decimal(minor, currency)} {currency}"
    places = decimals(currency)
    pattern.frac_prec = (places, places)
    return str(pattern.apply(Decimal(minor).scaleb(-places), locale, currency=currency, currency_digits=False))
