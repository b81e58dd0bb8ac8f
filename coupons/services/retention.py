"""Drops old redemptions by month; their sums remain.

A month is a partition. It is dropped if it is older than the retention period, all its coupons have ended (so no limit
counts its rows any more), nothing in it is reserved, and its sums match its rows. Reports stay the same to the quarter
hour. Counts of customers and counters stay as they are.
"""

from datetime import datetime
from uuid import UUID

import structlog
from django.conf import settings
from django.db import connection, transaction
from django.db.models import Q, QuerySet

from core import db, ids, partitions
from coupons.models import CouponRedemption
from coupons.services import rollup
from redemptions.statuses import RedemptionStatus

log = structlog.get_logger(__name__)

TABLE = "coupons_couponredemption"


def purge_old_months(*, at: datetime) -> list[str]:
    """Drop the months that may be dropped, oldest first. Return the names of their tables.

    Drops nothing if ``REDEMPTION_RETENTION_MONTHS`` is 0.
    """
    retention_months = settings.REDEMPTION_RETENTION_MONTHS
    return [
        name
        for name, first in partitions.iter_months(TABLE)
        if retention_months
        and partitions.months_before(at, retention_months) >= partitions.next_month(first)
        and _drop_partition(name, first, at)
    ]


@transaction.atomic
def _drop_partition(name: str, first: datetime, at: datetime) -> bool:
    """Archive the sums of a month and drop its rows in one transaction. Return whether the month was dropped.

    Returns of its redemptions wait meanwhile. Other statements wait only at the end, while the partition is detached.
    """
    if not rollup.try_exclusive_lock():
        return False
    with connection.cursor() as cursor:
        cursor.execute(f"LOCK TABLE {name} IN SHARE MODE")
    low, high = ids.min_uuid7_at(first), ids.min_uuid7_at(partitions.next_month(first))
    rows = CouponRedemption.objects.filter(pk__gte=low, pk__lt=high)
    if not _is_purgeable(rows, name, at):
        return False
    db.execute("coupons/sql/archive_month.sql", {"low": low, "high": high})
    partitions.drop_partition(TABLE, name)
    log.info("redemptions_dropped", table=name)
    return True


def _is_purgeable(rows: QuerySet[CouponRedemption], name: str, at: datetime) -> bool:
    if rows.filter(Q(status=RedemptionStatus.RESERVED) | Q(coupon__end_date__gt=at)).exists():
        return False
    coupons: list[UUID] = list(rows.order_by().values_list("coupon", flat=True).distinct())
    differences = rollup.list_differences(coupons, repair=False)
    if differences:
        log.error("redemptions_kept", table=name, because=differences[0])
    return not differences
