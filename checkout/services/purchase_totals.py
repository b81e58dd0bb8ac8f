"""Automatic audiences from purchases: who joins, who leaves, and when that changes without a purchase.

Triggers write a dirty marker when a customer's confirmed orders change, in the transaction of the change. A refresh
deletes markers and recalculates the totals of these customers in one statement, so no change of a long transaction is
lost. ``checkout.rules.segment_types`` then evaluates customers who are due, after a change or by time. Each step is a
transaction and safe to repeat, delay or interrupt.
"""

import time
import uuid
from collections.abc import Iterator, Sequence
from datetime import datetime
from itertools import zip_longest
from typing import Any

from django.db import connection, transaction
from django.db.models import QuerySet

from checkout import rules
from checkout.contracts import PurchaseTotals
from checkout.models import DirtyPurchaseTotal, PurchaseTotal
from core import db
from segments import selectors as audiences
from segments import services as segments
from segments.errors import AudienceReadOnly
from segments.models import Audience

_LOAD_CUSTOMER = (
    "brand_id", "customer_id", "customer__customer_id", "brand__currency", "orders", "largest", "first_at", "last_at"
)  # fmt: skip
CHUNK = 5_000  # markers or customers in a transaction
TIME_BUDGET = 45.0  # seconds of one run; the next one starts after a minute
EXTENDED_TIMEOUT = "SET LOCAL statement_timeout = '5min'"
LOCK = "SELECT pg_try_advisory_xact_lock(hashtext('checkout_purchasesum'))"


class _CustomerPurchases:
    """A customer of a brand with the totals of their purchases; ``key`` is the internal key."""

    __slots__ = ("brand_id", "currency", "customer_id", "key", "totals")

    def __init__(self, brand_id: uuid.UUID, key: int, customer_id: str, currency: str, *totals: Any) -> None:
        self.brand_id, self.key, self.customer_id, self.currency = brand_id, key, customer_id, currency
        self.totals = PurchaseTotals(*totals)

    def segment_types(self, at: datetime) -> frozenset[str]:
        """Return the customer's automatic segment types."""
        return rules.segment_types(self.totals, currency=self.currency, at=at)


def refresh_audiences(*, at: datetime, time_budget: float = TIME_BUDGET) -> None:
    """Update the automatic audiences until nothing is due or the time budget (seconds) is spent."""
    deadline = time.monotonic() + time_budget
    for audience in audiences.list_pending_automatic():
        count_audience(audience=audience, at=at)
    while refresh_totals(at=at) + update_memberships(at=at) and time.monotonic() < deadline:
        pass


@transaction.atomic
def refresh_totals(*, at: datetime, limit: int = CHUNK) -> int:
    """Recalculate the totals of the customers with the oldest markers. Return the number of markers deleted.

    Returns 0 if another worker holds the lock.
    """
    if not _try_exclusive_lock():
        return 0
    row = db.fetch_one("checkout/sql/refresh_purchase_totals.sql", {"limit": limit, "at": at})
    return row["markers"] if row else 0


@transaction.atomic
def update_memberships(*, at: datetime, limit: int = CHUNK) -> int:
    """Evaluate the customers who have been due the longest and update their memberships. Return their number.

    Returns 0 if another worker holds the lock.
    """
    if not _try_exclusive_lock():
        return 0
    due = _load_customers(PurchaseTotal.objects.filter(due_at__lte=at).order_by("due_at"), limit)
    evaluated = [(customer, customer.segment_types(at)) for customer in due]
    for audience in audiences.list_automatic(brand_ids={customer.brand_id for customer in due}):
        _apply_memberships(audience, evaluated)
    _schedule_next(due, at)
    return len(due)


@transaction.atomic
def count_audience(*, audience: Audience, at: datetime) -> None:
    """Fill an audience that was just made automatic. Does nothing if another worker holds the lock."""
    if not _try_exclusive_lock():
        return
    batches = ([member.customer_id for member in chunk] for chunk in _iter_expected_members(audience, at))
    try:
        segments.replace_members(audience=audience, batches=batches, at=at)
    except AudienceReadOnly:  # no longer automatic
        return


