"""Rules of budgets and usage limits: their fields, errors and calendar periods, and how they are split into shards."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from core.errors import DomainError
from redemptions.errors import (
    BudgetExhausted,
    CodeAlreadyUsed,
    GrantExhausted,
    UsageLimitPerCustomer,
    UsageLimitReached,
)

FIELD_BY_SCOPE = {  # scope without currency: field of the offer; if several limits are reached, the first is reported
    "budget": "budget", "customer_budget": "max_per_customer", "customer": "limit_per_user", "total": "limit_total",
    "day": "limit_per_day", "week": "limit_per_week", "month": "limit_per_month",
    "units": "limit_units",
}  # fmt: skip
CUSTOMER, CUSTOMER_ONCE = "customer", "customer_once"  # uses of each customer; the latter of a code that is used once
BUDGET, CUSTOMER_BUDGET = "budget", "customer_budget"  # amounts of all orders, and of those of each customer
BALANCE = "balance"  # the scope of what redemptions took of the balance of a code, which is the slot
GRANT = "grant"  # the scope of what the offers of a brand give through the server of another one in a month
AMOUNT_SCOPES = (BUDGET, CUSTOMER_BUDGET, BALANCE, GRANT)  # scopes of amounts; the others count uses, and one units
UNITS_SCOPE = "units"
TOTAL = "total"  # uses in all, divided into shards; a strategy that counts them otherwise is named after a colon
EXACT_TOTAL, POOL_TOTAL, APPROXIMATE_TOTAL = "total:exact", "total:pool", "total:approximate"
TOTALS = {"sharded": TOTAL, "exact": EXACT_TOTAL, "pool": POOL_TOTAL, "approximate": APPROXIMATE_TOTAL}  # by strategy
DEFAULT_STRATEGY = "sharded"  # never gives more than the limit, and is one row while that is small
UNDIVIDED = (EXACT_TOTAL, POOL_TOTAL, APPROXIMATE_TOTAL)
TOLERANCE = 100  # uncounted redemptions of an approximate limit stay below 1/TOLERANCE of the limit
MAX_UNCOUNTED = 64  # redemptions per process
LIMIT_NAMES = {  # as the API calls them
    "total": "total", "customer": "per_customer", "day": "per_day", "week": "per_week", "month": "per_month",
    "units": "units",
}  # fmt: skip
FIELD_BY_LIMIT = {name: FIELD_BY_SCOPE[scope] for scope, name in LIMIT_NAMES.items()}
SHARDS = 16
SHARDING_THRESHOLD = 10 * SHARDS  # a smaller limit is one row, since shards of a few units would only move capacity
LATE_SHARD = SHARDS  # the row that counts what was used before the limit was set
EXCESS_SHARD = -1  # the row that counts the usage above a limit that was lowered; it sorts first, so it is locked first

Shards = Mapping[int, tuple[int, int]]
"""The state of a limit: taken and cap by shard."""


def base_scope(scope: str) -> str:
    """Return the scope without its currency: ``budget`` for ``budget:EUR``."""
    return scope.partition(":")[0]


def budget_scope(currency: str) -> str:
    """Return the scope of the budget in a currency."""
    return f"budget:{currency}"


def customer_budget_scope(currency: str) -> str:
    """Return the scope of what each customer gets at most in a currency."""
    return f"customer_budget:{currency}"


def balance_scope(currency: str) -> str:
    """Return the scope of the balances of codes in a currency."""
    return f"{BALANCE}:{currency}"


def grant_scope(currency: str) -> str:
    """Return the scope of what a grant between brands gives in a month in a currency."""
    return f"{GRANT}:{currency}"


def counts_amount(scope: str, currency: str) -> bool:
    """Return whether the scope counts amounts in this currency."""
    base, _, of = scope.partition(":")
    return base in AMOUNT_SCOPES and of == currency


def limit_error(scope: str) -> DomainError:
    """Return the error for a limit of this scope that is reached."""
    base = base_scope(scope)
    if base == BUDGET:
        return BudgetExhausted()
    if base == GRANT:
        return GrantExhausted()
    if base in (CUSTOMER, CUSTOMER_BUDGET):
        return UsageLimitPerCustomer()
    if base in (BALANCE, CUSTOMER_ONCE):
        return CodeAlreadyUsed()
    return UsageLimitReached(limit=LIMIT_NAMES[base])


def period_starts(at: datetime) -> dict[str, date]:
    """Return the first day of the day, the week (from Monday) and the month that contain a local datetime."""
    day = at.date()
    return {"day": day, "week": day - timedelta(days=day.weekday()), "month": day.replace(day=1)}


def month_slot(at: datetime, timezone: str) -> str:
    """Return the slot of the month that contains a datetime in a time zone."""
    return period_starts(at.astimezone(ZoneInfo(timezone)))["month"].isoformat()


# --- shards -----------------------------------------------------------------------------------------------------------
def is_per_customer(scope: str) -> bool:
    """Return whether a scope counts each customer."""
    return scope.startswith("customer")


def is_single_row(scope: str) -> bool:
    """Return whether a limit is never split, and takes its cap from each request.

    So are limits per customer, balances and grants.
    """
    return is_per_customer(scope) or base_scope(scope) in (BALANCE, GRANT)


def split_cap(cap: int) -> list[int]:
    """Split a limit into the caps of its shards, whose sum is the limit. A small limit has one shard."""
    if cap < SHARDING_THRESHOLD:
        return [cap]
    return [cap // SHARDS + (1 if shard < cap % SHARDS else 0) for shard in range(SHARDS)]


def split_limit(scope: str, cap: int) -> list[int]:
    """Return the caps of the shards of a limit that nobody has used yet."""
    return [cap] if is_single_row(scope) or scope in UNDIVIDED else split_cap(cap)


def capacity_left(scope: str, cap: int, rows: Shards) -> dict[int, int]:
    """Return what each shard of a limit has left, given its rows; a missing shard has its whole share."""
    shares = {shard: (0, share) for shard, share in enumerate(split_limit(scope, cap))}
    if is_single_row(scope):
        return {0: cap - rows.get(0, (0, 0))[0]}
    return {shard: high - taken for shard, (taken, high) in (shares | dict(rows)).items() if shard != EXCESS_SHARD}


def choose_shards(requests: Sequence[tuple[int, int]], left: Mapping[int, int]) -> list[int] | None:
    """Return a shard with enough capacity for each request ``(amount, home)``: its home, or else the fullest.

    Returns None if no shard has enough for one of them.
    """
    remaining, chosen = dict(left), []
    for amount, home in requests:
        fullest = max(remaining, key=lambda shard: remaining[shard])
        shard = home if remaining.get(home, 0) >= amount else fullest
        if remaining[shard] < amount:
            return None
        remaining[shard] -= amount
        chosen.append(shard)
    return chosen


def consolidate_shards(rows: Shards, *, amount: int, home: int) -> tuple[int, Shards] | None:
    """Take ``amount`` from a shard, moving the capacity that all shards have left to it if none has enough.

    Returns the shard and the new state, or None if less than ``amount`` is left. The sum of the caps stays the same.
    """
    left = {shard: cap - taken for shard, (taken, cap) in rows.items() if shard != EXCESS_SHARD}
    if not left or sum(left.values()) < amount:
        return None
    if (chosen := choose_shards([(amount, home)], left)) is not None:
        taken, cap = rows[chosen[0]]
        return chosen[0], dict(rows) | {chosen[0]: (taken + amount, cap)}
    target = home if home in left else min(left)
    moved = {shard: (rows[shard][0], rows[shard][0]) for shard in left}
    taken = rows[target][0]
    return target, dict(rows) | moved | {target: (taken + amount, taken + sum(left.values()))}


def release_amount(rows: Shards, *, shard: int, amount: int) -> Shards:
    """Return the state after ``amount`` was released to a shard; what reduces the excess isn't given again."""
    taken, cap = rows[shard]
    _, excess = rows.get(EXCESS_SHARD, (0, 0))
    reduction = min(amount, excess)
    state = dict(rows) | {shard: (taken - amount, cap - reduction)}
    return state | {EXCESS_SHARD: (0, excess - reduction)} if reduction else state


