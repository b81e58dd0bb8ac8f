"""A counter that lags behind: each process counts its own redemptions and adds them up a few at a time.

Redemptions look at the counter without waiting for it; what gives its place back is counted off at once, so that the
counter lags behind in one direction only. By how much the maximum may be exceeded follows from how far it can lag:
``rules.may_exceed_by``, derived in ``docs/algorithms/coupon-limits.md``.
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
from coupons.models import ACTIVE_STATUSES, CouponCounter, CouponRedemption
from coupons.services.limits import counters


class Approximate:
    """The counter's ``cap`` is the ceiling, the maximum and the bound together."""

    def open(self, *, coupon: uuid.UUID, cap: int) -> None:
        CouponCounter.objects.create(coupon_id=coupon, shard=0, cap=hard_cap(cap))

    def take(self, *, coupon: uuid.UUID, cap: int, ids: Sequence[uuid.UUID]) -> list[int]:
        got = min(len(ids), max(0, cap - _is_counted(coupon)))
        if got:
            behind = rules.flush_size(cap=cap, processes=settings.COUPON_PROCESSES)
            transaction.on_commit(partial(_pending.add, coupon, got, behind), robust=True)
        return [0] * got

    def release(self, *, coupon: uuid.UUID, taken: Sequence[tuple[int, uuid.UUID]]) -> None:
        _adjust_counter(coupon, -len(taken))

    def resize(self, *, coupon: uuid.UUID, cap: int) -> bool:
        counters.lock(coupon=coupon)
        standing = active_count(coupon)
        if standing > cap:
            return False
        CouponCounter.objects.filter(coupon_id=coupon).update(cap=hard_cap(cap), taken=standing)
        return True


def _is_counted(coupon: uuid.UUID) -> int:
    """What the counter says, without waiting for it."""
    return int(CouponCounter.objects.values_list("taken", flat=True).get(coupon_id=coupon))


def hard_cap(cap: int) -> int:
    """The maximum and the bound by which it may be exceeded."""
    return cap + rules.max_overshoot(cap=cap, processes=settings.COUPON_PROCESSES, threads=settings.COUPON_THREADS)


def active_count(coupon: uuid.UUID) -> int:
    """How many redemptions stand."""
    return CouponRedemption.objects.filter(coupon_id=coupon, status__in=ACTIVE_STATUSES, unit__isnull=False).count()


def recount(*, coupon: uuid.UUID, cap: int) -> None:
    """Set the counter to what stands: what died uncounted with a process is counted, and the ceiling is today's."""
    db.execute("coupons/sql/recount_approximate.sql", {"coupon": coupon, "ceiling": hard_cap(cap)})


def _adjust_counter(coupon: uuid.UUID, n: int) -> None:
    """Count so many on, or off, between nothing and the ceiling."""
    counted = Greatest(0, Least(F("cap"), F("taken") + n))
    CouponCounter.objects.filter(coupon_id=coupon).update(taken=counted)


class _PendingCounts:
    """What this process has redeemed since it last added it to the counters.

    Called after commit, so it holds facts alone. Whoever adds waits while another one writes: what is uncounted beyond
    ``behind`` is never more than the threads that wait.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._of: Counter[uuid.UUID] = Counter()

    def add(self, coupon: uuid.UUID, n: int, behind: int) -> None:
        with self._lock:
            self._of[coupon] += n
            if self._of[coupon] >= behind:
                _adjust_counter(coupon, self._of[coupon])
                del self._of[coupon]


_pending = _PendingCounts()
