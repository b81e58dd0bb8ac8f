"""Candidates of coupons at checkout."""

import json
import uuid
from collections.abc import Collection, Mapping
from datetime import datetime

from django.db.models import Exists, OuterRef, Q, Subquery

from core import db
from core.errors import DomainError
from coupons import rules
from coupons.models import CouponDefinition, RedeemedCode
from coupons.selectors.coupons import count_redemptions, list_public, read_coupon_limits, remaining
from redemptions.codes.models import Code
from redemptions.codes.selectors.codes import unrestricted
from redemptions.contracts import AvailabilityQuery, Candidate, CandidateQuery, Rejection
from redemptions.errors import CodeAlreadyUsed, CodeInactive
from redemptions.uses.selectors import get_remaining, restrict_available, restrict_offer

KIND = "coupon"


def candidates(*, query: CandidateQuery) -> list[Candidate | Rejection]:
    """Return for each code its coupon as a candidate, or a rejection; three queries or more, none without codes."""
    if not query.codes:
        return []
    customer = query.shopper.id if query.shopper else None
    rows = db.fetch_all("coupons/sql/select_candidates.sql", {"codes": list(query.codes), "at": query.at})
    ids = [row["id"] for row in rows]
    units_left = remaining(coupons=ids, at=query.at)
    counts = count_redemptions(coupons=ids, customer=customer, at=query.at)
    offers = {row["id"]: read_coupon_limits(row) for row in rows}
    left = get_remaining(offers=list(offers.values()), at=query.at, customer=customer, identities=query.identities)
    results: list[Candidate | Rejection] = []
    for row in rows:
        error = _offer_error(row, units_left.get(row["id"]), counts.get(row["id"], 0))
        if error is None:
            candidate = _candidate_of_row(row)
            results.append(restrict_offer(candidate, offers[row["id"]], left, currency=query.cart.currency))
        else:
            results.append(Rejection(row["code"], error.as_dict(), KIND, row["id"], row["brand_id"]))
    return results


def _offer_error(row: db.Row, units_left: int | None, count: int) -> DomainError | None:
    if row["is_spent"]:
        return CodeAlreadyUsed()
    cap = row["maximum_per_user"]
    if not row["brand_is_active"]:
        return CodeInactive()
    left = None if cap is None else max(0, cap - count)
    return rules.offer_error(status=row["status"], remaining=units_left, remaining_for_customer=left)


def _candidate_of_row(row: db.Row) -> Candidate:
    return Candidate(
        kind=KIND, id=str(row["id"]), key=str(row["id"]), code=row["code"], title=row["title"],
        brand_id=row["brand_id"], brand=row["brand"], timezone=row["timezone"],
        offer=rules.parse_offer_cached(row["offer"]), order=row["age"], offer_id=row["id"],
        currency=row["currency"],
    )  # fmt: skip


def available(*, query: AvailabilityQuery) -> list[Candidate]:
    """Return the coupons that the shopper could redeem now, newest first: those with a generic code or one of theirs.

    A code is named only if it is assigned to the shopper: the brand decides who knows a generic code.
    """
    coupons = list_public().filter(start_date__lte=query.at, end_date__gt=query.at)
    coupons = coupons.annotate(own_code=_own_code(query.shopper.id, query.at))
    generic = Code.objects.filter(unrestricted(query.at), offer=OuterRef("pk"), batch=None)
    coupons = coupons.filter(Exists(generic) | Q(own_code__isnull=False))
    if query.brands:
        coupons = coupons.filter(brand__slug__in=query.brands)
    newest = list(coupons.order_by("-pk")[: query.limit])
    ids = [coupon.pk for coupon in newest]
    units_left = remaining(coupons=ids, at=query.at)
    counts = count_redemptions(coupons=ids, customer=query.shopper.id, at=query.at)
    candidates = [
        (_candidate_of(coupon, coupon.own_code or ""), coupon.limits)
        for coupon in newest
        if units_left.get(coupon.pk) != 0 and not _is_exhausted(coupon, counts)
    ]
    return restrict_available(candidates, query=query)


def _is_exhausted(coupon: CouponDefinition, counts: Mapping[uuid.UUID, int]) -> bool:
    cap = coupon.maximum_number_of_coupons_per_user
    return cap is not None and counts.get(coupon.pk, 0) >= cap


def _own_code(customer: int | None, at: datetime) -> Subquery:
    """Return the first code of a coupon that is assigned to the customer and not redeemed."""
    redeemed = RedeemedCode.objects.filter(coupon_id=OuterRef("offer"), code=OuterRef("text"))
    codes = Code.objects.filter(unrestricted(at), offer=OuterRef("pk"), kind=KIND, customer_id=customer or -1)
    return Subquery(codes.filter(~Exists(redeemed)).order_by("pk").values("text")[:1])


def _candidate_of(coupon: CouponDefinition, code: str) -> Candidate:
    brand = coupon.brand
    return Candidate(
        kind=KIND, id=str(coupon.pk), key=str(coupon.pk), code=code, title=coupon.title,
        brand_id=brand.pk, brand=brand.slug, timezone=brand.timezone,
        offer=rules.parse_offer_cached(json.dumps(coupon.offer)), order=int(coupon.created_at.timestamp()),
        offer_id=coupon.pk, currency=brand.currency,
    )  # fmt: skip


def offer_names(*, offers: Collection[uuid.UUID]) -> dict[uuid.UUID, str]:
    """Return the titles of coupons by ID."""
    return dict(CouponDefinition.objects.filter(pk__in=offers).values_list("pk", "title"))
