"""What must hold among coupons, their limits and their redemptions, counted again from the redemptions."""

import uuid
from collections.abc import Iterator
from datetime import datetime, timedelta

from django.db import transaction

from core import db
from coupons import selectors
from coupons.models import CouponCounter, CouponUnit, Strategy, UserCouponRedemption
from coupons.services.limits import approximate, counters

GRACE = timedelta(minutes=10)  # expired reservations give their place back within a minute when all is well


def check(*, at: datetime, repair: bool) -> Iterator[str]:
    """A line a difference; ``repair`` writes into counters, counts and units what the redemptions took of them."""
    for coupon, strategy in selectors.list_recountable().order_by("pk").values_list("pk", "limit_strategy").iterator():
        yield from _counters(coupon, strategy, repair)
        yield from _users(coupon, repair)
        if strategy == Strategy.POOL:
            yield from _units(coupon, repair)
    for row in db.fetch_all("coupons/sql/recount_codes.sql", {}):
        mended = repair and bool(
            selectors.redeemed_codes_of(codes=[row["code"]], ids=[row["redemption_id"]]).delete()[0]
        )
        yield _difference(f"code {row['code']}: spent by {row['redemption_id']}, which does not stand", mended=mended)
    for redemption in selectors.expired(at=at - GRACE).iterator():
        until = f"{redemption.reserved_until:%Y-%m-%dT%H:%MZ}"
        yield f"redemption {redemption.pk}: of coupon {redemption.coupon_id}, reserved until {until}"


def _difference(text: str, *, mended: bool) -> str:
    return text + (": mended" if mended else "")


def _counters(coupon: uuid.UUID, strategy: str, repair: bool) -> Iterator[str]:
    """Shards say what was taken of them, a pool's counter how many units it has; an approximate one lags behind."""
    for row in db.fetch_all(RECOUNT[strategy], {"coupon": coupon}):
        mended = repair and _recount(coupon, strategy)
        says = f"says {row['taken']} of {row['cap']}, is {row['counted']}"
        yield _difference(f"coupon {coupon}: {strategy} shard {row['shard']} {says}", mended=mended)


RECOUNT: dict[str, str] = {
    Strategy.EXACT: "coupons/sql/recount_shards.sql", Strategy.POOL: "coupons/sql/recount_pool.sql",
    Strategy.APPROXIMATE: "coupons/sql/recount_ceiling.sql",
}  # fmt: skip
RECOUNT[Strategy.SHARDED] = RECOUNT[Strategy.EXACT]


@transaction.atomic
def _recount(coupon: uuid.UUID, strategy: str) -> bool:
    """Recount under the locks of all of the coupon's counters; False where more was taken than the cap."""
    counters.lock(coupon=coupon)
    wrong = db.fetch_all(RECOUNT[strategy], {"coupon": coupon})
    for row in wrong:
        mended = min(row["counted"], row["cap"])
        CouponCounter.objects.filter(coupon_id=coupon, shard=row["shard"]).update(taken=mended)
    return all(row["counted"] <= row["cap"] for row in wrong)


def _users(coupon: uuid.UUID, repair: bool) -> Iterator[str]:
    for row in db.fetch_all("coupons/sql/recount_users.sql", {"coupon": coupon}):
        mended = repair and _recount_user(coupon, row["customer_id"])
        says = f"customer {row['customer_id']} has {row['redemption_count']}, redeemed {row['counted']}"
        yield _difference(f"coupon {coupon}: {says}", mended=mended)


@transaction.atomic
def _recount_user(coupon: uuid.UUID, customer: int) -> bool:
    """Recount under the lock of the customer's row; False where more stands than their limit."""
    mine = UserCouponRedemption.objects.filter(coupon_id=coupon, customer_id=customer)
    row = mine.select_for_update().first()
    counted = selectors.count_active(coupon=coupon, customer=customer)
    if row is None:
        UserCouponRedemption.objects.create(coupon_id=coupon, customer_id=customer, redemption_count=counted)
    elif row.cap is not None and counted > row.cap:
        return False
    else:
        mine.update(redemption_count=counted)
    return True


def _units(coupon: uuid.UUID, repair: bool) -> Iterator[str]:
    """A unit's redemption stands and has that unit, and what stands has its unit."""
    for row in db.fetch_all("coupons/sql/recount_units.sql", {"coupon": coupon}):
        unit = CouponUnit.objects.filter(coupon_id=coupon, number=row["number"])
        if row["stands"]:  # a redemption whose unit is not its own
            mended = repair and bool(unit.filter(redemption_id=None).update(redemption_id=row["redemption_id"]))
        else:
            mended = repair and bool(unit.filter(redemption_id=row["redemption_id"]).update(redemption_id=None))
        told = "has not its" if row["stands"] else "does not stand and has"
        yield _difference(f"coupon {coupon}: redemption {row['redemption_id']} {told} unit {row['n']}", mended=mended)


def recount_approximate(*, at: datetime) -> int:
    """Set the counters of approximate coupons that run to what stands; how many."""
    running = selectors.approximate(at=at)
    for coupon, maximum in running:
        approximate.recount(coupon=coupon, cap=maximum)
    return len(running)
