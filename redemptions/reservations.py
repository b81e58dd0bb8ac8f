"""The reservations of a customer with each brand, of all apps in which shoppers reserve offers."""

import uuid
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil
from typing import Any

from django.conf import settings
from django.db.models import Count, Max, Q, QuerySet
from django.utils.module_loading import import_string

from accounts.selectors import lock_customers
from core.backoff import exponential_delay
from core.errors import DomainError, Throttled
from redemptions.errors import TooManyReservations

CustomerOfBrand = tuple[int, uuid.UUID]
"""The key of a customer, and the ID of a brand."""

COUNTED_FOR = timedelta(hours=24)  # how long a reservation that expired counts
FREE_EXPIRIES = 1  # of them, without a wait
MAX_COOLDOWN_SECONDS = 3600


@dataclass(frozen=True, slots=True)
class ReservationCount:
    """How many reservations of a customer with a brand are live, how many expired unpaid, and when the last one did."""

    live: int
    expired: int
    expired_at: datetime | None

    def __add__(self, other: "ReservationCount") -> "ReservationCount":
        times = [at for at in (self.expired_at, other.expired_at) if at is not None]
        return ReservationCount(self.live + other.live, self.expired + other.expired, max(times, default=None))


def count_by_brand(
    rows: QuerySet[Any], *, brand: str, expires: str, at: datetime
) -> dict[CustomerOfBrand, ReservationCount]:
    """Count the live and the expired reservations among rows, by customer and brand.

    ``brand`` is the lookup from a row to the brand, and ``expires`` the column of the end of the reservation.
    """
    is_expired = Q(**{f"{expires}__lte": at})
    counted = (
        rows.values_list("customer", brand)
        .order_by()
        .annotate(
            live=Count("pk", distinct=True, filter=~is_expired),
            expired=Count("pk", distinct=True, filter=is_expired),
            expired_at=Max(expires, filter=is_expired),
        )
    )
    return {(customer, brand_id): ReservationCount(*counts) for customer, brand_id, *counts in counted}


def lock_blocked(*, customers: Collection[int], at: datetime) -> Mapping[CustomerOfBrand, DomainError]:
    """Return why customers may not reserve with brands: TooManyReservations, or Throttled for those who have to wait.

    Each reservation that expires unpaid, after the first within a day, doubles the wait after it. Locks the customers
    until the transaction ends, so that none of them gets a reservation from another one of their own requests. Callers
    lock offers and their limits only afterwards.
    """
    if not customers or not (settings.MAX_RESERVATIONS_PER_CUSTOMER or settings.RESERVATION_COOLDOWN_SECONDS):
        return {}
    lock_customers(customers)
    counts: dict[CustomerOfBrand, ReservationCount] = {}
    for path in settings.RESERVATION_COUNTERS:
        counted = import_string(path)(customers=customers, since=at - COUNTED_FOR, at=at)
        counts |= {key: counts[key] + count if key in counts else count for key, count in counted.items()}
    errors = {key: _find_error(count, at) for key, count in counts.items()}
    return {key: error for key, error in errors.items() if error is not None}


def _find_error(count: ReservationCount, at: datetime) -> DomainError | None:
    maximum = settings.MAX_RESERVATIONS_PER_CUSTOMER
    if maximum and count.live >= maximum:
        return TooManyReservations()
    first, waits = settings.RESERVATION_COOLDOWN_SECONDS, count.expired - FREE_EXPIRIES
    if not first or waits < 1 or count.expired_at is None:
        return None
    ends_at = count.expired_at + exponential_delay(waits, first=first, maximum=MAX_COOLDOWN_SECONDS)
    return Throttled(ceil((ends_at - at).total_seconds())) if ends_at > at else None
