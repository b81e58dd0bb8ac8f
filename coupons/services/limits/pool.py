"""Pool: units are rows that are created in advance; a redemption takes one that is not locked."""

import uuid
from collections.abc import Sequence

from core import db
from core.errors import Busy
from core.outbox import enqueue_on_commit
from coupons import selectors
from coupons.models import CouponCounter
from coupons.services.limits import counters

INLINE_MAX_UNITS = 1_000  # units that are created with the coupon; the others follow in the background
CHUNK = 25_000  # units per transaction


class Pool:
    """Limit by prepared units. The counter counts the units that exist, so there are never more than the limit."""

    def open(self, *, coupon: uuid.UUID, cap: int) -> None:
        CouponCounter.objects.create(coupon_id=coupon, shard=0, cap=cap)
        if create_units(coupon=coupon, chunk=INLINE_MAX_UNITS):
            enqueue_on_commit("coupons.build_pool", coupon_id=str(coupon))

    def take(self, *, coupon: uuid.UUID, cap: int, ids: Sequence[uuid.UUID]) -> list[int]:
        for start in (ids[0].int % cap, 0):
            params = {"coupon": coupon, "ids": list(ids), "start": start}
            if rows := db.fetch_all("coupons/sql/take_units.sql", params):
                return [row["n"] for row in sorted(rows, key=lambda row: int(row["position"]))]
        if any(selectors.remaining(coupons=[coupon]).values()):  # the rest is locked, or not created yet
            raise Busy
        return []

    def release(self, *, coupon: uuid.UUID, taken: Sequence[tuple[int, uuid.UUID]]) -> None:
        units, ids = [unit for unit, _ in taken], [redemption for _, redemption in taken]
        db.execute("coupons/sql/release_units.sql", {"coupon": coupon, "units": units, "ids": ids})

    def resize(self, *, coupon: uuid.UUID, cap: int) -> bool:
        (counter,) = counters.lock(coupon=coupon)
        surplus = counter.taken - cap
        if surplus > 0 and delete_units(coupon=coupon, wanted=surplus) < surplus:
            return False
        CouponCounter.objects.filter(coupon_id=coupon).update(cap=cap)
        enqueue_on_commit("coupons.build_pool", coupon_id=str(coupon))
        return True


def create_units(*, coupon: uuid.UUID, chunk: int = CHUNK) -> int:
    """Create the next units of a pool, in the transaction of the caller. Return how many are still missing.

    Returns 0 if another transaction is creating units of the pool, or if the coupon's strategy has changed.
    """
    locked = CouponCounter.objects.select_for_update(skip_locked=True).filter(coupon_id=coupon).first()
    if locked is None or locked.taken == locked.cap or not selectors.is_pool(coupon=coupon):
        return 0
    wanted = min(chunk, locked.cap - locked.taken)
    db.execute("coupons/sql/insert_units.sql", {"coupon": coupon, "wanted": wanted})
    return int(locked.cap - locked.taken - wanted)


def delete_units(*, coupon: uuid.UUID, wanted: int) -> int:
    """Delete up to ``wanted`` free units of a pool whose counter is locked. Return the number of deleted units."""
    row = db.fetch_one("coupons/sql/delete_units.sql", {"coupon": coupon, "wanted": wanted})
    return int(row["deleted"]) if row else 0
