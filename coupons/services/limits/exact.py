"""Exact limit: one counter, changed by one conditional update."""

import uuid
from collections.abc import Sequence

from core import db
from coupons.models import CouponCounter
from coupons.services.limits import counters


class Exact:
    """Limit by one counter. Transactions wait for each other; a batch of redemptions waits once."""

    def open(self, *, coupon: uuid.UUID, cap: int) -> None:
        CouponCounter.objects.create(coupon_id=coupon, shard=0, cap=cap)

    def take(self, *, coupon: uuid.UUID, cap: int, ids: Sequence[uuid.UUID]) -> list[int]:
        row = db.fetch_one("coupons/sql/take_exact.sql", {"coupon": coupon, "wanted": len(ids)})
        return [0] * int(row["got"]) if row else []

    def release(self, *, coupon: uuid.UUID, taken: Sequence[tuple[int, uuid.UUID]]) -> None:
        counters.release(coupon=coupon, shards=[shard for shard, _ in taken])

    def resize(self, *, coupon: uuid.UUID, cap: int) -> bool:
        return counters.resize(coupon=coupon, cap=cap, shards=1)
