"""Creates the units of pools in the background, and deletes the free units of ended offers, of every kind."""

import time
import uuid
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Exists, F, OuterRef

from redemptions.contracts import MAX_RESERVATION
from redemptions.lifecycle import offer_models
from redemptions.limits.models import Limit, LimitUnit, Strategy
from redemptions.limits.rules import POOL_TOTAL, is_pool_build_time
from redemptions.limits.strategies import pool
from redemptions.statuses import OfferDecision

TIME_BUDGET_SECONDS = 30.0  # of one task; it enqueues the next
POOL_RETENTION = MAX_RESERVATION + timedelta(days=1)  # after the end of an offer, when no reservation is left


def create_units(*, owner: uuid.UUID, at: datetime, budget: float = TIME_BUDGET_SECONDS) -> None:
    """Create the missing units of the pool of an offer. After ``budget`` seconds, enqueue a task for the rest.

    Outside the quiet hours, only offers that start within a day get units; a periodic task returns to the others.
    Each chunk is a transaction that counts its units, so an interrupted creation continues where it stopped.
    """
    start = next((start for model in _list_models() for start in _select_start(model, owner)), None)
    if start is None or not is_pool_build_time(start=start, at=at, hours=settings.POOL_BUILD_HOURS):
        return
    deadline = time.monotonic() + budget
    while _create_chunk(owner):
        if time.monotonic() >= deadline:
            pool.enqueue_creation(owner)
            return


def _list_models() -> list[Any]:
    """Return the models of the kinds whose total limit can be a pool."""
    return [model for model in offer_models() if hasattr(model, "limit_strategy")]


def _select_start(model: Any, owner: uuid.UUID) -> Iterator[datetime]:
    return model.with_offer_keys([owner]).values_list("start_date", flat=True).iterator()  # type: ignore[no-any-return]


@transaction.atomic
def _create_chunk(owner: uuid.UUID) -> int:
    return pool.create_units(owner=owner)


def maintain_pools(*, at: datetime) -> None:
    """Create the missing units of pools that have not ended, and delete the free units of those that have."""
    for model in _list_models():
        pools = model.objects.filter(limit_strategy=Strategy.POOL)
        for owner in _list_unfilled(model, pools, at):
            create_units(owner=owner, at=at)
        for owner in _list_finished(model, pools, at - POOL_RETENTION):
            while _delete_chunk(owner):
                pass


def _list_unfilled(model: Any, pools: Any, at: datetime) -> list[uuid.UUID]:
    """Return the pools that have not ended and lack units, by their start."""
    rows = Limit.objects.filter(owner=OuterRef(model.offer_key_field), scope=POOL_TOTAL, shard=0, taken__lt=F("cap"))
    unfilled = pools.filter(Exists(rows), decision=OfferDecision.PUBLISHED, end_date__gt=at)
    return list(unfilled.order_by("start_date").values_list(model.offer_key_field, flat=True))


def _list_finished(model: Any, pools: Any, ended_before: datetime) -> list[uuid.UUID]:
    """Return the pools that ended before a datetime and still have free units."""
    free_units = LimitUnit.objects.filter(owner=OuterRef(model.offer_key_field), redemption_id=None)
    finished = pools.filter(Exists(free_units), end_date__lt=ended_before)
    return list(finished.order_by("pk").values_list(model.offer_key_field, flat=True))


@transaction.atomic
def _delete_chunk(owner: uuid.UUID) -> int:
    list(Limit.objects.select_for_update().filter(owner=owner, scope=POOL_TOTAL))
    return pool.delete_units(owner=owner, wanted=pool.CHUNK)
