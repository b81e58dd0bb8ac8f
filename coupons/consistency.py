"""Consistency checks of coupons: counters, customers' counts, units and codes, recounted from the redemptions."""

import uuid
from collections.abc import Iterator
from datetime import datetime, timedelta

from django.db import transaction

from core import db
from coupons import selectors
from coupons.models import CouponCounter, CouponUnit, Strategy, UserCouponRedemption
from coupons.services.limits import approximate, counters
from coupons.services.partitions import first_kept_month
from coupons.services.retention import iter_report_differences

GRACE_PERIOD = timedelta(minutes=10)  # expired reservations are normally released within a minute


def check(*, at: datetime, repair: bool) -> Iterator[str]:
    """Yield a line per difference. With ``repair``, correct counters, counts, units and codes by the redemptions."""
    recountable = selectors.list_recountable(at=at, kept_since=first_kept_month())
    for coupon, strategy in recountable.order_by("pk").values_list("pk", "limit_strategy").iterator():
        yield from _check_counters(coupon, strategy, repair)
        yield from _check_customers(coupon, repair)
        if strategy == Strategy.POOL:
            yield from _check_units(coupon, repair)
    for row in db.fetch_all("coupons/sql/recount_codes.sql", {}):
        redeemed = selectors.redeemed_codes_of(coupon=row["coupon_id"], codes=[row["code"]], ids=[row["redemption_id"]])
        repaired = repair and bool(redeemed.delete()[0])
        yield _difference(f"code {row['code']}: used by {row['redemption_id']}, which is not active", repaired=repaired)
    for redemption in selectors.list_expired(at=at - GRACE_PERIOD).iterator():
        until = f"{redemption.reserved_until:%Y-%m-%dT%H:%MZ}"
        yield f"redemption {redemption.pk}: of coupon {redemption.coupon_id}, reserved until {until}"
    yield from iter_report_differences(coupons=None, at=at)


def _difference(text: str, *, repaired: bool) -> str:
    return text + (": repaired" if repaired else "")


def _check_counters(coupon: uuid.UUID, strategy: str, repair: bool) -> Iterator[str]:
    """Yield counters that don't match: shards their redemptions, a pool its units, an approximate one its hard cap."""
    for row in db.fetch_all(RECOUNT[strategy], {"coupon": coupon}):
        repaired = repair and _recount(coupon, strategy)
        counts = f"{row['taken']} of {row['cap']} stored, {row['counted']} counted"
        yield _difference(f"coupon {coupon}: {strategy} shard {row['shard']}: {counts}", repaired=repaired)


RECOUNT: dict[str, str] = {
    Strategy.EXACT: "coupons/sql/recount_shards.sql", Strategy.POOL: "coupons/sql/recount_pool.sql",
    Strategy.APPROXIMATE: "coupons/sql/recount_hard_cap.sql",
}  # fmt: skip
RECOUNT[Strategy.SHARDED] = RECOUNT[Strategy.EXACT]


@transaction.atomic
def _recount(coupon: uuid.UUID, strategy: str) -> bool:
    """Correct the counters under the locks of all counters of the coupon. Return False if a cap is exceeded."""
    counters.lock(coupon=coupon)
    differences = db.fetch_all(RECOUNT[strategy], {"coupon": coupon})
    for row in differences:
        taken = min(row["counted"], row["cap"])
        CouponCounter.objects.filter(coupon_id=coupon, shard=row["shard"]).update(taken=taken)
    return all(row["counted"] <= row["cap"] for row in differences)


def _check_customers(coupon: uuid.UUID, repair: bool) -> Iterator[str]:
    for row in db.fetch_all("coupons/sql/recount_customers.sql", {"coupon": coupon}):
        repaired = repair and _recount_customer(coupon, row["customer_id"])
        counts = f"customer {row['customer_id']}: {row['redemption_count']} stored, {row['counted']} counted"
        yield _difference(f"coupon {coupon}: {counts}", repaired=repaired)


@transaction.atomic
def _recount_customer(coupon: uuid.UUID, customer: int) -> bool:
    """Correct a customer's count under the lock of its row. Return False if the limit is exceeded."""
    rows = UserCouponRedemption.objects.filter(coupon_id=coupon, customer_id=customer)
    row = rows.select_for_update().first()
    counted = selectors.count_active(coupon=coupon, customer=customer)
    if row is None:
        UserCouponRedemption.objects.create(coupon_id=coupon, customer_id=customer, redemption_count=counted)
    elif row.cap is not None and counted > row.cap:
        return False
    else:
        rows.update(redemption_count=counted)
    return True


def _check_units(coupon: uuid.UUID, repair: bool) -> Iterator[str]:
    """Yield units whose redemption is not active, and active redemptions without their unit."""
    for row in db.fetch_all("coupons/sql/recount_units.sql", {"coupon": coupon}):
        units = CouponUnit.objects.filter(coupon_id=coupon, number=row["n"])
        if row["is_active"]:  # the unit is free, or another redemption has it
            repaired = repair and bool(units.filter(redemption_id=None).update(redemption_id=row["redemption_id"]))
        else:
            repaired = repair and bool(units.filter(redemption_id=row["redemption_id"]).update(redemption_id=None))
        problem = "lacks its" if row["is_active"] else "is not active but has"
        yield _difference(
            f"coupon {coupon}: redemption {row['redemption_id']} {problem} unit {row['n']}", repaired=repaired
        )


def recount_approximate(*, at: datetime) -> int:
    """Set the counters of active approximate coupons to their active redemptions. Return the number of coupons."""
    coupons = selectors.list_approximate(at=at)
    for coupon, maximum in coupons:
        approximate.recount(coupon=coupon, cap=maximum)
    return len(coupons)
