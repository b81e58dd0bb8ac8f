"""Limits and budgets of promotions, taken and released exactly.

A large limit is split into shards, so that the checkouts of a popular promotion don't wait for one another. If no shard
has enough capacity, all shards are locked in order and their capacity is moved to one. So the last unit is available to
every checkout, and the limit is never exceeded.
"""

import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from django.db.models import QuerySet

from core import db
from promotions.models import PromotionCounter
from redemptions.limits import rules as limit_rules

TakenLimit = tuple[str, str, int, int]  # kind, scope key, shard, amount


def take(*, promotion: uuid.UUID, kind: str, scope_key: str, amount: int, cap: int, home: int) -> TakenLimit | None:
    """Take ``amount`` of a limit of ``cap``, from the shard ``home`` on. Return None if too little is left."""
    params = {"promotion": promotion, "kind": kind, "slot": scope_key, "amount": amount, "home": home}
    shard = _shard("promotions/sql/take_limit.sql", params)
    if shard is None:
        shares = [cap] if kind == "user" else limit_rules.split_cap(cap)
        db.execute("promotions/sql/insert_limit.sql", params | {"shares": shares})
        shard = _take_blocking(params)
    return None if shard is None else (kind, scope_key, shard, amount)


def _take_blocking(params: Mapping[str, Any]) -> int | None:
    """Wait for a locked shard with enough capacity; move capacity between shards only if no shard has enough."""
    counters = PromotionCounter.objects.filter(
        promotion_id=params["promotion"], kind=params["kind"], scope_key=params["slot"]
    )
    while True:
        shard = _shard("promotions/sql/take_limit_blocking.sql", params)
        if shard is not None:
            return shard
        left = [
            cap - taken for taken, cap in counters.values_list("taken", "cap")
        ]  # without locks: rejections are cheap
        if sum(left) < params["amount"]:
            return None
        if max(left) < params["amount"]:
            return _consolidate(counters, params["amount"], params["home"])


def _shard(path: str, params: Mapping[str, Any]) -> int | None:
    row = db.try_fetch_one(path, params)
    return None if row is None else int(row["shard"])


def _consolidate(counters: QuerySet[PromotionCounter], amount: int, home: int) -> int | None:
    """Move the capacity of all shards to one and take the amount from it. Return that shard, or None."""
    rows = list(counters.select_for_update().order_by("shard").values_list("shard", "taken", "cap"))
    consolidated = limit_rules.consolidate_shards(rows, amount=amount, home=home)
    if consolidated is None:
        return None
    for shard, taken, cap in rows:
        if consolidated[shard] != (taken, cap):
            counters.filter(shard=shard).update(taken=consolidated[shard][0], cap=consolidated[shard][1])
    return next(shard for shard, taken, _ in rows if consolidated[shard][0] != taken)


def release(*, promotion: uuid.UUID, taken: Sequence[Sequence[object]]) -> None:
    """Release taken amounts, each to its shard, in the order in which counters are locked."""
    for kind, scope_key, shard, amount in sorted(taken, key=lambda limit: (str(limit[0]), str(limit[1]))):
        db.execute(
            "promotions/sql/release_limit.sql",
            {"promotion": promotion, "kind": kind, "slot": scope_key, "shard": shard, "amount": amount},
        )


def resize(*, promotion: uuid.UUID, kind: str, cap: int | None) -> bool:
    """Change the cap of a limit. Return False if current usage exceeds the new cap, or if a used limit is removed.

    A used limit is never removed, because releasing an amount needs its counter. A limit that is set for the first time
    counts from then on.
    """
    counters = PromotionCounter.objects.filter(promotion_id=promotion, kind=kind)
    rows = list(counters.select_for_update().order_by("scope_key", "shard"))
    if cap is None:
        return not rows
    for scope_key in sorted({row.scope_key for row in rows}):
        shards = [row for row in rows if row.scope_key == scope_key]
        spare = cap - sum(row.taken for row in shards)
        if spare < 0:
            return False
        for row in shards:
            share = spare // len(shards) + (1 if row is shards[0] else 0) * (spare % len(shards))
            counters.filter(scope_key=scope_key, shard=row.shard).update(cap=row.taken + share)
    return True
