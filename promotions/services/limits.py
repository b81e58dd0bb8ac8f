"""What promotions may give: limits and budgets, taken and given back exactly.

A large limit is divided over shards, so that a hot promotion does not make checkouts wait for one another. When no
shard has room, all are locked in order and what is left is gathered in one: the last unit can always be had, and never
more.
"""

import uuid
from collections.abc import Iterable, Sequence

from promoplatform.kernel import db
from promotions import rules
from promotions.models import PromotionCounter

Taken = tuple[str, str, int, int]  # kind, slot, shard, amount


def take(*, promotion: uuid.UUID, kind: str, slot: str, amount: int, cap: int, home: int) -> Taken | None:
    """Take ``amount`` of a limit of ``cap``, beginning at shard ``home``; None when too little is left."""
    params = {"promotion": promotion, "kind": kind, "slot": slot, "amount": amount, "home": home}
    row = db.one("promotions/sql/take_counter.sql", params)
    if row is None:
        shares = [cap] if kind == "user" else rules.shares(cap)
        if db.run("promotions/sql/open_counter.sql", params | {"shares": shares}):
            row = db.one("promotions/sql/take_counter.sql", params)
    shard: int | None = row["shard"] if row else _gather(promotion, kind, slot, amount, home)
    return None if shard is None else (kind, slot, shard, amount)


def _gather(promotion: uuid.UUID, kind: str, slot: str, amount: int, home: int) -> int | None:
    """Take from what is left over all shards; the shard that it was taken from, or None."""
    mine = PromotionCounter.objects.filter(promotion_id=promotion, kind=kind, slot=slot)
    values = "shard", "taken", "cap"
    if _left(mine.values_list(*values)) < amount:
        return None  # an unlocked look keeps refusals cheap
    rows = list(mine.select_for_update().order_by("shard").values_list(*values))
    after = rules.gathered(rows, wanted=amount, home=home)
    if after is None:
        return None
    for shard, taken, cap in rows:
        if after[shard] != (taken, cap):
            mine.filter(shard=shard).update(taken=after[shard][0], cap=after[shard][1])
    return next(shard for shard, taken, _ in rows if after[shard][0] != taken)


def _left(rows: Iterable[tuple[int, int, int]]) -> int:
    return sum(cap - taken for _, taken, cap in rows)


def give_back(*, promotion: uuid.UUID, taken: Sequence[Sequence[object]]) -> None:
    """Undo takings, each where it was taken, in the order in which counters are taken."""
    for kind, slot, shard, amount in sorted(taken, key=lambda each: (str(each[0]), str(each[1]))):
        db.run(
            "promotions/sql/give_back_counter.sql",
            {"promotion": promotion, "kind": kind, "slot": slot, "shard": shard, "amount": amount},
        )


def resize(*, promotion: uuid.UUID, kind: str, cap: int | None) -> bool:
    """Give a limit that is already counted another cap; False when more than that was taken already.

    Without a cap the limit is no longer counted. A limit per period takes the new cap from its next period on, and the
    running one now.
    """
    mine = PromotionCounter.objects.filter(promotion_id=promotion, kind=kind)
    rows = list(mine.select_for_update().order_by("slot", "shard"))
    if cap is None:
        mine.delete()
        return True
    for slot in sorted({row.slot for row in rows}):
        shards = [row for row in rows if row.slot == slot]
        spare = cap - sum(row.taken for row in shards)
        if spare < 0:
            return False
        for row in shards:
            given = spare // len(shards) + (1 if row is shards[0] else 0) * (spare % len(shards))
            mine.filter(slot=slot, shard=row.shard).update(cap=row.taken + given)
    return True
