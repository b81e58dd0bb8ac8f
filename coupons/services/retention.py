"""Old redemptions are let go of month by month, once only their sums can matter.

A month is a partition. It goes when it is older than is kept, when all the coupons in it have ended, so that no limit
counts its rows any more, when nothing in it is reserved, and when its sums were proved. Its sums stay: reports are
the same before and after, by whole quarters of an hour. Customers' counts and counters stay as they are.
"""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from uuid import UUID

import structlog
from django.conf import settings
from django.db import connection, transaction
from django.db.models import Q, QuerySet

from core import db, ids
from coupons.models import CouponRedemption, Status
from coupons.services import rollup

log = structlog.get_logger(__name__)

TABLE = "coupons_couponredemption"
MONTH = re.compile(TABLE + r"_(\d{4})_(\d\d)")
PARTITIONS = "SELECT relid::text FROM pg_partition_tree(%s) WHERE isleaf ORDER BY 1"


def purge_old_months(*, at: datetime) -> list[str]:
    """Let go of the months that may go, the oldest first; their tables' names. None where all is kept."""
    keep = settings.REDEMPTION_RETENTION_MONTHS
    return [
        name
        for name, first in _months()
        if keep and _months_before(at, keep) >= _next(first) and _drop_partition(name, first, at)
    ]


def _months() -> Iterator[tuple[str, datetime]]:
    """The months that there are tables of, the oldest first: a table's name and its month's first instant."""
    with connection.cursor() as cursor:
        cursor.execute(PARTITIONS, [TABLE])
        names = [name for (name,) in cursor.fetchall()]
    for name in names:
        if found := MONTH.fullmatch(name):
            yield name, datetime(int(found[1]), int(found[2]), 1, tzinfo=UTC)


def _next(first: datetime) -> datetime:
    return (first + timedelta(days=31)).replace(day=1)


def _months_before(at: datetime, months: int) -> datetime:
    """The first instant of the month so many months before this one."""
    month = at.astimezone(UTC).year * 12 + at.astimezone(UTC).month - 1 - months
    return datetime(month // 12, month % 12 + 1, 1, tzinfo=UTC)


@transaction.atomic
def _drop_partition(name: str, first: datetime, at: datetime) -> bool:
    """Sum a month up for good and let go of its rows, at once or not at all. Whoever would refund one of them waits
    meanwhile; others wait for the last moment only, when the table is taken out.
    """
    if not rollup.try_exclusive_lock():
        return False
    with connection.cursor() as cursor:
        cursor.execute(f"LOCK TABLE {name} IN SHARE MODE")
    low, high = ids.min_uuid7_at(first), ids.min_uuid7_at(_next(first))
    rows = CouponRedemption.objects.filter(pk__gte=low, pk__lt=high)
    if not _is_purgeable(rows, name, at):
        return False
    db.execute("coupons/sql/archive_month.sql", {"low": low, "high": high})
    with connection.cursor() as cursor:
        cursor.execute(f"ALTER TABLE {TABLE} DETACH PARTITION {name}")
        cursor.execute(f"DROP TABLE {name}")
    log.info("redemptions_dropped", table=name)
    return True


def _is_purgeable(rows: QuerySet[CouponRedemption], name: str, at: datetime) -> bool:
    if rows.filter(Q(status=Status.RESERVED) | Q(coupon__end_date__gt=at)).exists():
        return False
    coupons: list[UUID] = list(rows.order_by().values_list("coupon", flat=True).distinct())
    different = rollup.differences(coupons, repair=False)
    if different:
        log.error("redemptions_kept", table=name, because=different[0])
    return not different
