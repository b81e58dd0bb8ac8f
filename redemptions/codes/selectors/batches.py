"""Reads of batches and of their codes."""

import uuid
from collections.abc import Collection, Iterator
from datetime import datetime
from typing import NamedTuple

from django.db.models import Q, QuerySet, Sum

from core import db
from core.errors import NotFound
from redemptions.backends import get_code_backend
from redemptions.balances.selectors import get_balances
from redemptions.codes.models import Code, CodeBatch
from redemptions.codes.rules import canonicalize_code, normalize_prefix, previous_key, unused_status
from redemptions.codes.selectors.codes import get_stored_value, unrestricted
from redemptions.contracts import CodeStatus
from redemptions.stored_values import StoredValue

PAGE_SIZE = 5_000  # codes that one statement of an export reads
MAX_COUNTED_CODES = 50_000  # of a batch whose used codes a page counts, about half a second


class BatchCode(NamedTuple):
    """A code of a batch, the ID of its customer, and its status."""

    text: str
    customer_id: str | None
    status: CodeStatus
    expires_at: datetime | None


def list_batches(*, offer: uuid.UUID) -> QuerySet[CodeBatch]:
    """Return the batches of the offer, newest first."""
    return CodeBatch.objects.filter(offer=offer).select_related("brand").order_by("-pk")


def get_batch(*, pk: uuid.UUID, offer: uuid.UUID) -> CodeBatch:
    """Return a batch of the offer. Raises NotFound."""
    batch = list_batches(offer=offer).filter(pk=pk).first()
    if batch is None:
        raise NotFound
    return batch


def get_batch_balance(*, batch: CodeBatch, at: datetime) -> StoredValue | None:
    """Return the initial balance of the batch's codes, if they have one of their own. Runs no query otherwise."""
    if batch.balance is None:
        return None
    value = get_stored_value(kind=batch.kind, offer=batch.offer, at=at)
    return StoredValue(value.currency, batch.balance) if value else None


def count_codes_of_pattern(*, brand_id: uuid.UUID, pattern: str) -> int:
    """Return the number of codes in the brand's batches of a pattern, including those still to be generated."""
    batches = CodeBatch.objects.filter(brand_id=brand_id, pattern=pattern)
    return int(batches.aggregate(total=Sum("count"))["total"] or 0)


def get_batches_of_taken_codes(
    *, codes: Collection[str], brand_id: uuid.UUID, offer: uuid.UUID
) -> dict[str, uuid.UUID | None]:
    """Return those of the canonical codes that the brand has now, or that the offer ever had, with their batches."""
    if not codes:
        return {}
    is_taken = Q(brand=brand_id, archived_at=None) | Q(offer=offer)
    rows = Code.objects.filter(is_taken, canonical__in=codes).values_list("canonical", "batch_id")
    return dict(rows.order_by("archived_at"))


def list_batch_codes(*, batch: CodeBatch, after: str, at: datetime, limit: int) -> list[BatchCode]:
    """Return up to ``limit`` codes of the batch that sort after a text, in order."""
    return _list_codes(batch, after, at, limit, get_stored_value(kind=batch.kind, offer=batch.offer, at=at))


def _list_codes(
    batch: CodeBatch, after: str, at: datetime, limit: int, stored_value: StoredValue | None
) -> list[BatchCode]:
    params = {"batch": batch.pk, "after": after, "limit": limit}
    rows = db.fetch_all("redemptions/codes/sql/select_batch_codes.sql", params)
    texts = [row["text"] for row in rows]
    statuses = dict(get_code_backend(batch.kind).get_code_statuses(offer=batch.offer, codes=texts, at=at))
    if stored_value is not None:
        balances = get_balances(values=dict.fromkeys(((batch.offer, text) for text in texts), stored_value), at=at)
        statuses |= {text: CodeStatus.USED for (_, text), balance in balances.items() if not balance.left}
    return [_to_batch_code(row, statuses.get(row["text"]), at) for row in rows]


def _to_batch_code(row: db.Row, used: CodeStatus | None, at: datetime) -> BatchCode:
    status = used or unused_status(expires_at=row["expires_at"], revoked_at=row["revoked_at"], at=at)
    return BatchCode(row["text"], row["customer"], status, row["expires_at"])


def iter_batch_codes(*, batch: CodeBatch, at: datetime) -> Iterator[BatchCode]:
    """Yield every code of the batch in order. Reads one page at a time."""
    after, stored_value = "", get_stored_value(kind=batch.kind, offer=batch.offer, at=at)
    while page := _list_codes(batch, after, at, PAGE_SIZE, stored_value):
        yield from page
        if len(page) < PAGE_SIZE:
            return
        after = page[-1].text


def count_redeemable_codes(*, batch: CodeBatch, at: datetime) -> tuple[int, bool]:
    """Return the number of the batch's codes that can still be redeemed, and whether it is exact.

    A batch of more than ``MAX_COUNTED_CODES`` codes counts those that are used, too.
    """
    if batch.count <= MAX_COUNTED_CODES:
        statuses = (code.status for code in iter_batch_codes(batch=batch, at=at))
        return sum(status in (CodeStatus.AVAILABLE, CodeStatus.RESERVED) for status in statuses), True
    return Code.objects.filter(unrestricted(at), batch=batch).count(), False


def find_batch_codes(*, batch: CodeBatch, term: str, at: datetime) -> list[BatchCode]:
    """Return the code of the batch with this text in any spelling, or else that of the customer with this ID."""
    codes = Code.objects.filter(batch=batch).values_list("text", flat=True)
    code = codes.filter(offer=batch.offer, canonical=canonicalize_code(term)).first()
    code = code or codes.filter(customer__customer_id=term).first()
    return [] if code is None else list_batch_codes(batch=batch, after=previous_key(code), at=at, limit=1)


def search_batch_codes(*, batch: CodeBatch, term: str, after: str, at: datetime, limit: int) -> list[BatchCode]:
    """Return the codes of the batch that start with a term and sort after a text.

    If no code starts with the term, return the code of the customer with this ID.
    """
    prefix = normalize_prefix(term)
    if prefix is not None:
        previous = previous_key(prefix) if prefix else ""
        page = list_batch_codes(batch=batch, after=max(after, previous), at=at, limit=limit)
        if matches := [row for row in page if row.text.startswith(prefix)]:
            return matches
    return find_batch_codes(batch=batch, term=term, at=at)
