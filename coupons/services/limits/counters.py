"""Operations that the counting strategies share."""

import uuid
from collections.abc import Sequence

from core import db
from coupons.models import CouponCounter


def release(*, coupon: uuid.UUID, shards: Sequence[int]) -> None:
    """Release one unit to a shard for each time that ``shards`` names it."""
    db.execute("coupons/sql/release_shards.sql", {"coupon": coupon, "shards": list(shards)})


def lock(*, coupon: uuid.UUID) -> list[CouponCounter]:
    """Lock the counters of the coupon in order, and return them."""
    return list(CouponCounter.objects.filter(coupon_id=coupon).select_for_update().order_by("shard"))


def resize(*, coupon: uuid.UUID, cap: int, shards: int) -> bool:
    """Divide a new cap among ``shards`` shards, or the existing ones if more. Return False if more than it is taken."""
    taken = {row.shard: row.taken for row in lock(coupon=coupon)}
    spare = cap - sum(taken.values())
    if spare < 0:
        return False
    numbers = range(max(shards, len(taken)))
    CouponCounter.objects.bulk_create(
        [
            CouponCounter(coupon_id=coupon, shard=shard, taken=taken.get(shard, 0), cap=taken.get(shard, 0) + share)
            for shard, share in zip(numbers, _split(spare, len(numbers)), strict=True)
        ],
        update_conflicts=True, unique_fields=["coupon_id", "shard"], update_fields=["cap"],
    )  # fmt: skip
    return True


def _split(spare: int, shards: int) -> list[int]:
    return [spare // shards + (shard < spare % shards) for shard in range(shards)]
