"""Reads of the usage of promotions' limits."""

import uuid
from collections.abc import Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from core import db
from core.errors import DomainError
from promotions.contracts import list_budgets, list_caps
from promotions.models import Promotion
from redemptions.limits.rules import base_scope, budget_scope, limit_error, period_starts
from redemptions.limits.selectors import get_taken

RemainingByLimit = dict[tuple[uuid.UUID, str], int]


def get_usage_by_limit(*, promotion: Promotion, at: datetime) -> dict[str, int]:
    """Return the units used of the promotion's budget and of its limits in the current periods, by scope.

    A limit without usage is absent, and so is the limit per customer.
    """
    slots = _slots(at, promotion.brand.timezone) | {budget_scope(currency): "" for currency in promotion.budgets}
    taken = get_taken(owners=[promotion.pk], slots=slots)
    return {scope: used for (_, scope, _), used in taken.items()}


def get_budgets_left(*, promotions: Sequence[Promotion]) -> dict[uuid.UUID, dict[str, int]]:
    """Return what is left of the budgets of promotions, in minor units by currency. Runs one query, or none.

    Below what was used, nothing is left.
    """
    owners = [promotion.pk for promotion in promotions if promotion.budgets]
    currencies = {currency for promotion in promotions for currency in promotion.budgets}
    taken = get_taken(owners=owners, slots={budget_scope(currency): "" for currency in currencies})
    return {
        promotion.pk: {
            currency: max(0, budget - taken.get((promotion.pk, budget_scope(currency), ""), 0))
            for currency, budget in promotion.budgets.items()
        }
        for promotion in promotions
    }


def _slots(at: datetime, timezone: str) -> dict[str, str]:
    days = period_starts(at.astimezone(ZoneInfo(timezone)))
    return {"total": ""} | {scope: day.isoformat() for scope, day in days.items()}


def get_remaining(*, rows: Sequence[db.Row], at: datetime, customer: int | None) -> RemainingByLimit:
    """Return what is left of the limits of promotions' rows, by promotion and scope.

    What expired reservations took is left. A limit without usage is absent. Runs one query for each time zone, two if a
    limit may be reached, or none if no promotion has a limit.
    """
    remaining: RemainingByLimit = {}
    limited = {row["id"]: caps for row in rows if (caps := list_caps(row))}
    zones = {row["id"]: row["timezone"] for row in rows if row["id"] in limited}
    for timezone in set(zones.values()):
        owners = [owner for owner, zone in zones.items() if zone == timezone]
        slots = _slots(at, timezone) | {"customer": str(customer)}
        slots |= {scope: "" for owner in owners for scope in limited[owner] if base_scope(scope) == "budget"}
        for (owner, scope, _), taken in get_taken(owners=owners, slots=slots).items():
            if scope in limited[owner]:
                remaining[owner, scope] = limited[owner][scope] - taken
        if any(left <= 0 or base_scope(scope) == "budget" for (_, scope), left in remaining.items()):
            params = {"promotions": owners, "at": at}
            for row in db.fetch_all("promotions/sql/sum_expired.sql", params):
                key = (row["promotion_id"], row["scope"])
                if key in remaining and slots.get(row["scope"]) == row["slot"]:
                    remaining[key] += row["amount"]
    return remaining


def budgets_left(row: db.Row, remaining: RemainingByLimit) -> dict[str, int]:
    """Return what is left of the budgets of a promotion's row, by currency."""
    return {
        currency: remaining.get((row["id"], budget_scope(currency)), budget)
        for currency, budget in list_budgets(row).items()
    }


def reached_limit_error(row: db.Row, remaining: RemainingByLimit, *, currency: str | None = None) -> DomainError | None:
    """Return the error of a limit of a promotion's row that has nothing left, or None.

    Of the budgets, the one in ``currency`` counts; without a currency, all of them must be used up.
    """
    left = budgets_left(row, remaining)
    relevant = left if currency is None else {code: amount for code, amount in left.items() if code == currency}
    if relevant and all(amount <= 0 for amount in relevant.values()):
        return limit_error("budget")
    reached = (scope for scope in list_caps(row) if base_scope(scope) != "budget")
    return next((limit_error(scope) for scope in reached if remaining.get((row["id"], scope), 1) <= 0), None)
