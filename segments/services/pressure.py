"""How full customers are: how many of them use how many slots. Counted where that is quick, else in the background.

What was counted is kept in Redis: it is a hint, which is counted anew when it is gone.
"""

from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.core.cache import cache
from django.db import transaction
from django.db.models import Count

from accounts.models import Customer
from promoplatform.kernel import db, redis
from promoplatform.kernel.outbox import later
from segments.models import Audience, CustomerSlots
from segments.selectors import LARGE
from segments.services.audiences import patience

FRESH = timedelta(minutes=5)  # after which a large audience is counted anew for whoever asks
_KEPT, _PATIENCE = 86_400, 60  # seconds that a count is kept; that one which was promised is waited for


@dataclass(frozen=True, slots=True)
class Pressure:
    """As of an instant: ``by_used[k]`` customers use ``k`` slots."""

    by_used: tuple[int, ...]
    as_of: datetime

    @property
    def customers(self) -> int:
        """How many there are."""
        return sum(self.by_used)

    def full(self, *, slots: int) -> int:
        """How many have no free slot, if a customer has ``slots`` in all."""
        return sum(self.by_used[slots:])


def ask(*, audience: Audience | None, at: datetime) -> Pressure | None:
    """How full the customers of an audience are; of all the platform's without one.

    Up to ``LARGE`` customers are counted now. Of more, as they were counted last, and None while that is done for the
    first time; it is promised again when it is older than ``FRESH``.
    """
    if audience is not None and audience.size <= LARGE:
        return _counted(audience.pk, at)
    audience_id = None if audience is None else audience.pk
    known: Pressure | None = None
    with suppress(redis.Error):  # without Redis nothing is counted, and nothing promised again and again
        known = cache.get(_key(audience_id))
        if (known is None or at - known.as_of > FRESH) and cache.add(f"{_key(audience_id)}:promised", 1, _PATIENCE):
            later("segments.count_slots", audience_id=audience_id)
    return known


def count(*, audience_id: int | None, at: datetime) -> None:
    """Count an audience, or all customers of the platform, and keep it for whoever asks."""
    with transaction.atomic(), patience():
        found = _counted(audience_id, at)
    cache.set(_key(audience_id), found, _KEPT)


def _counted(audience_id: int | None, at: datetime) -> Pressure:
    if audience_id is None:
        found = dict(CustomerSlots.objects.order_by().values_list("used").annotate(Count("pk")))
        found[0] = Customer.objects.count() - sum(many for used, many in found.items() if used)
    else:
        rows = db.many("segments/sql/count_slots.sql", {"audience": audience_id})
        found = {row["used"]: row["customers"] for row in rows}
    return Pressure(tuple(found.get(used, 0) for used in range(max(found, default=0) + 1)), at)


def _key(audience_id: int | None) -> str:
    return f"segments:pressure:{audience_id or 'all'}"
