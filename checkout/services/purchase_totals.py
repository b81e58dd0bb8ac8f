"""Audiences computed from purchases: who comes in, who goes out, and when time alone moves somebody.

Triggers note whose confirmed orders changed, in the transaction of the change. A refresh takes notes away and sums
these customers' purchases up anew in one statement, so that a transaction that takes long is not missed, however long.
Whoever is due, by a change or by time, is then judged by ``checkout.rules.segment_types``. Each step is a transaction
of its own: done twice, late or not to the end it does no harm.
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
CHUNK = 5_000  # notes or customers in a transaction
BUDGET = 45.0  # seconds that one run goes on; the next comes after a minute
EXTENDED_TIMEOUT = "SET LOCAL statement_timeout = '5min'"
LOCK = "SELECT pg_try_advisory_xact_lock(hashtext('checkout_purchasesum'))"


class _CustomerPurchases:
    """A customer of a brand, by key and by id, and what they bought of it."""

    __slots__ = ("brand_id", "currency", "customer_id", "key", "purchases")

    def __init__(self, brand_id: uuid.UUID, key: int, customer_id: str, currency: str, *purchases: Any) -> None:
        self.brand_id, self.key, self.customer_id, self.currency = brand_id, key, customer_id, currency
        self.purchases = PurchaseTotals(*purchases)

    def types(self, at: datetime) -> frozenset[str]:
        return rules.segment_types(self.purchases, currency=self.currency, at=at)


def refresh_audiences(*, at: datetime, budget: float = BUDGET) -> None:
    """Bring the audiences that are computed here up to date, until nothing is left or the time is over."""
    ends = time.monotonic() + budget
    for audience in audiences.list_pending_automatic():
        count_audience(audience=audience, at=at)
    while refresh_totals(at=at) + update_memberships(at=at) and time.monotonic() < ends:
        pass


@transaction.atomic
def refresh_totals(*, at: datetime, limit: int = CHUNK) -> int:
    """Sum up anew whom the oldest notes speak of; how many notes. Nothing while another is at it."""
    if not _try_exclusive_lock():
        return 0
    row = db.fetch_one("checkout/sql/refresh_purchase_totals.sql", {"limit": limit, "at": at})
    return row["notes"] if row else 0


@transaction.atomic
def update_memberships(*, at: datetime, limit: int = CHUNK) -> int:
    """Move the customers who have been due the longest into and out of computed audiences; how many were due."""
    if not _try_exclusive_lock():
        return 0
    due = _load_customers(PurchaseTotal.objects.filter(due_at__lte=at).order_by("due_at"), limit)
    judged = [(buyer, buyer.types(at)) for buyer in due]
    for audience in audiences.computed(brand_ids={buyer.brand_id for buyer in due}):
        _apply_memberships(audience, judged)
    _schedule_next(due, at)
    return len(due)


@transaction.atomic
def count_audience(*, audience: Audience, at: datetime) -> None:
    """Count a computed audience from the beginning, for a brand that has just asked for it."""
    if not _try_exclusive_lock():
        return
    ids = ([buyer.customer_id for buyer in some] for some in _iter_expected_members(audience, at))
    try:
        segments.replace_members(audience=audience, batches=ids, at=at)
    except AudienceReadOnly:  # the brand has changed its mind meanwhile
        return


def check(*, at: datetime, repair: bool) -> Iterator[str]:
    """A line for each customer whose purchases are not summed up right, and for each computed audience that holds
    others than these say; ``repair`` has both done anew by the next run.
    """
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute(EXTENDED_TIMEOUT)
        rows = db.fetch_all("checkout/sql/recount_purchases.sql", {})
    if repair:
        DirtyPurchaseTotal.objects.bulk_create(
            DirtyPurchaseTotal(brand_id=row["brand_id"], customer_id=row["customer_id"]) for row in rows
        )
    mended = ": mended" if repair else ""
    for row in rows:
        what = f"customer {row['customer_id']} of {row['brand_id']}"
        yield f"{what}: summed up as {row['said']} orders, has {row['counted']}{mended}"
    for audience in audiences.list_ready_automatic():
        if _differs(audience, at):
            if repair:
                segments.request_recount(audience=audience)
            yield f"audience {audience.segment_type} of {audience.brand_id}: not who its purchases say{mended}"


@transaction.atomic
def _differs(audience: Audience, at: datetime) -> bool:
    """Whether an audience holds others than it should; one that a refresh has still to look at does not count."""
    if not _try_exclusive_lock() or PurchaseTotal.objects.filter(brand=audience.brand_id, due_at__lte=at).exists():
        return False
    wanted = (buyer.key for some in _iter_expected_members(audience, at) for buyer in some)
    return any(one != other for one, other in zip_longest(wanted, audiences.member_keys(audience)))


def _try_exclusive_lock() -> bool:
    """Whether this transaction is now the only one that changes sums, to its end. Others need not wait: it does their
    work too.

    The lock is a statement of its own, so that the next one sees what its last holder wrote.
    """
    with connection.cursor() as cursor:
        cursor.execute(LOCK)
        return bool(cursor.fetchone()[0])


def _load_customers(rows: QuerySet[PurchaseTotal], limit: int) -> list[_CustomerPurchases]:
    return [_CustomerPurchases(*row) for row in rows.values_list(*_LOAD_CUSTOMER)[:limit]]


def _apply_memberships(audience: Audience, judged: Sequence[tuple[_CustomerPurchases, frozenset[str]]]) -> None:
    """Those of the due who belong to the audience come in, the others go out."""
    come: list[str] = []
    go: list[str] = []
    for buyer, types in judged:
        if buyer.brand_id == audience.brand_id:
            (come if audience.segment_type in types else go).append(buyer.customer_id)
    try:
        segments.update_members(audience=audience, added=come, removed=go)
    except AudienceReadOnly:  # the brand has just had it stopped
        return


def _schedule_next(due: Sequence[_CustomerPurchases], at: datetime) -> None:
    """Note when time will move them next; a customer who has nothing left is forgotten."""
    db.execute(
        "checkout/sql/schedule_evaluations.sql",
        {
            "brands": [buyer.brand_id for buyer in due],
            "customers": [buyer.key for buyer in due],
            "due": [rules.next_change(buyer.purchases, at=at) for buyer in due],
        },
    )
    if gone := [(buyer.brand_id, buyer.key) for buyer in due if not buyer.purchases.orders]:
        PurchaseTotal.objects.filter(pk__in=gone).delete()


def _iter_expected_members(audience: Audience, at: datetime) -> Iterator[list[_CustomerPurchases]]:
    """Everyone who belongs to the audience by key, some thousands at a time."""
    after: int | None = 0
    while after is not None:
        rows = PurchaseTotal.objects.filter(brand=audience.brand_id, customer__gt=after).order_by("customer")
        some = _load_customers(rows, CHUNK)
        yield [buyer for buyer in some if audience.segment_type in buyer.types(at)]
        after = some[-1].key if some else None
