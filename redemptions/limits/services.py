"""Limits of every kind of offer, taken and released exactly, many in one statement.

Every transaction locks the rows of limits in one order: owner, scope, slot, shard. A large limit is split into shards,
so that the checkouts of a popular offer don't wait for one another. If the shard that is tried first has too little
left, another one is chosen, and if none has enough, all are locked and their capacity is moved to one. So the last unit
is available to every caller, and the limit is never exceeded.

A caller of ``take`` and ``release`` holds a shared lock of the offers' rows (``FOR KEY SHARE``), and a caller of
``open_limit``, ``close_limit`` and ``resize`` holds them exclusively. So a limit doesn't change while it is taken or
released.
"""

import uuid
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from django.db import transaction

from core import db
from redemptions.limits import rules
from redemptions.limits.contracts import Budget, Key, LimitReached, LimitRequest, TakenLimit
from redemptions.limits.models import Limit

RowKey = tuple[uuid.UUID, str, str, int]
States = dict[Key, dict[int, tuple[int, int]]]
"""Taken and cap by shard, of each limit."""

THRESHOLDS = [50, 80, 100]  # percent of a budget
MAX_ATTEMPTS = (
    3  # to take without locking whole limits, since other shards may fill up between a read and the next take
)


def report_thresholds(*, kind: str, budgets: Sequence[Budget], at: datetime) -> int:
    """Append an event of each threshold that budgets of offers have reached since the last call. Return their number.

    What reservations took counts as used. Each threshold has one event, however many tasks run at the same time.
    """
    params = {
        "owners": [budget.owner for budget in budgets],
        "brands": [budget.brand_id for budget in budgets],
        "currencies": [budget.currency for budget in budgets],
        "caps": [budget.cap for budget in budgets],
        "percents": THRESHOLDS,
        "kind": kind,
        "at": at,
    }
    return db.execute("redemptions/limits/sql/report_thresholds.sql", params) if budgets else 0


def take(*, requests: Sequence[LimitRequest], released: Sequence[TakenLimit] = ()) -> list[TakenLimit]:
    """Take all requested amounts, in one statement, or none. Returns what was taken, in the order of the requests.

    ``released`` is what expired reservations took, which the caller has locked and deletes: it is released before the
    amounts are taken, with all rows locked in the one order. Raises LimitReached with the first request that has too
    little left; then nothing is released, and nothing stays locked.
    """
    if released:
        return _taken(requests, _exchange(requests, released))
    if not requests:
        return []
    plan = [_find_home(request) for request in requests]
    for _ in range(MAX_ATTEMPTS):
        if _try_take(requests, plan):
            return _taken(requests, plan)
        redirected = _choose_shards(requests, _read_states(request.key for request in requests))
        if redirected is None:
            break
        plan = redirected
    return _taken(requests, _consolidate(requests))


def _taken(requests: Sequence[LimitRequest], plan: Sequence[int]) -> list[TakenLimit]:
    return [
        TakenLimit(request.owner, request.scope, request.slot, shard, request.amount, request.offer)
        for request, shard in zip(requests, plan, strict=True)
    ]


def _try_take(requests: Sequence[LimitRequest], plan: Sequence[int]) -> bool:
    """Take the amounts from the planned shards, or none if one of them has too little left."""
    amounts: Counter[RowKey] = Counter()
    caps: dict[RowKey, int] = {}
    for request, shard in zip(requests, plan, strict=True):
        shares = rules.split_limit(request.scope, request.cap)
        amounts[*request.key, shard] += request.amount
        caps[*request.key, shard] = shares[shard] if shard < len(shares) else 0
    savepoint = transaction.savepoint()
    params = _columns(caps) | {"amounts": [amounts[row] for row in caps], "caps": list(caps.values())}
    is_taken = len(db.fetch_all("redemptions/limits/sql/take_limits.sql", params)) == len(caps)
    if not is_taken:
        transaction.savepoint_rollback(savepoint)  # unlocks the rows, also those that had enough
    transaction.savepoint_commit(savepoint)
    return is_taken


def _read_states(keys: Iterable[Key]) -> States:
    """Return the rows of the limits, without locking them: rejections are cheap."""
    owners, scopes, slots = zip(*dict.fromkeys(keys), strict=True)
    params = {"owners": list(owners), "scopes": list(scopes), "slots": list(slots)}
    return _states(db.fetch_all("redemptions/limits/sql/read_limits.sql", params))


