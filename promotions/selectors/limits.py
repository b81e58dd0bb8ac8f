"""Reads of the usage of promotions' limits."""

import uuid
from collections.abc import Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from django.db.models import Sum

from core import db
from core.errors import DomainError
from promotions.models import Promotion, PromotionCounter
from redemptions.limits.rules import FIELD_BY_KIND, limit_error, period_starts

RemainingByLimit = dict[tuple[uuid.UUID, str], int]


def get_usage_by_limit(*, promotion: Promotion, at: datetime) -> dict[str, int]:
    """Return the units used of the promotion's budget and of its limits in the current periods, by kind of counter.

    A limit without usage is absent, and so is the limit per customer.
    """
    days = period_starts(at.astimezone(ZoneInfo(promotion.brand.timezone)))
    scopes = {"budget": "", "total": ""} | {kind: day.isoformat() for kind, day in days.items()}
    counters = PromotionCounter.objects.filter(promotion=promotion, kind__in=scopes, scope_key__in=scopes.values())
    rows = counters.order_by().values_list("kind", "scope_key").annotate(used=Sum("taken"))
    return {kind: used for kind, scope_key, used in rows if scopes[kind] == scope_key}


def get_remaining(*, rows: Sequence[db.Row], at: datetime, customer: int | None) -> RemainingByLimit:
    """Return what is left of the limits of promotions' rows, by promotion and kind of counter.

    A limit without usage is absent. Runs one query for each time zone, or none if no promotion has a limit.
    """
    remaining: RemainingByLimit = {}
    limited = [row for row in rows if any(row[limit] is not None for limit in FIELD_BY_KIND.values())]
    for timezone in {row["timezone"] for row in limited}:
        days = period_starts(at.astimezone(ZoneInfo(timezone)))
        scopes = {"budget": "", "total": "", "user": str(customer)} | {
            kind: day.isoformat() for kind, day in days.items()
        }
        params = {
            "promotions": [row["id"] for row in limited if row["timezone"] == timezone],
            "kinds": list(scopes), "slots": list(scopes.values()),
        }  # fmt: skip
        for row in db.fetch_all("promotions/sql/read_counters.sql", params):
            remaining[row["promotion_id"], row["kind"]] = row["remaining"]
    return remaining


def reached_limit_error(promotion_id: uuid.UUID, remaining: RemainingByLimit) -> DomainError | None:
    """Return the error of the promotion's limit that has nothing left, or None."""
    reached = {kind for (promotion, kind), left in remaining.items() if promotion == promotion_id and left <= 0}
    return next((limit_error(kind) for kind in FIELD_BY_KIND if kind in reached), None)
