"""Consistency check of promotions: compares the counters of limits with the redemptions."""

import uuid
from collections.abc import Iterator
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Sum

from core import db
from promotions.models import Promotion, PromotionCounter, PromotionRedemption
from redemptions.limits.rules import FIELD_BY_KIND

GRACE = timedelta(minutes=10)  # expired reservations are normally released within a minute
RECOUNT = "promotions/sql/recount_counters.sql"


def check(*, at: datetime, repair: bool) -> Iterator[str]:
    """Yield a line for each difference. With ``repair``, set counters to what the redemptions took."""
    for row in db.fetch_all(RECOUNT, {"promotion": None}):
        repaired = repair and _recount(row["promotion_id"])
        counter = " ".join(filter(None, [row["kind"], row["slot"], f"shard {row['shard']}"]))
        yield (
            f"promotion {row['promotion_id']}: counter {counter} is {row['taken']} of {row['cap']},"
            f" but redemptions took {row['counted']}" + (": repaired" if repaired else "")
        )
    yield from _check_caps()
    for redemption in PromotionRedemption.objects.filter(reserved_until__lt=at - GRACE).iterator():
        yield (
            f"promotion {redemption.promotion_id}: reservation of {redemption.redemption_id} expired at"
            f" {redemption.reserved_until:%Y-%m-%dT%H:%MZ} and was not released"
        )


@transaction.atomic
def _recount(promotion: uuid.UUID) -> bool:
    """Recount while all counters of the promotion are locked. Return False if redemptions exceed a cap."""
    counters = PromotionCounter.objects.filter(promotion_id=promotion)
    list(counters.select_for_update().order_by("kind", "scope_key", "shard"))
    differences = db.fetch_all(RECOUNT, {"promotion": promotion})
    for row in differences:
        if row["counted"] <= row["cap"]:
            counters.filter(kind=row["kind"], scope_key=row["slot"], shard=row["shard"]).update(taken=row["counted"])
    return all(row["counted"] <= row["cap"] for row in differences)


def _check_caps() -> Iterator[str]:
    """Yield a line for each limit whose shards don't add up to it."""
    sums = PromotionCounter.objects.values("promotion_id", "kind", "scope_key").annotate(total=Sum("cap")).order_by()
    for row in sums.iterator():
        limit = Promotion.objects.values_list(FIELD_BY_KIND[row["kind"]], flat=True).get(pk=row["promotion_id"])
        if row["total"] != limit:
            counter = " ".join(filter(None, [row["kind"], row["scope_key"]]))
            yield f"promotion {row['promotion_id']}: shards of {counter} add up to {row['total']}, not {limit}"
