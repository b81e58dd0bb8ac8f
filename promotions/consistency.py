"""Consistency check of promotions: compares the rows of limits with the redemptions."""

import uuid
from collections.abc import Iterator
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Exists, OuterRef

from core import db
from promotions.models import Promotion, PromotionRedemption
from redemptions.limits import services as limits
from redemptions.limits.models import Limit
from redemptions.limits.selectors import find_wrong_caps

GRACE = timedelta(minutes=10)  # expired reservations are normally released within a minute
RECOUNT = "promotions/sql/recount_limits.sql"


def check(*, at: datetime, repair: bool) -> Iterator[str]:
    """Yield a line for each difference. With ``repair``, set limits to what the redemptions took."""
    for row in db.fetch_all(RECOUNT, {"promotion": None}):
        repaired = repair and _recount(row["owner"])
        limit = " ".join(filter(None, [row["scope"], row["slot"], f"shard {row['shard']}"]))
        yield (
            f"promotion {row['owner']}: {limit} is {row['taken']} of {row['cap']},"
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
    """Recount while the promotion is locked. Return False if redemptions exceed a cap."""
    list(Promotion.objects.select_for_update().filter(pk=promotion))
    differences = db.fetch_all(RECOUNT, {"promotion": promotion})
    return limits.recount(
        owner=promotion, counted={(row["scope"], row["slot"], row["shard"]): row["counted"] for row in differences}
    )


def _check_caps() -> Iterator[str]:
    """Yield a line for each limit whose shards don't add up to it."""
    promotions = Promotion.objects.filter(Exists(Limit.objects.filter(owner=OuterRef("pk"))))
    for promotion in promotions.order_by("pk").iterator():
        caps = promotion.caps
        for (scope, slot), total in find_wrong_caps(owner=promotion.pk, caps=caps):
            limit = " ".join(filter(None, [scope, slot]))
            yield f"promotion {promotion.pk}: shards of {limit} add up to {total}, not {caps.get(scope)}"
