"""The live reservations of a customer with each brand, of all apps in which shoppers reserve offers."""

import uuid
from collections import Counter
from collections.abc import Collection
from datetime import datetime

from django.conf import settings
from django.utils.module_loading import import_string

from accounts.selectors import lock_customers

CustomerOfBrand = tuple[int, uuid.UUID]
"""The key of a customer, and the ID of a brand."""


def lock_full(*, customers: Collection[int], at: datetime) -> frozenset[CustomerOfBrand]:
    """Return which of the customers have as many reservations with a brand as shoppers may, with these brands.

    Locks the customers until the transaction ends, so that none of them gets a reservation from another one of their
    own requests. Callers lock offers and their limits only afterwards.
    """
    maximum = settings.MAX_RESERVATIONS_PER_CUSTOMER
    if not maximum or not customers:
        return frozenset()
    lock_customers(customers)
    counts: Counter[CustomerOfBrand] = Counter()
    for path in settings.RESERVATION_COUNTERS:
        counts.update(import_string(path)(customers=customers, at=at))
    return frozenset(key for key, count in counts.items() if count >= maximum)
