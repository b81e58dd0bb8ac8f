"""Consistency checks of coupons: counters, customers' counts, units and codes, recounted from the redemptions."""

import uuid
from collections.abc import Iterator
from datetime import datetime, timedelta

from django.db import transaction

from core import db
from coupons import selectors
from coupons.services.partitions import first_kept_month
from coupons.services.retention import iter_report_differences
from redemptions.limits import services as limits
from redemptions.limits.models import Strategy
from redemptions.limits.rules import CUSTOMER, TOTALS
from redemptions.limits.strategies import approximate, pool

RECOUNT_CUSTOMERS = "coupons/sql/recount_customers.sql"
GRACE_PERIOD = timedelta(minutes=10)  # expired reservations are normally released within a minute


def check(*, at: datetime, repair: bool) -> Iterator[str]:
    """Yield a line per difference. With ``repair``, correct counters, counts, units and codes by the redemptions."""
    recountable = selectors.list_recountable(at=at, kept_since=first_kept_month())
    for coupon, strategy in recountable.order_by("pk").values_list("pk", "limit_strategy").iterator():
        if strategy == Strategy.POOL:
            yield from _check_units(coupon, repair)
        else:
            yield from _check_counters(coupon, strategy, repair)
        yield from _check_customers(coupon, repair)
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
    """Yield counters that don't match: shards their redemptions, an approximate one its hard cap."""
    rows, repaired = _recount(coupon, RECOUNT[strategy], TOTALS[strategy], repair)
    for row in rows:
        counts = f"{row['taken']} of {row['cap']} stored, {row['counted']} counted"
        yield _difference(f"coupon {coupon}: {strategy} shard {row['shard']}: {counts}", repaired=repaired)


RECOUNT: dict[str, str] = {
    Strategy.EXACT: "coupons/sql/recount_shards.sql", Strategy.APPROXIMATE: "coupons/sql/recount_hard_cap.sql",
}  # fmt: skip
RECOUNT[Strategy.SHARDED] = RECOUNT[Strategy.EXACT]


def _check_customers(coupon: uuid.UUID, repair: bool) -> Iterator[str]:
    rows, repaired = _recount(coupon, RECOUNT_CUSTOMERS, CUSTOMER, repair)
    for row in rows:
        counts = f"customer {row['slot']}: {row['taken']} stored, {row['counted']} counted"
        yield _difference(f"coupon {coupon}: {counts}", repaired=repaired)


def _recount(coupon: uuid.UUID, path: str, scope: str, repair: bool) -> tuple[list[db.Row], bool]:
    """Return the rows of a limit that differ, and whether all were corrected: none is if a cap is exceeded."""
    params = {"coupon": coupon, "scope": scope}
    rows = db.fetch_all(path, params)
    if not rows or not repair:
        return rows, False
    with transaction.atomic():
        selectors.lock_coupon(coupon=coupon)
        counted = [{**row, "scope": scope} for row in db.fetch_all(path, params)]
        return rows, limits.recount(owner=coupon, rows=counted)


def _check_units(coupon: uuid.UUID, repair: bool) -> Iterator[str]:
    """Yield units whose redemption is not active, and active redemptions without their unit."""
    for row in db.fetch_all("coupons/sql/recount_units.sql", {"coupon": coupon}):
        repaired = repair and pool.repair_unit(owner=coupon, unit=row)
        problem = "lacks its" if row["is_active"] else "is not active but has"
        yield _difference(
            f"coupon {coupon}: redemption {row['redemption_id']} {problem} unit {row['number']}", repaired=repaired
        )


def recount_approximate(*, at: datetime) -> int:
    """Set the counters of active approximate coupons to their active redemptions. Return the number of coupons."""
    coupons = selectors.list_approximate(at=at)
    for coupon, maximum in coupons:
        params = {"coupon": coupon, "hard_cap": approximate.hard_cap(maximum)}
        db.execute("coupons/sql/recount_approximate.sql", params)
    return len(coupons)
