"""Kinds of amounts and percentages in an offer document."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from core.messages import message as _
from pricing.currencies import MoneyAmount, PerCurrency
from pricing.fields import Integer, ParseContext, decimal_places

MONEY = re.compile(r"[0-9]{1,12}(\.[0-9]{1,4})?")
TIER_COUNT = Integer(0, 1_000_000_000)
PERCENT = re.compile(r"[0-9]{1,3}(\.[0-9]+)?")


@dataclass(frozen=True, slots=True)
class Money:
    """Amount as a decimal string with at most twelve digits before the point, or one for each currency."""

    positive: bool = False

    def read(self, value: object, path: str, context: ParseContext) -> Any:
        if isinstance(value, Mapping):
            return self.read_currencies(value, path, context)
        amount = self.read_decimal(value, path, context)
        if amount is not None:
            context.amounts.append((path, amount))
        return amount

    def read_currencies(self, value: Mapping[Any, object], path: str, context: ParseContext) -> Any:
        """Parse an amount per currency, such as {"EUR": "10.00", "GBP": "9.00"}."""
        if not value:
            return context.add_error(path, "min_length", _("Provide at least one currency."))
        context.currency_paths.append(path)
        amounts: list[tuple[str, Decimal]] = []
        for currency, text in value.items():
            currency_path = f"{path}.{currency}"
            if not isinstance(currency, str) or not re.fullmatch("[A-Z]{3}", currency):
                context.add_error(
                    currency_path, "unknown_currency", _("Unknown currency: %(currency)s.", currency=currency)
                )
                continue
            amount = self.read_decimal(text, currency_path, context)
            if amount is not None:
                context.check_amount(amount, currency, currency_path)
                amounts.append((currency, amount))
        return PerCurrency(tuple(sorted(amounts)))

    def read_decimal(self, value: object, path: str, context: ParseContext) -> Decimal | None:
        """Parse a decimal string."""
        if not isinstance(value, str):
            context.add_error(path, "invalid", _('Enter a decimal string, for example "12.50".'))
        elif not MONEY.fullmatch(value):
            context.add_error(path, "invalid", _('Enter an amount of 0 or more, for example "12.50".'))
        elif self.positive and not Decimal(value):
            context.add_error(path, "min_value", _("Must be greater than 0."))
        else:
            return Decimal(value)
        return None

    def dump(self, value: MoneyAmount) -> object:
        if isinstance(value, PerCurrency):
            return {currency: format(amount, "f") for currency, amount in value.values}
        return format(value, "f")


@dataclass(frozen=True, slots=True)
class Percentage:
    """Percentage with at most two decimals, as text or number: above 0 (or from 0, with `zero`) up to 100."""

    zero: bool = False

    def read(self, value: object, path: str, context: ParseContext) -> Any:
        if isinstance(value, bool) or not isinstance(value, str | int | float | Decimal):
            return context.add_error(path, "invalid", _('Enter a percentage, for example "12.5".'))
        text = value if isinstance(value, str) else str(value)
        if not PERCENT.fullmatch(text):
            code = "min_value" if text.startswith("-") else "invalid"
            return context.add_error(path, code, _("Enter a percentage greater than 0 and at most 100."))
        percent = Decimal(text)
        if percent > 100:
            return context.add_error(path, "max_value", _("Must be at most 100."))
        if not percent and not self.zero:
            return context.add_error(path, "min_value", _("Must be greater than 0."))
        if decimal_places(percent.normalize()) > 2:
            return context.add_error(path, "max_decimal_places", _("Use at most two decimals."))
        return percent

    def dump(self, value: Decimal) -> object:
        return format(value, "f")


class MoneyOrCount:
    """Start of a tier: an amount as a decimal string, or a number of units."""

    def read(self, value: object, path: str, context: ParseContext) -> Any:
        if isinstance(value, int):
            return TIER_COUNT.read(value, path, context)
        return Money().read(value, path, context)

    def dump(self, value: MoneyAmount | int) -> object:
        return value if isinstance(value, int) else Money().dump(value)


class MoneyOrPercentage:
    """Value of a tier: an amount as a decimal string, or a percentage. The `unit` of the tiers tells which."""

    def read(self, value: object, path: str, context: ParseContext) -> Any:
        if isinstance(value, str | Mapping):
            return Money().read(value, path, context)
        context.number_paths.add(path)
        return Percentage(zero=True).read(value, path, context)

    def dump(self, value: MoneyAmount) -> object:
        return Money().dump(value)
