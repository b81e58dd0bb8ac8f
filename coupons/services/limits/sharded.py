"""Sharded limit: sixteen counters. A redemption skips locked shards, and can still take the last unit of any shard."""

import uuid
from collections.abc import Sequence
from typing import Any

from core import db
from coupons import selectors
from coupons.models import CouponCounter
from coupons.services.limits import counters
from redemptions.limits.rules import SHARDS, split_cap


class Sharded:
    """Limit by several counters. A redemption starts at a random shard and waits only if no unlocked one has units."""

    def open(self, *, coupon: uuid.UUID, cap: int) -> None:
        CouponCounter.objects.bulk_create(
            [CouponCounter(coupon_id=coupon, shard=shard, cap=share) for shard, share in enumerate(split_cap(cap))]
        )

    def take(self, *, coupon: uuid.UUID, cap: int, ids: Sequence[uuid.UUID]) -> list[int]:
        params = {"coupon": coupon, "home": ids[0].int % SHARDS, "wanted": len(ids)}
        row = db.try_fetch_one("coupons/sql/take_shard.sql", params) or self._take_blocking(params)
        return [row["shard"]] * int(row["got"]) if row else []

    def _take_blocking(self, params: dict[str, Any]) -> db.Row | None:
        """Wait for a locked shard with capacity and take from it. Return None if no shard has capacity."""
        while True:
            row = db.try_fetch_one("coupons/sql/take_shard_blocking.sql", params)
            if row is not None:
                return row
            units_left = selectors.remaining(coupons=[params["coupon"]])  # reads without a lock, so rejecting is cheap
            if not any(units_left.values()):
                return None

    def release(self, *, coupon: uuid.UUID, taken: Sequence[tuple[int, uuid.UUID]]) -> None:
        counters.release(coupon=coupon, shards=[shard for shard, _ in taken])

    def resize(self, *, coupon: uuid.UUID, cap: int) -> bool:
        return counters.resize(coupon=coupon, cap=cap, shards=len(split_cap(cap)))
