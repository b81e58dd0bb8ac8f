"""What the strategies that count in rows have in common."""

import uuid
from collections.abc import Sequence

from core import db
from coupons.models import CouponCounter


def release(*, coupon: uuid.UUID, shards: Sequence[int]) -> None:
    """Give one unit back to each of the shards, as often as it is named."""
    db.execute("coupons/sql/release_shards.sql", {"coupon": coupon, "shards": list(shards)})


def lock(*, coupon: uuid.UUID) -> list[CouponCounter]:
    """The coupon's counters, locked in order."""
    return list(CouponCounter.objects.filter(coupon_id=coupon).select_for_update().order_by("shard"))


def resize(*, coupon: uuid.UUID, cap: int, shards: int) -> bool:
    """Divide another cap over this many shards, or as many as there are; False where more than that is taken."""
    taken = {row.shard: row.taken for row in lock(coupon=coupon)}
    spare = cap - sum(taken.values())
    if spare < 0:
        return False
    places = range(max(shards, len(taken)))
    CouponCounter.objects.bulk_create(
        [
            CouponCounter(coupon_id=coupon, shard=shard, taken=taken.get(shard, 0), cap=taken.get(shard, 0) + share)
            for shard, share in zip(places, _split(spare, len(places)), strict=True)
        ],
        update_conflicts=True, unique_fields=["coupon_id", "shard"], update_fields=["cap"],
    )  # fmt: skip
    return True


def _split(spare: int, shards: int) -> list[int]:
    return [spare // shards + (shard < spare % shards) for shard in range(shards)]
