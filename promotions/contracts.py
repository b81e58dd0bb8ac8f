"""What the row of a promotion says about its budgets and limits, as plain values."""

from collections.abc import Mapping
from typing import Any

from redemptions.limits.rules import FIELD_BY_SCOPE, budget_scope


def list_budgets(promotion: Mapping[str, Any]) -> dict[str, int]:
    """Return the budgets of a promotion's row, in minor units by currency."""
    own: dict[str, int] = {} if promotion["budget"] is None else {promotion["currency"]: promotion["budget"]}
    others: dict[str, int] = promotion["other_budgets"]
    return own | others


def list_caps(promotion: Mapping[str, Any]) -> dict[str, int]:
    """Return the caps of a promotion's row by scope; of several limits that are reached, the first is reported."""
    caps = {budget_scope(currency): budget for currency, budget in list_budgets(promotion).items()}
    limits = {scope: promotion[field] for scope, field in FIELD_BY_SCOPE.items() if scope != "budget"}
    return caps | {scope: cap for scope, cap in limits.items() if cap is not None}
