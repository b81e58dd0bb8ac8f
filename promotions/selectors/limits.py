"""Reads of the usage of promotions' limits."""

import uuid
from collections.abc import Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from core import db
from core.errors import DomainError
from promotions.models import Promotion
from redemptions.limits.rules import FIELD_BY_SCOPE, base_scope, limit_error, period_starts
from redemptions.limits.selectors import get_taken

RemainingByLimit = dict[tuple[uuid.UUID, str], int]


def get_usage_by_limit(*, promotion: Promotion, at: datetime) -> dict[str, int]:
    """Return the units used of the promotion's budget and of its limits in the current periods, by scope.

    A limit without usage is absent, and so is the limit per customer. The scope of the budget has no currency.
    """
    slots = _slots(at, promotion.brand.timezone) | {f"budget:{promotion.currency}": ""}
    taken = get_taken(owners=[promotion.pk], slots=slots)
    return {base_scope(scope): used for (_, scope, _), used in taken.items()}


def _slots(at: datetime, timezone: str) -> dict[str, str]:
    days = period_starts(at.astimezone(ZoneInfo(timezone)))
    return {"total": ""} | {scope: day.isoformat() for scope, day in days.items()}


def get_remaining(*, rows: Sequence[db.Row], at: datetime, customer: int | None) -> RemainingByLimit:
    """Return what is left of the limits of promotions' rows, by promotion and scope without currency.

    What expired reservations took is left. A limit without usage is absent. Runs one query for each time zone, two if a
    limit may be reached, or none if no promotion has a limit.
    """
    remaining: RemainingByLimit = {}
    limited = {row["id"]: row for row in rows if any(row[field] is not None for field in FIELD_BY_SCOPE.values())}
    for timezone in {row["timezone"] for row in limited.values()}:
        owners = [row["id"] for row in limited.values() if row["timezone"] == timezone]
        slots = _slots(at, timezone) | {"customer": str(customer)}
        slots |= {f"budget:{limited[owner]['currency']}": "" for owner in owners}
        for (owner, scope, _), taken in get_taken(owners=owners, slots=slots).items():
            cap = limited[owner][FIELD_BY_SCOPE[base_scope(scope)]]
            if cap is not None:
                remaining[owner, base_scope(scope)] = cap - taken
        if any(left <= 0 or scope == "budget" for (_, scope), left in remaining.items()):
            params = {"promotions": owners, "at": at}
            for row in db.fetch_all("promotions/sql/sum_expired.sql", params):
                key = (row["promotion_id"], base_scope(row["scope"]))
                if key in remaining and slots.get(row["scope"]) == row["slot"]:
                    remaining[key] += row["amount"]
    return remaining


def reached_limit_error(promotion_id: uuid.UUID, remaining: RemainingByLimit) -> DomainError | None:
    """Return the error of the promotion's limit that has nothing left, or None."""
    reached = {scope for (promotion, scope), left in remaining.items() if promotion == promotion_id and left <= 0}
    return next((limit_error(scope) for scope in FIELD_BY_SCOPE if scope in reached), None)
