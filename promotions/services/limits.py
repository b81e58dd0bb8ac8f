"""What promotions may give: limits and budgets, taken and given back exactly.

A large limit is divided over shards, so that a hot promotion does not make checkouts wait for one another. When no
shard has room, all are locked in order and what is left is gathered in one: the last unit can always be had, and never
more.
"""

import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from django.db.models import QuerySet

from core import db
from promotions import limit_rules
from promotions.models import PromotionCounter

TakenLimit = tuple[str, str, int, int]  # kind, slot, shard, amount


def take(*, promotion: uuid.UUID, kind: str, slot: str, amount: int, cap: int, home: int) -> TakenLimit | None:
    """Take ``amount`` of a limit of ``cap``, beginning at shard ``home``; None when too little is left."""
    params = {"promotion": promotion, "kind": kind, "slot": slot, "amount": amount, "home": home}
    shard = _shard("promotions/sql/take_limit.sql", params)
    if shard is None:
        shares = [cap] if kind == "user" else limit_rules.split_cap(cap)
        db.execute("promotions/sql/insert_limit.sql", params | {"shares": shares})
        shard = _take_blocking(params)
    return None if shard is None else (kind, slot, shard, amount)


def _take_blocking(params: Mapping[str, Any]) -> int | None:
    """Wait for a shard that has room while others are at it; gather only what no single shard can give any more."""
    mine = PromotionCounter.objects.filter(
        promotion_id=params["promotion"], kind=params["kind"], scope_key=params["scope_key"]
    )
    while True:
        shard = _shard("promotions/sql/take_limit_blocking.sql", params)
        if shard is not None:
            return shard
        left = [cap - taken for taken, cap in mine.values_list("taken", "cap")]  # an unlocked look: refusals stay cheap
        if sum(left) < params["amount"]:
            return None
        if max(left) < params["amount"]:
            return _consolidate(mine, params["amount"], params["home"])


def _shard(path: str, params: Mapping[str, Any]) -> int | None:
    row = db.try_fetch_one(path, params)
    return None if row is None else int(row["shard"])


def _consolidate(mine: QuerySet[PromotionCounter], amount: int, home: int) -> int | None:
    """Move all that is left to one shard and take from it; that shard, or None."""
    rows = list(mine.select_for_update().order_by("shard").values_list("shard", "taken", "cap"))
    after = limit_rules.consolidate_shards(rows, amount=amount, home=home)
    if after is None:
        return None
    for shard, taken, cap in rows:
        if after[shard] != (taken, cap):
            mine.filter(shard=shard).update(taken=after[shard][0], cap=after[shard][1])
    return next(shard for shard, taken, _ in rows if after[shard][0] != taken)


def release(*, promotion: uuid.UUID, taken: Sequence[Sequence[object]]) -> None:
    """Undo takings, each where it was taken, in the order in which counters are taken."""
    for kind, slot, shard, amount in sorted(taken, key=lambda each: (str(each[0]), str(each[1]))):
        db.execute(
            "promotions/sql/release_limit.sql",
            {"promotion": promotion, "kind": kind, "slot": slot, "shard": shard, "amount": amount},
        )


def resize(*, promotion: uuid.UUID, kind: str, cap: int | None) -> bool:
    """Give a limit that is already counted another cap; False when more than that was taken already.

    A limit that was counted is never dropped, only raised: what was taken of it has to find its counter when it is
    given back. A limit that is set for the first time counts from then on.
    """
    mine = PromotionCounter.objects.filter(promotion_id=promotion, kind=kind)
    rows = list(mine.select_for_update().order_by("scope_key", "shard"))
    if cap is None:
        return not rows
    for slot in sorted({row.scope_key for row in rows}):
        shards = [row for row in rows if row.scope_key == slot]
        spare = cap - sum(row.taken for row in shards)
        if spare < 0:
            return False
        for row in shards:
            given = spare // len(shards) + (1 if row is shards[0] else 0) * (spare % len(shards))
            mine.filter(scope_key=slot, shard=row.shard).update(cap=row.taken + given)
    return True
