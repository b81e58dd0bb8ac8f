"""Amounts of which codes keep what orders leave."""

from dataclasses import dataclass

from core import money
from pricing import Offer
from pricing.amounts import get_default_currency
from pricing.rounding import to_minor


@dataclass(frozen=True, slots=True)
class StoredValue:
    """The amount of an offer whose codes keep a balance, in minor units: the most that an order takes."""

    currency: str
    amount: int


@dataclass(frozen=True, slots=True)
class CodeBalance:
    """The balance of a code in minor units. What expired reservations took is left."""

    currency: str
    initial: int
    left: int


def find_stored_value(offer: Offer, *, currency: str) -> StoredValue | None:
    """Return the amount of an offer whose codes keep a balance; None for other offers.

    ``currency`` is the currency of amounts that name none, the brand's.
    """
    benefit = offer.stored_value
    if benefit is None:
        return None
    code = benefit.narrowing.currency or get_default_currency(offer, currency) or currency
    return StoredValue(code, to_minor(benefit.value, money.decimals(code)))  # type: ignore[arg-type]  # one currency
