"""Rules of budgets and usage limits: their fields, errors and calendar periods, and how they are split into shards."""

from collections.abc import Iterable
from datetime import date, datetime, timedelta

from core.errors import DomainError
from redemptions.errors import BudgetExhausted, UsageLimitPerCustomer, UsageLimitReached

FIELD_BY_KIND = {  # kind of counter: field of the promotion; if several limits are reached, the first is reported
    "budget": "budget", "user": "limit_per_user", "total": "limit_total",
    "day": "limit_per_day", "week": "limit_per_week", "month": "limit_per_month",
}  # fmt: skip
LIMIT_NAMES = {"total": "total", "day": "per_day", "week": "per_week", "month": "per_month"}  # as the API calls them
SHARDS = 16
SHARDING_THRESHOLD = 10 * SHARDS  # a smaller limit is one row, since shards of a few units would only move capacity


def limit_error(kind: str) -> DomainError:
    """Return the error for a limit of this kind of counter that is reached."""
    if kind == "budget":
        return BudgetExhausted()
    if kind == "user":
        return UsageLimitPerCustomer()
    return UsageLimitReached(limit=LIMIT_NAMES[kind])


def period_starts(at: datetime) -> dict[str, date]:
    """Return the first day of the day, the week (from Monday) and the month that contain a local datetime."""
    day = at.date()
    return {"day": day, "week": day - timedelta(days=day.weekday()), "month": day.replace(day=1)}


def split_cap(cap: int) -> list[int]:
    """Split a limit into the caps of its shards, whose sum is the limit. A small limit has one shard."""
    if cap < SHARDING_THRESHOLD:
        return [cap]
    return [cap // SHARDS + (1 if shard < cap % SHARDS else 0) for shard in range(SHARDS)]


def consolidate_shards(
    rows: Iterable[tuple[int, int, int]], *, amount: int, home: int
) -> dict[int, tuple[int, int]] | None:
    """Move the capacity that all shards have left to the shard ``home`` and take ``amount`` there.

    ``rows`` are ``(shard, taken, cap)``. Returns ``{shard: (taken, cap)}``, or None if less than ``amount`` is left.
    The sum of the caps stays the same.
    """
    shards = {shard: (taken, cap) for shard, taken, cap in rows}
    left = sum(cap - taken for taken, cap in shards.values())
    if left < amount or not shards:
        return None
    target = home if home in shards else min(shards)
    moved = {shard: (taken, taken) for shard, (taken, _) in shards.items()}
    taken = shards[target][0]
    return moved | {target: (taken + amount, taken + left)}