def _choose_shards(requests: Sequence[LimitRequest], states: States) -> list[int] | None:
    """Return a shard with enough capacity for each request, or None if capacity has to be moved for one of them.

    Raises LimitReached if a limit as a whole has too little left.
    """
    by_key: dict[Key, list[int]] = {}
    for position, request in enumerate(requests):
        by_key.setdefault(request.key, []).append(position)
    plan: list[int] | None = [0] * len(requests)
    reached: list[int] = []
    for key, positions in by_key.items():
        first = requests[positions[0]]
        left = rules.capacity_left(first.scope, first.cap, states.get(key, {}))
        total, wanted = sum(left.values()), 0
        for position in positions:
            wanted += requests[position].amount
            if wanted > total:
                reached.append(position)
                break
        shares = len(rules.split_limit(first.scope, first.cap))
        chosen = rules.choose_shards([(requests[at].amount, requests[at].home % shares) for at in positions], left)
        if chosen is None:
            plan = None
        elif plan is not None:
            for position, shard in zip(positions, chosen, strict=True):
                plan[position] = shard
    if reached:
        raise LimitReached(requests[min(reached)])
    return plan


def _exchange(requests: Sequence[LimitRequest], released: Sequence[TakenLimit]) -> list[int]:
    """Release and take within the shards concerned, or within all of them if these have too little. Return the shards.

    A customer takes from the shard that the customer released, so orders of a popular offer don't wait for one another.
    """
    keys = [request.key for request in requests] + [(one.owner, one.scope, one.slot) for one in released]
    states = _read_states(keys)
    every = _list_rows(requests, states)
    concerned = {(*request.key, _find_home(request)) for request in requests}
    concerned |= {(one.owner, one.scope, one.slot, one.shard) for one in released}
    near = {row: cap for row, cap in every.items() if row in concerned or row[3] == rules.EXCESS_SHARD}
    if len(near) < len(every):
        try:
            return _take_locked(requests, released, near)
        except LimitReached:  # of these shards
            pass
    return _take_locked(requests, released, every)


def _consolidate(requests: Sequence[LimitRequest]) -> list[int]:
    """Take from the limits as a whole, moving capacity between their shards where it is needed. Return the shards."""
    return _take_locked(requests, (), _list_rows(requests, _read_states(request.key for request in requests)))


def _list_rows(requests: Sequence[LimitRequest], states: States) -> dict[RowKey, int]:
    """Return all rows of the limits that were read or are requested, with the caps of those that may be missing."""
    caps: dict[RowKey, int] = {}
    for key, state in states.items():
        caps |= dict.fromkeys(((*key, shard) for shard in state), 0)
    for request in requests:
        shares = rules.split_limit(request.scope, request.cap)
        caps |= {(*request.key, shard): share for shard, share in enumerate(shares)}
    return caps


def _find_home(request: LimitRequest) -> int:
    """Return the shard that is tried first."""
    return request.home % len(rules.split_limit(request.scope, request.cap))


def _take_locked(
    requests: Sequence[LimitRequest], released: Sequence[TakenLimit], caps: Mapping[RowKey, int]
) -> list[int]:
    """Lock these rows, release, and take from them, moving capacity where it is needed. Return the shards.

    Raises LimitReached; then nothing is released, and nothing stays locked.
    """
    savepoint = transaction.savepoint()
    before = _lock(caps)
    after: States = {key: dict(state) for key, state in before.items()}
    for one in released:
        key = (one.owner, one.scope, one.slot)
        if one.shard in after.get(key, {}):  # a limit that was removed has no rows
            after[key] = dict(rules.release_amount(after[key], shard=one.shard, amount=one.amount))
    for key, request in {request.key: request for request in requests}.items():
        if rules.is_single_row(request.scope):
            after[key] = {shard: (taken, request.cap) for shard, (taken, _) in after[key].items()}
    plan: list[int] = []
    for request in requests:
        result = rules.consolidate_shards(after[request.key], amount=request.amount, home=_find_home(request))
        if result is None:
            transaction.savepoint_rollback(savepoint)
            transaction.savepoint_commit(savepoint)
            raise LimitReached(request)
        shard, new_state = result
        plan.append(shard)
        after[request.key] = dict(new_state)
    _set(before, after)
    transaction.savepoint_commit(savepoint)
    return plan


def release(*, taken: Sequence[TakenLimit]) -> None:
    """Release taken amounts, each to its shard, in one statement."""
    if not taken:
        return
    amounts: Counter[RowKey] = Counter()
    for one in taken:
        amounts[one.owner, one.scope, one.slot, one.shard] += one.amount
        amounts[one.owner, one.scope, one.slot, rules.EXCESS_SHARD] += 0
    db.execute("redemptions/limits/sql/release_limits.sql", _columns(amounts) | {"amounts": list(amounts.values())})


