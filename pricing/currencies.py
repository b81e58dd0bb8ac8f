"""Amounts of offers in the currency of a cart. No amount is ever used in another currency than its own."""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal

from pricing.rounding import TooManyDecimals, to_minor


@dataclass(frozen=True, slots=True)
class PerCurrency:
    """Amount with one value for each of its currencies, in alphabetical order."""

    values: tuple[tuple[str, Decimal], ...]

    @property
    def currencies(self) -> tuple[str, ...]:
        """Currencies that the amount has a value for."""
        return tuple(currency for currency, _ in self.values)

    def get(self, currency: str) -> Decimal | None:
        """Return the value in a currency, if there is one."""
        return next((value for code, value in self.values if code == currency), None)


MoneyAmount = Decimal | PerCurrency
"""Amount of an offer: in the currency of its part or brand, or one for each currency."""


class CurrencyMismatch(ValueError):
    """Raised when an amount has no value in the currency of the cart."""


@dataclass(frozen=True, slots=True)
class CartCurrency:
    """Currency of a cart, and the currency of the amounts of one offer that name none.

    `default` is None where such amounts are in the currency of the cart. `declared` is the `currency` of the part that
    is read.
    """

    code: str
    exponent: int
    default: str | None = None
    declared: str | None = None

    def for_part(self, declared: str | None) -> CartCurrency:
        """Return the currency for a part of the offer that may declare the currency of its amounts."""
        return self if declared is None else replace(self, declared=declared)

    def to_minor(self, amount: MoneyAmount) -> int:
        """Convert an amount to minor units of the cart's currency. Zero is the same in every currency.

        Raises CurrencyMismatch when the amount has no value in this currency, or more decimals than it.
        """
        value: Decimal | None
        if isinstance(amount, PerCurrency):
            value = amount.get(self.code)
        elif self.declared is not None:
            value = amount if self.declared == self.code else None
        else:
            value = amount if not amount or self.default in (None, self.code) else None
        if value is None:
            raise CurrencyMismatch
        try:
            return to_minor(value, self.exponent)
        except TooManyDecimals as error:
            raise CurrencyMismatch from error
