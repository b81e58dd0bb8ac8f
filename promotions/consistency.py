"""What must hold among promotions, their limits and their uses, counted again from the uses."""

import uuid
from collections.abc import Iterator
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Sum

from core import db
from promotions.models import Promotion, PromotionCounter, PromotionRedemption

GRACE = timedelta(minutes=10)  # expired holds are let go of within a minute when all is well
RECOUNT = "promotions/sql/recount_counters.sql"
CAPS = {
    "budget": "budget", "total": "limit_total", "user": "limit_per_user",
    "day": "limit_per_day", "week": "limit_per_week", "month": "limit_per_month",
}  # fmt: skip


def check(*, at: datetime, repair: bool) -> Iterator[str]:
    """A line a difference; ``repair`` writes into counters what the uses took of them."""
    for row in db.fetch_all(RECOUNT, {"promotion": None}):
        mended = repair and _recount(row["promotion_id"])
        place = " ".join(filter(None, [row["kind"], row["slot"], f"shard {row['shard']}"]))
        yield (
            f"promotion {row['promotion_id']}: {place} says {row['taken']} of {row['cap']},"
            f" its uses took {row['counted']}" + (": mended" if mended else "")
        )
    yield from _caps()
    for use in PromotionRedemption.objects.filter(reserved_until__lt=at - GRACE).iterator():
        yield f"promotion {use.promotion_id}: held by {use.redemption_id} until {use.reserved_until:%Y-%m-%dT%H:%MZ}"


@transaction.atomic
def _recount(promotion: uuid.UUID) -> bool:
    """Recount under the locks of all of the promotion's counters; False where the uses took more than the cap."""
    counters = PromotionCounter.objects.filter(promotion_id=promotion)
    list(counters.select_for_update().order_by("kind", "scope_key", "shard"))
    wrong = db.fetch_all(RECOUNT, {"promotion": promotion})
    for row in wrong:
        if row["counted"] <= row["cap"]:
            counters.filter(kind=row["kind"], scope_key=row["scope_key"], shard=row["shard"]).update(
                taken=row["counted"]
            )
    return all(row["counted"] <= row["cap"] for row in wrong)


def _caps() -> Iterator[str]:
    """The shards of a limit add up to it."""
    sums = PromotionCounter.objects.values("promotion_id", "kind", "scope_key").annotate(whole=Sum("cap")).order_by()
    for row in sums.iterator():
        limit = Promotion.objects.values_list(CAPS[row["kind"]], flat=True).get(pk=row["promotion_id"])
        if row["whole"] != limit:
            yield f"promotion {row['promotion_id']}: {row['kind']} {row['scope_key']} adds up to {row['whole']}, not {limit}"
