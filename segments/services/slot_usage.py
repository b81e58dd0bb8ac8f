"""How full customers are: counted at once where that is quick, else in the background.

What was counted is kept in Redis: it is a hint, which is counted anew when it is gone.
"""

import uuid
from collections.abc import Collection
from contextlib import suppress
from datetime import datetime, timedelta

from django.conf import settings
from django.core.cache import cache
from django.db import transaction
from django.db.models import Count

from accounts.models import Customer
from core import db, redis
from core.outbox import enqueue_on_commit
from segments import selectors
from segments.contracts import AudienceReach, SlotUsage
from segments.models import Audience, CustomerSlots

MAX_AGE = timedelta(minutes=5)
ENQUEUED_TTL = 60  # seconds that a count which was promised is waited for


def reach(*, brand_id: uuid.UUID, segment_types: Collection[str], at: datetime) -> dict[str, AudienceReach]:
    """The reach of the brand's audiences, nobody in one that was never sent; one query.

    A large audience is answered as it was counted last; what is no longer ``FRESH`` is promised to be counted again.
    Only one that was never counted is counted now.
    """
    slots = settings.SEGMENT_SLOTS_PER_CUSTOMER
    params = {"brand": brand_id, "types": sorted(segment_types), "slots": slots, "large": selectors.LARGE}
    found: dict[str, AudienceReach] = {}
    for row in db.fetch_all("segments/sql/select_reach.sql", params):
        free, as_of, size = row["with_free_slot"], at, row["size"]
        if free is None:
            known = selectors.get_cached_usage(audience_id=row["id"])
            if known is None:
                known = count_slot_usage(audience_id=row["id"], at=at)
            elif at - known.as_of > MAX_AGE:
                enqueue_count(audience_id=row["id"])
            size, free, as_of = known.customers, known.customers - known.full(slots=slots), known.as_of
        found[row["segment_type"]] = AudienceReach(size, free, as_of)
    return {it: found.get(it, AudienceReach(0, 0, at)) for it in segment_types}


def get_slot_usage(*, audience: Audience | None, at: datetime) -> SlotUsage | None:
    """How full the customers of an audience are; all of the platform's without one.

    Up to ``LARGE`` customers are counted now. Of more, as they were counted last, and None while that is done for the
    first time; it is promised again when it is no longer ``FRESH``.
    """
    if audience is not None and audience.size <= selectors.LARGE:
        return selectors.count_slots(audience_id=audience.pk, at=at)
    audience_id = None if audience is None else audience.pk
    known = selectors.get_cached_usage(audience_id=audience_id)
    if known is None or at - known.as_of > MAX_AGE:
        enqueue_count(audience_id=audience_id)
    return known


def enqueue_count(*, audience_id: int | None) -> None:
    """Somebody will ask for this count: promise it, unless it is promised already."""
    with suppress(redis.Error):  # without Redis nothing is kept, and nothing promised again and again
        if cache.add(f"segments:counting:{audience_id}", 1, ENQUEUED_TTL):
            enqueue_on_commit("segments.count_slots", audience_id=audience_id)


def count_slot_usage(*, audience_id: int | None, at: datetime) -> SlotUsage:
    """Count an audience, or all customers of the platform, and keep it for whoever asks."""
    found = _all_customers(at) if audience_id is None else selectors.count_slots(audience_id=audience_id, at=at)
    selectors.cache_usage(found, audience_id=audience_id)
    return found


def _all_customers(at: datetime) -> SlotUsage:
    with transaction.atomic(), db.extended_timeouts():
        found = dict(CustomerSlots.objects.order_by().values_list("used").annotate(Count("pk")))
        found[0] = Customer.objects.count() - sum(many for used, many in found.items() if used)
    return SlotUsage(tuple(found.get(used, 0) for used in range(max(found) + 1)), at)
