"""How full customers are: counted at once where that is quick, else in the background.

What was counted is kept in Redis: it is a hint, which is counted anew when it is gone.
"""

from contextlib import suppress
from datetime import datetime

from django.core.cache import cache
from django.db import transaction
from django.db.models import Count

from accounts.models import Customer
from promoplatform.kernel import db, redis
from promoplatform.kernel.outbox import later
from segments import selectors
from segments.contracts import Pressure
from segments.models import Audience, CustomerSlots

PROMISED = 60  # seconds that a count which was promised is waited for


def ask(*, audience: Audience | None, at: datetime) -> Pressure | None:
    """How full the customers of an audience are; all of the platform's without one.

    Up to ``LARGE`` customers are counted now. Of more, as they were counted last, and None while that is done for the
    first time; it is promised again when it is no longer ``FRESH``.
    """
    if audience is not None and audience.size <= selectors.LARGE:
        return selectors.count_slots(audience_id=audience.pk, at=at)
    audience_id = None if audience is None else audience.pk
    known = selectors.remembered(audience_id=audience_id)
    if known is None or at - known.as_of > selectors.FRESH:
        with suppress(redis.Error):  # without Redis nothing is kept, and nothing promised again and again
            if cache.add(f"segments:counting:{audience_id}", 1, PROMISED):
                later("segments.count_slots", audience_id=audience_id)
    return known


def count(*, audience_id: int | None, at: datetime) -> None:
    """Count an audience, or all customers of the platform, and keep it for whoever asks."""
    found = _everybody(at) if audience_id is None else selectors.count_slots(audience_id=audience_id, at=at)
    selectors.remember(found, audience_id=audience_id)


def _everybody(at: datetime) -> Pressure:
    with transaction.atomic(), db.patience():
        found = dict(CustomerSlots.objects.order_by().values_list("used").annotate(Count("pk")))
        found[0] = Customer.objects.count() - sum(many for used, many in found.items() if used)
    return Pressure(tuple(found.get(used, 0) for used in range(max(found) + 1)), at)
