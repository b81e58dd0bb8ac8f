"""Audiences computed from purchases: who comes in, who goes out, and when time alone moves somebody.

Triggers note whose confirmed orders changed, in the transaction of the change. A refresh takes notes away and sums
these customers' purchases up anew in one statement, so that a transaction that takes long is not missed, however long.
Whoever is due, by a change or by time, is then judged by ``checkout.rules.segment_types``. Each step is a transaction
of its own: done twice, late or not to the end it does no harm.
"""

import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from django.db import connection, transaction

from checkout import rules
from checkout.contracts import Purchases
from checkout.models import PurchaseNote, PurchaseSum
from promoplatform.kernel import db
from segments import selectors as audiences
from segments import services as segments
from segments.errors import AudienceComputed
from segments.models import Audience

CHUNK = 5_000  # notes or customers in a transaction
BUDGET = 45.0  # seconds that one run goes on; the next comes after a minute
LONG = "SET LOCAL statement_timeout = '5min'"
LOCK = "SELECT pg_try_advisory_xact_lock(hashtext('checkout_purchasesum'))"


def refresh_audiences(*, at: datetime, budget: float = BUDGET) -> None:
    """Bring the audiences that are computed here up to date, until nothing is left or the time is over."""
    ends = time.monotonic() + budget
    for audience in audiences.uncounted():
        count_audience(audience=audience, at=at)
    while sum_some(at=at) + judge_some(at=at) and time.monotonic() < ends:
        pass


@transaction.atomic
def sum_some(*, at: datetime, limit: int = CHUNK) -> int:
    """Sum up anew whom the oldest notes speak of; how many notes. Nothing while another is at it."""
    if not _alone():
        return 0
    row = db.one("checkout/sql/sum_purchases.sql", {"limit": limit, "at": at})
    return row["notes"] if row else 0


@transaction.atomic
def judge_some(*, at: datetime, limit: int = CHUNK) -> int:
    """Move the customers who have been due the longest into and out of computed audiences; how many were due."""
    if not _alone():
        return 0
    due = list(_sums().filter(due_at__lte=at).order_by("due_at")[:limit])
    computed = audiences.computed(brand_ids={row.brand_id for row in due})
    for audience in computed:
        _move(audience, [row for row in due if row.brand_id == audience.brand_id], at)
    _settle(due, at)
    return len(due)


@transaction.atomic
def count_audience(*, audience: Audience, at: datetime) -> None:
    """Count a computed audience from the beginning, for a brand that has just asked for it."""
    if not _alone():
        return
    try:
        segments.count_anew(audience=audience, batches=_all_in(audience, at), at=at)
    except AudienceComputed:  # the brand has changed its mind meanwhile
        return


def audit(*, at: datetime, repair: bool) -> Iterator[str]:
    """A line for each customer whose purchases are not summed up right; ``repair`` has it done anew by the next run."""
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute(LONG)
        rows = db.many("checkout/sql/recount_purchases.sql", {})
    if repair:
        PurchaseNote.objects.bulk_create(
            PurchaseNote(brand_id=row["brand_id"], customer_id=row["customer_id"]) for row in rows
        )
    for row in rows:
        what = f"customer {row['customer_id']} of {row['brand_id']}"
        yield f"{what}: summed up as {row['said']} orders, has {row['counted']}" + (": mended" if repair else "")


def _alone() -> bool:
    """Whether this transaction is now the only one that changes sums, to its end. Others need not wait: it does their
    work too.

    The lock is a statement of its own, so that the next one sees what its last holder wrote.
    """
    with connection.cursor() as cursor:
        cursor.execute(LOCK)
        return bool(cursor.fetchone()[0])


def _sums() -> Any:
    return PurchaseSum.objects.select_related("brand", "customer")


def _types(row: PurchaseSum, at: datetime) -> frozenset[str]:
    return rules.segment_types(_purchases(row), currency=row.brand.currency, at=at)


def _purchases(row: PurchaseSum) -> Purchases:
    return Purchases(row.orders, row.largest, row.first_at, row.last_at)


def _move(audience: Audience, due: Sequence[PurchaseSum], at: datetime) -> None:
    """Those of the due who belong to the audience come in, the others go out."""
    moves: dict[str, list[str]] = defaultdict(list)
    for row in due:
        belongs = audience.segment_type in _types(row, at)
        moves["add" if belongs else "remove"].append(row.customer.customer_id)
    try:
        segments.move(audience=audience, come=moves["add"], go=moves["remove"])
    except AudienceComputed:  # the brand has just had it stopped
        return


def _settle(due: Sequence[PurchaseSum], at: datetime) -> None:
    """Note when time will move them next; a customer who has nothing left is forgotten."""
    gone = [row.pk for row in due if not row.orders]
    db.run(
        "checkout/sql/settle_sums.sql",
        {
            "brands": [row.brand_id for row in due],
            "customers": [row.customer_id for row in due],
            "due": [rules.next_change(_purchases(row), at=at) for row in due],
        },
    )
    if gone:
        PurchaseSum.objects.filter(pk__in=gone).delete()


def _all_in(audience: Audience, at: datetime) -> Iterator[list[str]]:
    """Everyone who belongs to the audience, some thousands at a time."""
    after: int | None = 0
    while after is not None:
        rows = list(_sums().filter(brand=audience.brand_id, customer__gt=after).order_by("customer")[:CHUNK])
        yield [row.customer.customer_id for row in rows if audience.segment_type in _types(row, at)]
        after = rows[-1].customer_id if rows else None
