"""Reads of coupons' codes and their batches."""

import uuid
from collections.abc import Collection, Iterator
from datetime import datetime

from django.db.models import QuerySet

from core import db
from core.errors import NotFound
from coupons.models import CouponBatch, CouponDefinition, RedeemedCode
from promotions.models import Code, CodeBatch

EXPORT_PAGE_SIZE = 5_000  # codes per statement


def is_coupon_code(*, brand_id: uuid.UUID, code: str) -> bool:
    """Return whether a code (normalized) belongs to a coupon of the brand."""
    return Code.objects.filter(text=code, kind="coupon", brand_id=brand_id).exists()


def redeemed_codes_of(*, codes: Collection[str], ids: Collection[uuid.UUID]) -> QuerySet[RedeemedCode]:
    """Return those of the codes that these redemptions use."""
    return RedeemedCode.objects.filter(code__in=codes, redemption_id__in=ids)


def list_batches(*, coupon: CouponDefinition) -> QuerySet[CodeBatch]:
    """Return the batches of single-use codes of the coupon, newest first."""
    batch_ids = CouponBatch.objects.filter(coupon=coupon).values("batch_id")
    return CodeBatch.objects.filter(pk__in=batch_ids).order_by("-pk")


def get_batch(*, pk: uuid.UUID, coupon: CouponDefinition) -> CodeBatch:
    """Return a batch of the coupon. Raises NotFound."""
    batch = list_batches(coupon=coupon).filter(pk=pk).first()
    if batch is None:
        raise NotFound
    return batch


def list_batch_codes(*, batch: CodeBatch, after: str, at: datetime, limit: int) -> list[tuple[str, str]]:
    """Return the codes of the batch that follow ``after``, in order, each ``used``, ``held`` or ``free``."""
    params = {"batch": batch.pk, "after": after, "at": at, "limit": limit}
    return [(row["text"], row["state"]) for row in db.fetch_all("coupons/sql/select_batch_codes.sql", params)]


def iter_batch_codes(*, batch: CodeBatch, at: datetime) -> Iterator[tuple[str, str]]:
    """Yield every code of the batch, each ``used``, ``held`` or ``free``."""
    after = ""
    while page := list_batch_codes(batch=batch, after=after, at=at, limit=EXPORT_PAGE_SIZE):
        yield from page
        after = page[-1][0]
