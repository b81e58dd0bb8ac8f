"""Pool: units are rows that are created in advance; a redemption takes one that is not locked."""

import uuid
from collections.abc import Callable, Sequence
from typing import ClassVar

from core import db
from core.errors import Busy
from core.outbox import enqueue_on_commit
from redemptions.limits.models import Limit, LimitUnit
from redemptions.limits.rules import EXCESS_SHARD, POOL_TOTAL

INLINE_MAX_UNITS = 1_000  # units that are created with the offer; the others follow in the background
CHUNK = 25_000  # units per transaction


class Pool:
    """Limit by prepared units. Its row counts the units that exist, so there are never more than the limit."""

    late_unit: ClassVar = None

    def open(self, *, owner: uuid.UUID, cap: int, used: int = 0) -> None:
        row = {"owner": owner, "scope": POOL_TOTAL, "slot": ""}
        Limit.objects.create(**row, shard=0, taken=used, cap=max(cap, used))
        if used > cap:
            Limit.objects.create(**row, shard=EXCESS_SHARD, cap=used - cap)
        if create_units(owner=owner, chunk=INLINE_MAX_UNITS):
            enqueue_creation(owner)

    def take(self, *, owner: uuid.UUID, cap: int, ids: Sequence[uuid.UUID]) -> list[int]:
        for start in (ids[0].int % cap, 0):
            params = {"owner": owner, "ids": list(ids), "start": start}
            if rows := db.fetch_all("redemptions/limits/sql/take_units.sql", params):
                return [row["number"] for row in sorted(rows, key=lambda row: int(row["position"]))]
        row = db.fetch_one("redemptions/limits/sql/has_units_left.sql", {"owner": owner})
        if row and row["has_left"]:  # the rest is locked, or not created yet
            raise Busy
        return []

    def release(self, *, owner: uuid.UUID, taken: Sequence[tuple[int, uuid.UUID]]) -> None:
        units, ids = [unit for unit, _ in taken], [redemption for _, redemption in taken]
        params = {"owner": owner, "units": units, "ids": ids}
        db.execute("redemptions/limits/sql/release_units.sql", params)

    def resize(self, *, owner: uuid.UUID, cap: int, count: Callable[[], int]) -> None:
        rows = Limit.objects.filter(owner=owner, scope=POOL_TOTAL)
        taken = {row.shard: row.taken for row in rows.select_for_update().order_by("shard")}
        surplus = max(0, taken[0] - cap)
        excess = surplus - delete_units(owner=owner, wanted=surplus)
        if excess or EXCESS_SHARD in taken:
            Limit.objects.bulk_create(
                [Limit(owner=owner, scope=POOL_TOTAL, shard=EXCESS_SHARD, cap=excess)],
                update_conflicts=True, unique_fields=["owner", "scope", "slot", "shard"], update_fields=["cap"],
            )  # fmt: skip
        rows.filter(shard=0).update(cap=cap + excess)
        enqueue_creation(owner)

    def close(self, *, owner: uuid.UUID) -> None:
        Limit.objects.filter(owner=owner, scope=POOL_TOTAL).delete()  # the creation of units locks it, so none follow
        LimitUnit.objects.filter(owner=owner).delete()


def enqueue_creation(owner: uuid.UUID) -> None:
    """Enqueue a task that creates the missing units of a pool."""
    enqueue_on_commit("redemptions.create_units", owner=str(owner))


def create_units(*, owner: uuid.UUID, chunk: int = CHUNK) -> int:
    """Create the next units of a pool, in the transaction of the caller. Return how many are still missing.

    Returns 0 if another transaction is creating units of the pool, or if the offer has no pool any more.
    """
    row = Limit.objects.select_for_update(skip_locked=True).filter(owner=owner, scope=POOL_TOTAL, shard=0).first()
    if row is None or row.taken == row.cap:
        return 0
    wanted = min(chunk, row.cap - row.taken)
    db.execute("redemptions/limits/sql/insert_units.sql", {"owner": owner, "wanted": wanted})
    return int(row.cap - row.taken - wanted)


def delete_units(*, owner: uuid.UUID, wanted: int) -> int:
    """Delete up to ``wanted`` free units of a pool whose row is locked. Return the number of deleted units."""
    row = db.fetch_one("redemptions/limits/sql/delete_units.sql", {"owner": owner, "wanted": wanted})
    return int(row["deleted"]) if row else 0


def repair_unit(*, owner: uuid.UUID, unit: db.Row) -> bool:
    """Correct a unit of a pool that a recount found. Return whether it changed.

    ``unit`` has the ``number`` and ``redemption_id``, and ``is_active``: whether the redemption, which lacks its unit,
    gets it back, unless another one has it; or whether the unit, which a redemption has that ended, becomes free.
    """
    redemption, is_active = unit["redemption_id"], unit["is_active"]
    rows = LimitUnit.objects.filter(owner=owner, number=unit["number"], redemption_id=None if is_active else redemption)
    return bool(rows.update(redemption_id=redemption if is_active else None))
