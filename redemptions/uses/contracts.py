"""What the row of an offer says about its budgets and limits, as plain values."""

import json
from collections.abc import Mapping
from typing import Any

from pricing import load_offer
from redemptions.contracts import LimitedOffer
from redemptions.limits.rules import (
    AMOUNT_SCOPES,
    DEFAULT_STRATEGY,
    FIELD_BY_SCOPE,
    TOTAL,
    TOTALS,
    budget_scope,
    customer_budget_scope,
)
from redemptions.stored_values import find_stored_value

COUNT_FIELDS = ("limit_per_day", "limit_per_week", "limit_per_month", "limit_units")
LIMIT_FIELDS = ("budget", "other_budgets", "max_per_order", "max_per_customer", *COUNT_FIELDS)
"""The fields of the budgets and limits that offers of every kind have."""


def read_limits(kind: str, row: Mapping[str, Any], *, owner: str = "id", **more: Any) -> LimitedOffer:
    """Return the offer of a row with the columns of limits that its kind has, ``brand_id`` and ``timezone``.

    If its codes can keep balances, ``stored_offer`` is the text of the document of an offer that does, else None.
    """
    budgets, ceilings = list_budgets(row), row["max_per_order"]
    currencies = find_common_currencies(budgets, ceilings, row["max_per_customer"])
    if document := row.get("stored_offer"):
        more["stored_value"] = find_stored_value(load_offer(json.loads(document)), currency=row["currency"])
    ids = row[owner], row["brand_id"]
    return LimitedOffer(kind, *ids, row["timezone"], budgets, list_caps(row), ceilings, currencies, **more)


def find_common_currencies(*amounts: Mapping[str, int]) -> frozenset[str] | None:
    """Return the currencies that all of these amounts by currency have, without empty ones; None if all are empty."""
    named = [frozenset(by_currency) for by_currency in amounts if by_currency]
    return frozenset.intersection(*named) if named else None


def list_budgets(offer: Mapping[str, Any]) -> dict[str, int]:
    """Return the budgets of an offer's row, in minor units by currency."""
    own: dict[str, int] = {} if offer["budget"] is None else {offer["currency"]: offer["budget"]}
    others: dict[str, int] = offer["other_budgets"]
    return own | others


def list_caps(offer: Mapping[str, Any]) -> dict[str, int]:
    """Return the caps of an offer's row by scope; of several limits that are reached, the first is reported."""
    caps = {budget_scope(currency): budget for currency, budget in list_budgets(offer).items()}
    caps |= {customer_budget_scope(currency): budget for currency, budget in offer["max_per_customer"].items()}
    limits = {scope: offer.get(field) for scope, field in FIELD_BY_SCOPE.items() if scope not in AMOUNT_SCOPES}
    total = TOTALS[offer.get("limit_strategy", DEFAULT_STRATEGY)]
    return caps | {total if scope == TOTAL else scope: cap for scope, cap in limits.items() if cap is not None}
