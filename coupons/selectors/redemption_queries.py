"""Search for redemptions: by indexes, page by page, never counted."""

import uuid
from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from django.db.models import QuerySet

from accounts.selectors import customer_key
from core import db, ids
from coupons.models import CouponRedemption, RedeemedCode
from coupons.selectors.codes import KIND
from redemptions.codes.selectors.codes import find_code_of_brand
from redemptions.statuses import LIVE

FIRST_ID, LAST_ID = uuid.UUID(int=0), uuid.UUID(int=2**128 - 1)
CHUNK = 2_000  # redemptions per statement of an export
WINDOW = timedelta(days=90)  # period of a search through all coupons of a brand without a start


@dataclass(frozen=True, slots=True)
class RedemptionQuery:
    """Filters for the redemptions of a brand's coupons.

    ``code`` is normalized. ``since`` is inclusive and ``until`` exclusive; they refer to the time of the request.
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
        """Whether the query covers all coupons of the brand from the beginning."""
        return not (self.coupon or self.customer or self.code or self.since)


def with_default_window(query: RedemptionQuery, *, at: datetime) -> RedemptionQuery:
    """Return the query; an unbounded one is limited to the last ``WINDOW``."""
    return replace(query, since=at - WINDOW) if query.is_unbounded else query


def list_recent(query: RedemptionQuery, *, before: uuid.UUID | None = None, limit: int) -> list[CouponRedemption]:
    """Return the newest matching redemptions (older than ``before``), newest first, with their coupons and customers.

    A generic code matches all redemptions of its coupon, including those by the coupon's ID.
    """
    if query.code:
        code = find_code_of_brand(code=query.code, kind=KIND, brand_id=query.brand)
        if code is None or query.coupon not in (None, code.offer):
            return []
        query = replace(query, coupon=code.offer, code=code.text if code.single_use else "")
    first = ids.min_uuid7_at(query.since) if query.since else FIRST_ID
    until = min(before or LAST_ID, ids.min_uuid7_at(query.until) if query.until else LAST_ID)
    if query.customer:
        rows = _filtered(query, first, until).filter(customer_id=customer_key(query.customer))
        redemption_ids: Collection[uuid.UUID] = rows.values_list("pk", flat=True)[:limit]
    elif query.code:
        redemption_ids = _ids_by_code(query, first, until, limit)
    else:
        redemption_ids = _ids_by_coupon(query, first, until, limit)
    redemptions = CouponRedemption.objects.filter(pk__in=list(redemption_ids))
    return list(redemptions.select_related("coupon__brand", "customer").order_by("-pk"))


def iter_all(query: RedemptionQuery) -> Iterator[CouponRedemption]:
    """Yield all matching redemptions, newest first, ``CHUNK`` per statement."""
    before = None
    while redemptions := list_recent(query, before=before, limit=CHUNK):
        yield from redemptions
        if len(redemptions) < CHUNK:
            return
        before = redemptions[-1].pk


def _filtered(query: RedemptionQuery, first: uuid.UUID, until: uuid.UUID) -> QuerySet[CouponRedemption]:
    rows = CouponRedemption.objects.filter(coupon__brand_id=query.brand, pk__gte=first, pk__lt=until).order_by("-pk")
    if query.coupon:
        rows = rows.filter(coupon_id=query.coupon)
    if query.code:
        rows = rows.filter(code=query.code)
    if query.status:
        rows = rows.filter(status=query.status)
    return rows


def _ids_by_code(query: RedemptionQuery, first: uuid.UUID, until: uuid.UUID, limit: int) -> list[uuid.UUID]:
    """Return the redemption that uses a single-use code, and those that released it; each by its own index."""
    rows = _filtered(query, first, until)
    active_id = (
        RedeemedCode.objects.filter(coupon=query.coupon, code=query.code)
        .values_list("redemption_id", flat=True)
        .first()
    )
    active = list(rows.filter(pk=active_id).values_list("pk", flat=True)) if active_id else []
    ended = rows.filter(ended_at__isnull=False).exclude(code="").values_list("pk", flat=True)
    return sorted({*active, *ended[:limit]}, reverse=True)[:limit]


def _ids_by_coupon(query: RedemptionQuery, first: uuid.UUID, until: uuid.UUID, limit: int) -> list[uuid.UUID]:
    params = {
        "brand": query.brand, "coupon": query.coupon, "status": query.status or None,
        "ended": bool(query.status) and query.status not in LIVE, "first": first, "until": until,
        "limit": limit,
    }  # fmt: skip
    return [row["id"] for row in db.fetch_all("coupons/sql/select_newest_redemptions.sql", params)]
