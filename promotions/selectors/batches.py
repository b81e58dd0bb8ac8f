"""Reads of batches and of their codes."""

import uuid
from collections.abc import Iterator
from datetime import datetime

from django.db.models import QuerySet, Sum

from core import db
from core.errors import NotFound
from promotions.models import Code, CodeBatch, Promotion
from redemptions.codes.rules import normalize_prefix, previous_key

PAGE_SIZE = 5_000  # codes that one statement of an export reads

BatchCode = tuple[str, str | None, str]  # a code, the ID of its customer, and "used", "held" or "free"


def list_batches(*, promotion: Promotion) -> QuerySet[CodeBatch]:
    """Return the batches of the promotion, newest first."""
    return CodeBatch.objects.filter(promotion=promotion).select_related("promotion__brand").order_by("-pk")


def get_batch(*, pk: uuid.UUID, promotion: Promotion) -> CodeBatch:
    """Return a batch of the promotion. Raises NotFound."""
    batch = list_batches(promotion=promotion).filter(pk=pk).first()
    if batch is None:
        raise NotFound
    return batch


def count_codes_of_pattern(*, brand_id: uuid.UUID, pattern: str) -> int:
    """Return the number of codes in the brand's batches of a pattern, including those still to be generated."""
    batches = CodeBatch.objects.filter(brand_id=brand_id, pattern=pattern)
    return int(batches.aggregate(total=Sum("count"))["total"] or 0)


def list_batch_codes(*, batch: CodeBatch, after: str, at: datetime, limit: int) -> list[BatchCode]:
    """Return up to ``limit`` codes of the batch that sort after a text, in order."""
    rows = db.fetch_all(
        "promotions/sql/find_batch_codes.sql", {"batch": batch.pk, "after": after, "at": at, "limit": limit}
    )
    return [(row["text"], row["customer"], row["state"]) for row in rows]


def iter_batch_codes(*, batch: CodeBatch, at: datetime) -> Iterator[BatchCode]:
    """Yield every code of the batch in order. Reads one page at a time."""
    after = ""
    while page := list_batch_codes(batch=batch, after=after, at=at, limit=PAGE_SIZE):
        yield from page
        if len(page) < PAGE_SIZE:
            return
        after = page[-1][0]


def search_batch_codes(*, batch: CodeBatch, term: str, after: str, at: datetime, limit: int) -> list[BatchCode]:
    """Return the codes of the batch that start with a term and sort after a text.

    If no code starts with the term, return the code of the customer with this ID.
    """
    prefix = normalize_prefix(term)
    if prefix is not None:
        previous = previous_key(prefix) if prefix else ""
        page = list_batch_codes(batch=batch, after=max(after, previous), at=at, limit=limit)
        if matches := [row for row in page if row[0].startswith(prefix)]:
            return matches
    code = Code.objects.filter(batch=batch, customer__customer_id=term).values_list("pk", flat=True).first()
    return [] if code is None else list_batch_codes(batch=batch, after=previous_key(code), at=at, limit=1)