def move(*, taken: Sequence[TakenLimit], slot: str) -> None:
    """Move taken amounts to another slot of limits that are one row per slot, also above the cap of its row.

    Then nothing more is given until enough was released. Limits that were removed have no rows to change.
    """
    amounts: Counter[Key] = Counter()
    for one in taken:
        amounts[one.owner, one.scope, one.slot] += one.amount
    stored = _read_states(amounts) if amounts else {}
    keys = {key: (key[0], key[1], slot) for key in amounts if key in stored}
    before = _lock(dict.fromkeys(((*key, 0) for pair in keys.items() for key in pair), 0))
    after: States = {key: dict(state) for key, state in before.items()}
    for key, target in keys.items():
        (left, cap), (had, limit) = after[key][0], after[target][0]
        amount = min(amounts[key], left)
        after[key] = {0: (left - amount, cap)}
        after[target] = {0: (had + amount, max(cap, limit, had + amount))}
    _set(before, after)


def open_limit(*, owner: uuid.UUID, scope: str, cap: int, counted: Mapping[tuple[str, int], int]) -> None:
    """Set a limit that the owner didn't have. ``counted`` is what was used before, by slot and shard."""
    close_limit(owner=owner, scope=scope)
    states: States = {}
    for (slot, shard), amount in counted.items():
        states.setdefault((owner, scope, slot), {})[shard] = (amount, max(amount, cap))
    if not rules.is_per_customer(scope):
        states = {key: rules.spread_cap(scope, state, cap=cap) for key, state in states.items()}
    _set(_lock({(*key, shard): 0 for key, state in states.items() for shard in state}), states)


def close_limit(*, owner: uuid.UUID, scope: str) -> None:
    """Remove a limit. Releasing what was taken of it has no effect then."""
    Limit.objects.filter(owner=owner, scope=scope).delete()


def resize(*, owner: uuid.UUID, scope: str, cap: int) -> None:
    """Change the cap of a limit. If more than that is used, nothing is given until enough was released.

    Rows per customer take their cap from the next request.
    """
    if rules.is_per_customer(scope):
        return
    rows = Limit.objects.filter(owner=owner, scope=scope).order_by().values_list("slot", "shard")
    shards = range(len(rules.split_limit(scope, cap)))
    missing = {(owner, scope, slot, shard): 0 for slot in {slot for slot, _ in rows} for shard in shards}
    before = _lock(missing | {(owner, scope, slot, shard): 0 for slot, shard in rows})
    after = {key: rules.spread_cap(scope, state, cap=cap) for key, state in before.items()}
    excess = {(*key, rules.EXCESS_SHARD): 0 for key, state in after.items() if rules.EXCESS_SHARD in state}
    for key, state in _lock(excess).items():
        before[key] |= state
    _set(before, after)


def recount(*, owner: uuid.UUID, rows: Sequence[db.Row]) -> bool:
    """Set rows of limits of an owner to the usage that a recount found, within their caps.

    Each of ``rows`` names a limit by ``scope``, ``slot`` and ``shard``, and what is ``counted`` of it. The caller holds
    what nothing is taken without: the owner's row exclusively, or the rows. Returns False if a cap is exceeded; such a
    row stays.
    """
    counted = {(row["scope"], row["slot"], row["shard"]): row["counted"] for row in rows}
    before = _lock({(owner, *row): n if rules.is_per_customer(row[0]) else 0 for row, n in counted.items()})
    after: States = {
        key: {
            shard: (counted[key[1], key[2], shard] if counted[key[1], key[2], shard] <= cap else taken, cap)
            for shard, (taken, cap) in state.items()
        }
        for key, state in before.items()
    }
    _set(before, after)
    return all(
        counted[key[1], key[2], shard] == taken for key, state in after.items() for shard, (taken, _) in state.items()
    )


def _lock(caps: Mapping[RowKey, int]) -> States:
    """Lock rows in the one order, and create those that are missing, with these caps. Return their state."""
    if not caps:
        return {}
    params = _columns(caps) | {"caps": list(caps.values())}
    return _states(db.fetch_all("redemptions/limits/sql/lock_limits.sql", params))


def _set(before: States, after: States) -> None:
    """Write the locked rows that changed."""
    changed = {
        (*key, shard): state
        for key, states in after.items()
        for shard, state in states.items()
        if before[key][shard] != state
    }
    if changed:
        takens, caps = zip(*changed.values(), strict=True)
        params = _columns(changed) | {"takens": list(takens), "caps": list(caps)}
        db.execute("redemptions/limits/sql/set_limits.sql", params)


def _states(rows: Iterable[db.Row]) -> States:
    states: States = {}
    for row in rows:
        states.setdefault((row["owner"], row["scope"], row["slot"]), {})[row["shard"]] = (row["taken"], row["cap"])
    return states


def _columns(rows: Iterable[RowKey]) -> dict[str, Any]:
    owners, scopes, slots, shards = zip(*rows, strict=True)
    return {"owners": list(owners), "scopes": list(scopes), "slots": list(slots), "shards": list(shards)}