def spread_cap(scope: str, rows: Shards, *, cap: int) -> dict[int, tuple[int, int]]:
    """Return the state of a limit of ``cap`` with the usage of ``rows``: what is left is divided among its shards.

    If more than ``cap`` is used, nothing is left, and the excess is the cap of the row ``EXCESS_SHARD``.
    """
    taken = {shard: taken for shard, (taken, _) in rows.items() if shard != EXCESS_SHARD}
    shards = len(split_limit(scope, cap))
    spare = cap - sum(taken.values())
    state = {shard: (amount, amount) for shard, amount in taken.items()}
    for shard in range(shards):
        amount = taken.get(shard, 0)
        share = max(0, spare) // shards + (shard < max(0, spare) % shards)
        state[shard] = (amount, amount + share)
    has_excess = spare < 0 or EXCESS_SHARD in rows
    return state | ({EXCESS_SHARD: (0, max(0, -spare))} if has_excess else {})


# --- approximate limits -----------------------------------------------------------------------------------------------
def flush_size(*, cap: int, processes: int) -> int:
    """Return after how many redemptions a process adds them to the counter, so that the lag stays within tolerance."""
    return max(1, min(MAX_UNCOUNTED, cap // (TOLERANCE * processes)))


def max_overshoot(*, cap: int, processes: int, threads: int) -> int:
    """Return by how much an approximate limit may be exceeded (``docs/algorithms/limit-strategies.md`` derives it)."""
    return processes * (flush_size(cap=cap, processes=processes) - 1 + threads)


# --- pools ------------------------------------------------------------------------------------------------------------
def is_pool_build_time(*, start: datetime, at: datetime, hours: str) -> bool:
    """Return whether units of a pool may be created now: in quiet hours, or if the offer starts within a day.

    ``hours`` are the quiet hours in UTC, such as ``"1-5"`` or ``"22-4"``; if empty, all hours are.
    """
    if not hours or start - at <= timedelta(days=1):
        return True
    first, last = (int(hour) for hour in hours.split("-"))
    return first <= at.hour < last if first <= last else at.hour >= first or at.hour < last