def check(*, at: datetime, repair: bool) -> Iterator[str]:
    """Yield a line for each customer with wrong totals, and for each automatic audience with wrong members.

    ``repair`` schedules them for the next run.
    """
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute(EXTENDED_TIMEOUT)
        rows = db.fetch_all("checkout/sql/recount_purchases.sql", {})
    if repair:
        DirtyPurchaseTotal.objects.bulk_create(
            DirtyPurchaseTotal(brand_id=row["brand_id"], customer_id=row["customer_id"]) for row in rows
        )
    suffix = ": scheduled" if repair else ""
    for row in rows:
        customer = f"customer {row['customer_id']} of {row['brand_id']}"
        yield f"{customer}: {row['stored']} orders stored, {row['counted']} counted{suffix}"
    for audience in audiences.list_ready_automatic():
        if _has_wrong_members(audience, at):
            if repair:
                segments.request_recount(audience=audience)
            yield f"audience {audience.segment_type} of {audience.brand_id}: members don't match purchases{suffix}"


@transaction.atomic
def _has_wrong_members(audience: Audience, at: datetime) -> bool:
    """Return whether an audience has other members than it should. An audience with due customers doesn't count."""
    if not _try_exclusive_lock() or PurchaseTotal.objects.filter(brand=audience.brand_id, due_at__lte=at).exists():
        return False
    expected = (member.key for chunk in _iter_expected_members(audience, at) for member in chunk)
    actual = audiences.iter_member_keys(audience)
    return any(expected_key != actual_key for expected_key, actual_key in zip_longest(expected, actual))


def _try_exclusive_lock() -> bool:
    """Return whether this transaction holds the lock on totals until its end. Other workers needn't wait for it.

    The lock is a statement of its own, so that the next statement sees what the previous holder wrote.
    """
    with connection.cursor() as cursor:
        cursor.execute(LOCK)
        return bool(cursor.fetchone()[0])


def _load_customers(rows: QuerySet[PurchaseTotal], limit: int) -> list[_CustomerPurchases]:
    return [_CustomerPurchases(*row) for row in rows.values_list(*_LOAD_CUSTOMER)[:limit]]


def _apply_memberships(audience: Audience, evaluated: Sequence[tuple[_CustomerPurchases, frozenset[str]]]) -> None:
    """Add the evaluated customers who belong to the audience and remove the others of its brand."""
    added: list[str] = []
    removed: list[str] = []
    for customer, segment_types in evaluated:
        if customer.brand_id == audience.brand_id:
            (added if audience.segment_type in segment_types else removed).append(customer.customer_id)
    try:
        segments.update_members(audience=audience, added=added, removed=removed)
    except AudienceReadOnly:  # no longer automatic
        return


def _schedule_next(evaluated: Sequence[_CustomerPurchases], at: datetime) -> None:
    """Store when each customer is due next, and delete the totals of customers without orders."""
    db.execute(
        "checkout/sql/schedule_evaluations.sql",
        {
            "brands": [customer.brand_id for customer in evaluated],
            "customers": [customer.key for customer in evaluated],
            "due": [rules.next_change(customer.totals, at=at) for customer in evaluated],
        },
    )
    if without_orders := [(customer.brand_id, customer.key) for customer in evaluated if not customer.totals.orders]:
        PurchaseTotal.objects.filter(pk__in=without_orders).delete()


def _iter_expected_members(audience: Audience, at: datetime) -> Iterator[list[_CustomerPurchases]]:
    """Yield the customers who belong to the audience in chunks, ordered by key."""
    after: int | None = 0
    while after is not None:
        rows = PurchaseTotal.objects.filter(brand=audience.brand_id, customer__gt=after).order_by("customer")
        chunk = _load_customers(rows, CHUNK)
        yield [customer for customer in chunk if audience.segment_type in customer.segment_types(at)]
        after = chunk[-1].key if chunk else None
