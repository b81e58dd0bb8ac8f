"""Single redemptions as the admin looks for them: by an index, a page at a time, never counted."""

import uuid
from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from django.db.models import QuerySet

from accounts.selectors import customer_key
from core import db, ids
from coupons.models import ACTIVE_STATUSES, CouponDefinition, CouponRedemption, RedeemedCode

FIRST, LAST = uuid.UUID(int=0), uuid.UUID(int=2**128 - 1)
CHUNK = 2_000
WINDOW = timedelta(days=90)  # in which all coupons of a brand are looked through, where no first day is named


@dataclass(frozen=True, slots=True)
class RedemptionQuery:
    """Which redemptions: of a brand's coupons, perhaps of one, by one customer, with one code (normalised), in one
    status, made from an instant on and before another.
    """

    brand: uuid.UUID
    coupon: uuid.UUID | None = None
    customer: str = ""
    code: str = ""
    status: str = ""
    since: datetime | None = None
    until: datetime | None = None

    @property
    def is_unbounded(self) -> bool:
        """Whether all coupons of the brand would be looked through, in all of time."""
        return not (self.coupon or self.customer or self.code or self.since)


def with_default_window(question: RedemptionQuery, *, at: datetime) -> RedemptionQuery:
    """The same; where all coupons of the brand would be looked through, in the last ``WINDOW``."""
    return replace(question, since=at - WINDOW) if question.is_unbounded else question


def list_recent(question: RedemptionQuery, *, before: uuid.UUID | None = None, limit: int) -> list[CouponRedemption]:
    """The newest of them (older than the one ``before``), the newest first, with what lists show.

    A code for everyone stands for its coupon: all redemptions of that are found, also those made without typing it.
    """
    if question.code and (shared := _coupon_of(question)):
        if question.coupon not in (None, shared):
            return []
        question = replace(question, coupon=shared, code="")
    first = ids.min_uuid7_at(question.since) if question.since else FIRST
    until = min(before or LAST, ids.min_uuid7_at(question.until) if question.until else LAST)
    if question.customer:
        rows = _filtered(question, first, until).filter(customer_id=customer_key(question.customer))
        found: Collection[uuid.UUID] = rows.values_list("pk", flat=True)[:limit]
    elif question.code:
        found = _ids_by_code(question, first, until, limit)
    else:
        found = _ids_by_coupon(question, first, until, limit)
    mine = CouponRedemption.objects.filter(pk__in=list(found)).select_related("coupon__brand", "customer")
    return list(mine.order_by("-pk"))


def iter_all(question: RedemptionQuery) -> Iterator[CouponRedemption]:
    """All of them, the newest first, some thousands at a time."""
    before = None
    while found := list_recent(question, before=before, limit=CHUNK):
        yield from found
        if len(found) < CHUNK:
            return
        before = found[-1].pk


def _coupon_of(question: RedemptionQuery) -> uuid.UUID | None:
    """The brand's coupon that the code opens for everyone."""
    shared = CouponDefinition.objects.filter(brand_id=question.brand, code_id=question.code)
    return shared.values_list("pk", flat=True).first()


def _filtered(question: RedemptionQuery, first: uuid.UUID, until: uuid.UUID) -> QuerySet[CouponRedemption]:
    rows = CouponRedemption.objects.filter(coupon__brand_id=question.brand, pk__gte=first, pk__lt=until).order_by("-pk")
    if question.coupon:
        rows = rows.filter(coupon_id=question.coupon)
    if question.code:
        rows = rows.filter(code=question.code)
    if question.status:
        rows = rows.filter(status=question.status)
    return rows


def _ids_by_code(question: RedemptionQuery, first: uuid.UUID, until: uuid.UUID, limit: int) -> list[uuid.UUID]:
    """Of a code that is good once: the one that has it now, and those that gave it back; each by its own index."""
    rows = _filtered(question, first, until)
    has_it = RedeemedCode.objects.filter(pk=question.code).values_list("redemption_id", flat=True).first()
    stands = list(rows.filter(pk=has_it).values_list("pk", flat=True)) if has_it else []
    ended = rows.filter(ended_at__isnull=False).exclude(code="").values_list("pk", flat=True)
    return sorted({*stands, *ended[:limit]}, reverse=True)[:limit]


def _ids_by_coupon(question: RedemptionQuery, first: uuid.UUID, until: uuid.UUID, limit: int) -> list[uuid.UUID]:
    params = {
        "brand": question.brand, "coupon": question.coupon, "status": question.status or None,
        "ended": bool(question.status) and question.status not in ACTIVE_STATUSES, "first": first, "until": until,
        "limit": limit,
    }  # fmt: skip
    return [row["id"] for row in db.fetch_all("coupons/sql/newest_redemptions.sql", params)]
