"""Approximate limit: each process counts its own redemptions and adds them to the counter a few at a time.

Redemptions read the counter without waiting for it. Releases are subtracted at once, so the counter lags in one
direction only. ``rules.max_overshoot`` gives the resulting bound (``docs/algorithms/coupon-limits.md`` derives it).
"""

import threading
import uuid
from collections import Counter
from collections.abc import Sequence
from functools import partial

from django.conf import settings
from django.db import transaction
from django.db.models import F
from django.db.models.functions import Greatest, Least

from core import db
from coupons import rules
from coupons.models import CouponCounter, CouponRedemption
from coupons.services.limits import counters
from redemptions.statuses import LIVE


class Approximate:
    """Limit by a counter that lags. Its ``cap`` is the hard cap: the limit plus the largest overshoot."""

    def open(self, *, coupon: uuid.UUID, cap: int) -> None:
        CouponCounter.objects.create(coupon_id=coupon, shard=0, cap=hard_cap(cap))

    def take(self, *, coupon: uuid.UUID, cap: int, ids: Sequence[uuid.UUID]) -> list[int]:
        taken = min(len(ids), max(0, cap - _read_counter(coupon)))
        if taken:
            flush_size = rules.flush_size(cap=cap, processes=settings.COUPON_PROCESSES)
            transaction.on_commit(partial(_pending.add, coupon, taken, flush_size), robust=True)
        return [0] * taken

    def release(self, *, coupon: uuid.UUID, taken: Sequence[tuple[int, uuid.UUID]]) -> None:
        _adjust_counter(coupon, -len(taken))

    def resize(self, *, coupon: uuid.UUID, cap: int) -> bool:
        counters.lock(coupon=coupon)
        active = active_count(coupon)
        if active > cap:
            return False
        CouponCounter.objects.filter(coupon_id=coupon).update(cap=hard_cap(cap), taken=active)
        return True


def _read_counter(coupon: uuid.UUID) -> int:
    """Return the value of the counter without waiting for its lock."""
    return int(CouponCounter.objects.values_list("taken", flat=True).get(coupon_id=coupon))


def hard_cap(cap: int) -> int:
    """Return the limit plus the largest overshoot."""
    return cap + rules.max_overshoot(cap=cap, processes=settings.COUPON_PROCESSES, threads=settings.COUPON_THREADS)


def active_count(coupon: uuid.UUID) -> int:
    """Return the number of active redemptions that took a unit."""
    return CouponRedemption.objects.filter(coupon_id=coupon, status__in=LIVE, unit__isnull=False).count()


def recount(*, coupon: uuid.UUID, cap: int) -> None:
    """Set the counter to the active redemptions, including those that a process lost, and update its hard cap."""
    db.execute("coupons/sql/recount_approximate.sql", {"coupon": coupon, "hard_cap": hard_cap(cap)})


def _adjust_counter(coupon: uuid.UUID, change: int) -> None:
    """Add a number, or subtract a negative one, keeping the counter between 0 and the hard cap."""
    taken = Greatest(0, Least(F("cap"), F("taken") + change))
    CouponCounter.objects.filter(coupon_id=coupon).update(taken=taken)


class _PendingCounts:
    """Redemptions of this process that are not yet added to the counters.

    It is called after commit, so it counts committed redemptions only. Threads that add wait while one of them writes,
    so beyond ``flush_size``, at most one redemption per waiting thread is uncounted.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: Counter[uuid.UUID] = Counter()

    def add(self, coupon: uuid.UUID, count: int, flush_size: int) -> None:
        """Count redemptions, and add them to the coupon's counter once there are ``flush_size`` of them."""
        with self._lock:
            self._counts[coupon] += count
            if self._counts[coupon] >= flush_size:
                _adjust_counter(coupon, self._counts[coupon])
                del self._counts[coupon]


_pending = _PendingCounts()
