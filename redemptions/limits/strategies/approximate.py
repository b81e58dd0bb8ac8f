"""Approximate limit: each process counts its own redemptions and adds them to the counter a few at a time.

Redemptions read the counter without waiting for it. Releases are subtracted at once, so the counter lags in one
direction only. ``rules.max_overshoot`` gives the resulting bound (``docs/algorithms/limit-strategies.md`` derives it).
"""

import threading
import uuid
from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial
from typing import ClassVar

from django.conf import settings
from django.db import transaction
from django.db.models import F, QuerySet
from django.db.models.functions import Greatest, Least

from redemptions.limits import rules
from redemptions.limits.models import Limit
from redemptions.limits.rules import APPROXIMATE_TOTAL


class Approximate:
    """Limit by a counter that lags. The ``cap`` of its row is the hard cap: the limit plus the largest overshoot."""

    late_unit: ClassVar = 0

    def open(self, *, owner: uuid.UUID, cap: int, used: int = 0) -> None:
        high = max(hard_cap(cap), used)
        Limit.objects.create(owner=owner, scope=APPROXIMATE_TOTAL, slot="", shard=0, taken=used, cap=high)

    def take(self, *, owner: uuid.UUID, cap: int, ids: Sequence[uuid.UUID]) -> list[int]:
        taken = min(len(ids), max(0, cap - _read_counter(owner)))
        if taken:
            flush_size = rules.flush_size(cap=cap, processes=settings.COUPON_PROCESSES)
            transaction.on_commit(partial(_pending.add, owner, taken, flush_size), robust=True)
        return [0] * taken

    def release(self, *, owner: uuid.UUID, taken: Sequence[tuple[int, uuid.UUID]]) -> None:
        adjust_counter(owner, -len(taken))

    def resize(self, *, owner: uuid.UUID, cap: int, count: Callable[[], int]) -> None:
        list(_rows(owner).select_for_update())
        used = count()
        _rows(owner).update(cap=max(hard_cap(cap), used), taken=used)

    def close(self, *, owner: uuid.UUID) -> None:
        _rows(owner).delete()


def find_overshoot(cap: int) -> int:
    """Return by how much a limit may be exceeded by the processes and threads of this installation."""
    return rules.max_overshoot(cap=cap, processes=settings.COUPON_PROCESSES, threads=settings.COUPON_THREADS)


def hard_cap(cap: int) -> int:
    """Return the limit plus the largest overshoot."""
    return cap + find_overshoot(cap)


def adjust_counter(owner: uuid.UUID, change: int) -> None:
    """Add a number, or subtract a negative one, keeping the counter between 0 and the hard cap."""
    _rows(owner).update(taken=Greatest(0, Least(F("cap"), F("taken") + change)))


def _rows(owner: uuid.UUID) -> QuerySet[Limit]:
    return Limit.objects.filter(owner=owner, scope=APPROXIMATE_TOTAL, slot="")


def _read_counter(owner: uuid.UUID) -> int:
    """Return the value of the counter without waiting for its lock."""
    return int(_rows(owner).values_list("taken", flat=True).get())


class _PendingCounts:
    """Redemptions of this process that are not yet added to the counters.

    It is called after commit, so it counts committed redemptions only. Threads that add wait while one of them writes,
    so beyond ``flush_size``, at most one redemption per waiting thread is uncounted.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: Counter[uuid.UUID] = Counter()

    def add(self, owner: uuid.UUID, count: int, flush_size: int) -> None:
        """Count redemptions, and add them to the offer's counter once there are ``flush_size`` of them."""
        with self._lock:
            self._counts[owner] += count
            if self._counts[owner] >= flush_size:
                adjust_counter(owner, self._counts[owner])
                del self._counts[owner]


_pending = _PendingCounts()
