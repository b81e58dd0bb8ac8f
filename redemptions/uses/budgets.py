"""Budgets of offers: one amount in the brand's currency, or one for each currency."""

from collections.abc import Mapping
from typing import Any


def to_budget_fields(budgets: Mapping[str, int], *, currency: str) -> dict[str, Any]:
    """Return the fields of an offer in ``currency`` with these budgets."""
    others = {code: budget for code, budget in sorted(budgets.items()) if code != currency}
    return {"budget": budgets.get(currency), "other_budgets": others}
