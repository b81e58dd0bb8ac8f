"""Drops old redemptions by month; their results remain.

A month is a partition. It is dropped if it is older than the retention period, all its coupons have ended (so no limit
counts its rows any more), nothing in it is reserved, and the results cover its rows. Reports stay the same to the
quarter hour. Counts of customers and counters stay as they are.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime
from uuid import UUID

import structlog
from django.conf import settings
from django.db import connection, transaction
from django.db.models import Q, QuerySet

from core import db, ids, partitions
from coupons.models import CouponRedemption
from coupons.services.partitions import TABLE, first_kept_month
from redemptions.statuses import RedemptionStatus

log = structlog.get_logger(__name__)


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
    """Drop the rows of a month in one transaction. Return whether the month was dropped.

    Returns of its redemptions wait meanwhile. Other statements wait only at the end, while the partition is detached.
    """
    with connection.cursor() as cursor:
        cursor.execute(f"LOCK TABLE {name} IN SHARE MODE")
    low, high = ids.min_uuid7_at(first), ids.min_uuid7_at(partitions.next_month(first))
    rows = CouponRedemption.objects.filter(pk__gte=low, pk__lt=high)
    if not _is_purgeable(rows, name, at):
        return False
    partitions.drop_partition(TABLE, name)
    log.info("redemptions_dropped", table=name)
    return True


def _is_purgeable(rows: QuerySet[CouponRedemption], name: str, at: datetime) -> bool:
    if rows.filter(Q(status=RedemptionStatus.RESERVED) | Q(coupon__end_date__gt=at)).exists():
        return False
    coupons: list[UUID] = list(rows.order_by().values_list("coupon", flat=True).distinct())
    differences = list(iter_report_differences(coupons=coupons, at=at))
    if differences:
        log.error("redemptions_kept", table=name, because=differences[0])
    return not differences


def iter_report_differences(*, coupons: Sequence[UUID] | None, at: datetime) -> Iterator[str]:
    """Yield a line per quarter of an hour of the coupons (of all for None) whose results differ from the redemptions.

    There are at most 1,000. Results can't be repaired from redemptions, because they are sums of events.
    """
    params = {"coupons": coupons, "at": at, "kept_since": first_kept_month()}
    with transaction.atomic(), db.extended_timeouts():
        rows = db.fetch_all("coupons/sql/recount_results.sql", params)
    for row in rows:
        yield (
            f"coupon {row['coupon_id']}: results of {row['starts_at']:%Y-%m-%dT%H:%MZ},"
            f" {row['currency'] or 'no currency'}: confirmed, returned, discount {row['stored']} stored,"
            f" {row['counted']} counted"
        )
