"""Amounts of an offer, found by the schema of the offer language, and the currencies that they are in."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from pricing.condition_values import OneOf
from pricing.currencies import MoneyAmount, PerCurrency
from pricing.fields import Kind, ListOf, join_path
from pricing.money_fields import Money, MoneyOrCount, MoneyOrPercentage
from pricing.offer import Offer, Tiers
from pricing.records import ByKind, Record
from pricing.schema import OFFER


class FoundAmount(NamedTuple):
    """Amount with its path in the document, and the currency that its part declares."""

    path: str
    amount: MoneyAmount
    declared: str | None

    def list_currencies(self, default: str | None) -> frozenset[str] | None:
        """Return the currencies that the amount has a value for; None for all of them.

        Zero is the same in every currency. `default` is the currency of amounts that name none.
        """
        if isinstance(self.amount, PerCurrency):
            return frozenset(self.amount.currencies)
        currency = self.declared or (default if self.amount else None)
        return None if currency is None else frozenset({currency})


def iter_amounts(offer: Offer) -> Iterator[FoundAmount]:
    """Yield all amounts of an offer, in the order of the schema."""
    return iter_values(OFFER, offer, "", None)


def iter_values(kind: Kind, value: Any, path: str, declared: str | None) -> Iterator[FoundAmount]:
    """Yield the amounts in a value of a kind."""
    if value is None:
        return
    if isinstance(kind, ByKind):
        kind = kind.records[value.kind]
    if isinstance(kind, Record):
        yield from iter_record(kind, value, path, declared)
    elif isinstance(kind, ListOf):
        for index, item in enumerate(value):
            yield from iter_values(kind.item, item, f"{path}.{index}", declared)
    elif isinstance(kind, Money | MoneyOrCount | MoneyOrPercentage) and not isinstance(value, int):
        yield FoundAmount(path, value, declared)


def iter_record(record: Record, value: Any, path: str, declared: str | None) -> Iterator[FoundAmount]:
    """Yield the amounts of a record, without the percentages of tiers."""
    narrowing = getattr(value, "narrowing", None)
    declared = getattr(value if narrowing is None else narrowing, "currency", None) or declared
    has_percentages = isinstance(value, Tiers) and value.unit == "percent"
    for key in record.keys:
        for found in iter_values(key.kind, getattr(value, key.target), join_path(path, key.name), declared):
            if not (has_percentages and found.path.endswith(("value", "base"))):
                yield found
    if record.inline is not None:
        yield from iter_record(record.inline[1], getattr(value, record.inline[0]), path, declared)


def get_default_currency(offer: Offer, brand_currency: str | None) -> str | None:
    """Return the currency of the offer's amounts that name none: the only one of a condition, else the brand's."""
    named = {
        code for part in offer.conditions if isinstance(part, OneOf) and part.kind == "currency" for code in part.any
    }
    return named.pop() if len(named) == 1 else brand_currency


def list_currencies(offer: Offer, default: str | None) -> frozenset[str] | None:
    """Return the currencies that all amounts of an offer have a value for; None for all currencies."""
    common: frozenset[str] | None = None
    for found in iter_amounts(offer):
        currencies = found.list_currencies(default)
        if currencies is not None:
            common = currencies if common is None else common & currencies
    return common
