"""Slot usage of audiences: small audiences are counted at once, larger ones in the background.

Redis caches the counts. They are hints, and are counted again when the cache has lost them.
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
ENQUEUED_TTL = 60  # seconds in which an enqueued count is not enqueued again


def get_reach(*, brand_id: uuid.UUID, segment_types: Collection[str], at: datetime) -> dict[str, AudienceReach]:
    """Return the reach of the brand's audiences by segment type, zero for an unknown type. Takes one query.

    For a large audience, returns the cached count, and enqueues a new count if it is older than ``MAX_AGE``. Counts at
    once only if the cache has no count.
    """
    slots = settings.SEGMENT_SLOTS_PER_CUSTOMER
    params = {"brand": brand_id, "types": sorted(segment_types), "slots": slots, "large": selectors.LARGE_AUDIENCE}
    reach: dict[str, AudienceReach] = {}
    for row in db.fetch_all("segments/sql/select_reach.sql", params):
        free, as_of, size = row["with_free_slot"], at, row["size"]
        if free is None:
            usage = selectors.get_cached_usage(audience_id=row["id"])
            if usage is None:
                usage = count_slot_usage(audience_id=row["id"], at=at)
            elif at - usage.as_of > MAX_AGE:
                enqueue_count(audience_id=row["id"])
            size, free, as_of = usage.customers, usage.customers - usage.count_full(slots=slots), usage.as_of
        reach[row["segment_type"]] = AudienceReach(size, free, as_of)
    return {segment_type: reach.get(segment_type, AudienceReach(0, 0, at)) for segment_type in segment_types}


def get_slot_usage(*, audience: Audience | None, at: datetime) -> SlotUsage | None:
    """Return the slot usage of an audience, or of all customers for None.

    Up to ``LARGE_AUDIENCE`` customers are counted at once. For more, returns the cached count, or None while the first
    count is enqueued. Enqueues a new count if the cached one is older than ``MAX_AGE``.
    """
    if audience is not None and audience.size <= selectors.LARGE_AUDIENCE:
        return selectors.count_slots(audience_id=audience.pk, at=at)
    audience_id = None if audience is None else audience.pk
    usage = selectors.get_cached_usage(audience_id=audience_id)
    if usage is None or at - usage.as_of > MAX_AGE:
        enqueue_count(audience_id=audience_id)
    return usage


def enqueue_count(*, audience_id: int | None) -> None:
    """Enqueue a count, unless it was enqueued in the last ``ENQUEUED_TTL`` seconds."""
    with suppress(redis.Error):  # without Redis nothing is cached, so counting would not help
        if cache.add(f"segments:counting:{audience_id}", 1, ENQUEUED_TTL):
            enqueue_on_commit("segments.count_slots", audience_id=audience_id)


def count_slot_usage(*, audience_id: int | None, at: datetime) -> SlotUsage:
    """Count the slot usage of an audience, or of all customers for None, and cache it."""
    usage = _count_all(at) if audience_id is None else selectors.count_slots(audience_id=audience_id, at=at)
    selectors.cache_usage(usage, audience_id=audience_id)
    return usage


def _count_all(at: datetime) -> SlotUsage:
    with transaction.atomic(), db.extended_timeouts():
        counts = dict(CustomerSlots.objects.order_by().values_list("used").annotate(Count("pk")))
        counts[0] = Customer.objects.count() - sum(count for used, count in counts.items() if used)
    return SlotUsage(tuple(counts.get(used, 0) for used in range(max(counts) + 1)), at)
