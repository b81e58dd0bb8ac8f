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

from coupons import rules
from coupons.models import STANDING, CouponCounter, CouponRedemption
from coupons.services.limits import counters
from promoplatform.kernel import db


class Approximate:
    """The counter's ``cap`` is the ceiling, the maximum and the bound together."""

    def open(self, *, coupon: uuid.UUID, cap: int) -> None:
        CouponCounter.objects.create(coupon_id=coupon, shard=0, cap=ceiling(cap))

    def take(self, *, coupon: uuid.UUID, cap: int, ids: Sequence[uuid.UUID]) -> list[int]:
        got = min(len(ids), max(0, cap - _counted(coupon)))
        if got:
            behind = rules.counts_behind(cap=cap, processes=settings.COUPON_PROCESSES)
            transaction.on_commit(partial(_uncounted.add, coupon, got, behind), robust=True)
        return [0] * got

    def give_back(self, *, coupon: uuid.UUID, taken: Sequence[tuple[int, uuid.UUID]]) -> None:
        _count(coupon, -len(taken))

    def resize(self, *, coupon: uuid.UUID, cap: int) -> bool:
        counters.lock(coupon=coupon)
        standing = count(coupon)
        if standing > cap:
            return False
        CouponCounter.objects.filter(coupon_id=coupon).update(cap=ceiling(cap), taken=standing)
        return True


def _counted(coupon: uuid.UUID) -> int:
    """What the counter says, without waiting for it."""
    return int(CouponCounter.objects.values_list("taken", flat=True).get(coupon_id=coupon))


def ceiling(cap: int) -> int:
    """The maximum and the bound by which it may be exceeded."""
    return cap + rules.may_exceed_by(cap=cap, processes=settings.COUPON_PROCESSES, threads=settings.COUPON_THREADS)


def count(coupon: uuid.UUID) -> int:
    """How many redemptions stand."""
    return CouponRedemption.objects.filter(coupon_id=coupon, status__in=STANDING, unit__isnull=False).count()


def recount(*, coupon: uuid.UUID, cap: int) -> None:
    """Set the counter to what stands: what died uncounted with a process is counted, and the ceiling is today's."""
    db.run("coupons/sql/recount_approximate.sql", {"coupon": coupon, "ceiling": ceiling(cap)})


def _count(coupon: uuid.UUID, n: int) -> None:
    """Count so many on, or off, between nothing and the ceiling."""
    counted = Greatest(0, Least(F("cap"), F("taken") + n))
    CouponCounter.objects.filter(coupon_id=coupon).update(taken=counted)


class _Uncounted:
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
                _count(coupon, self._of[coupon])
                del self._of[coupon]


_uncounted = _Uncounted()
