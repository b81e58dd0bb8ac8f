"""Consistency check of pools: compares the row of each pool, of every kind of offer, with its units."""

import uuid
from collections.abc import Iterator
from datetime import datetime

from django.db import transaction

from core import db
from redemptions.limits import services as limits
from redemptions.limits.models import Limit
from redemptions.limits.rules import POOL_TOTAL

RECOUNT_POOLS = "redemptions/limits/sql/recount_pools.sql"


def check(*, at: datetime, repair: bool) -> Iterator[str]:
    """Yield a line for each pool whose row differs from its units. With ``repair``, set the row to their number."""
    with transaction.atomic(), db.extended_timeouts():
        differences = db.fetch_all(RECOUNT_POOLS, {"owner": None})
    for row in differences:
        repaired = repair and _recount(row["owner"])
        yield (
            f"pool {row['owner']}: {row['taken']} of {row['cap']} units stored, {row['counted']} counted"
            + (": repaired" if repaired else "")
        )


@transaction.atomic
def _recount(owner: uuid.UUID) -> bool:
    """Recount a pool while its rows are locked, so that no unit is created or deleted. Return False above its limit."""
    list(Limit.objects.select_for_update().filter(owner=owner, scope=POOL_TOTAL).order_by("slot", "shard"))
    return limits.recount(owner=owner, rows=db.fetch_all(RECOUNT_POOLS, {"owner": owner}))
