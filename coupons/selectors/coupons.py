"""Reads of coupons: lists, remaining units, usage and eligibility."""

import json
import uuid
from collections.abc import Collection, Sequence
from dataclasses import fields
from datetime import datetime
from functools import lru_cache
from typing import Any

from django.db.models import Case, CharField, Exists, F, Func, OuterRef, Q, QuerySet, TextField, Value, When
from django.db.models.functions import Cast, Concat

from accounts.contracts import Shopper
from accounts.models import Brand
from core import db
from core.errors import DomainError, NotFound
from coupons import rules
from coupons.contracts import CouponSnapshot, CouponUsage, RedemptionRequest, list_customer_caps
from coupons.errors import CouponLimitReached
from coupons.models import CouponDefinition
from redemptions.codes.contracts import RestrictedCode
from redemptions.codes.rules import canonicalize_code
from redemptions.contracts import LimitedOffer
from redemptions.lifecycle import status_condition
from redemptions.limits.models import Limit, LimitUnit, Strategy
from redemptions.limits.rules import TOTALS
from redemptions.statuses import OfferDecision, OfferStatus
from redemptions.uses.contracts import read_limits

SCOPES = json.dumps(TOTALS)
SNAPSHOT_FIELDS = {field.name for field in fields(CouponSnapshot)} - {"limits"}


# --- lists ------------------------------------------------------------------------------------------------------------
def list_coupons() -> QuerySet[CouponDefinition]:
    """Return all coupons with their brands."""
    return CouponDefinition.objects.select_related("brand")


def list_for_brands(*, brand_ids: Collection[uuid.UUID] | None) -> QuerySet[CouponDefinition]:
    """Return the coupons of the brands; of all brands for None."""
    return list_coupons() if brand_ids is None else list_coupons().filter(brand_id__in=brand_ids)


def list_public() -> QuerySet[CouponDefinition]:
    """Return the coupons that every signed-in user may see: those that their brand has published."""
    return list_coupons().filter(decision=OfferDecision.PUBLISHED, brand__is_active=True)


def list_recent(*, brand: Brand, limit: int) -> list[CouponDefinition]:
    """Return the newest coupons of the brand, at most ``limit``."""
    return list(CouponDefinition.objects.filter(brand=brand).order_by("-pk")[:limit])


def filter_active(coupons: QuerySet[CouponDefinition], *, at: datetime) -> QuerySet[CouponDefinition]:
    """Return those of the coupons that are active, each with its ``sort_key``.

    The keys sort by the end of the coupon; those that have reached their limit come last.
    """
    scope = Case(*(When(limit_strategy=strategy, then=Value(scope)) for strategy, scope in TOTALS.items()))
    rows = Limit.objects.filter(owner=OuterRef("pk"), scope=OuterRef("scope"), slot="", shard__gte=0)
    below_limit = rows.filter(taken__lt=OuterRef("maximum_number_of_coupons"))
    free_units = LimitUnit.objects.filter(owner=OuterRef("pk"), redemption_id=None)
    is_available = (
        Q(maximum_number_of_coupons=None)
        | Q(Exists(below_limit), limit_strategy=Strategy.APPROXIMATE)
        | Q(Exists(rows.filter(taken__lt=F("cap"))), ~Q(limit_strategy=Strategy.APPROXIMATE))
        | Q(Exists(free_units), limit_strategy=Strategy.POOL)
    )
    sortable_end = Func(F("end_date"), Value("YYYYMMDDHH24MISS"), function="to_char", output_field=CharField())
    sort_key = Concat(
        Case(When(is_available, then=Value("0")), default=Value("1")), sortable_end, Cast("pk", TextField()),
        output_field=TextField(),
    )  # fmt: skip
    active = coupons.filter(status_condition(OfferStatus.ACTIVE, at), brand__is_active=True)
    return active.annotate(scope=scope).annotate(sort_key=sort_key)


# --- one coupon -------------------------------------------------------------------------------------------------------
def get_coupon(*, pk: uuid.UUID, among: QuerySet[CouponDefinition]) -> CouponDefinition:
    """Return one of the coupons. Raises NotFound."""
    coupon = among.filter(pk=pk).first()
    if coupon is None:
        raise NotFound
    return coupon


def find_for_brands(*, pk: uuid.UUID, brands: Collection[Brand]) -> CouponDefinition | None:
    """Return the coupon with this ID if it belongs to one of the brands."""
    return list_coupons().filter(pk=pk, brand__in=brands).first()


@lru_cache(maxsize=10_000)
def get_brand_id(coupon: uuid.UUID) -> uuid.UUID:
    """Return the key of a coupon's brand, which never changes."""
    return CouponDefinition.objects.values_list("brand_id", flat=True).get(pk=coupon)


def lock_offers(*, offers: Collection[uuid.UUID]) -> dict[uuid.UUID, LimitedOffer]:
    """Lock coupons against changes of their limits, and return them."""
    rows = db.fetch_all("coupons/sql/lock_coupons.sql", {"offers": list(offers)})
    return {row["id"]: read_coupon_limits(row) for row in rows}


def lock_coupon(*, coupon: uuid.UUID) -> None:
    """Lock a coupon so that nothing is redeemed or changed before the end of the transaction."""
    list(CouponDefinition.objects.select_for_update().filter(pk=coupon))


def get_snapshot(
    *, coupon: uuid.UUID, customers: Sequence[int] = (), codes: Sequence[str] = ()
) -> CouponSnapshot | None:
    """Return a coupon with the usage of these customers and those of the codes that redeem it; one query.

    Its limits don't change before the end of the transaction.
    """
    sent = [code for code in (canonicalize_code(code) for code in codes) if code]
    params = {"coupon": coupon, "customers": [str(customer) for customer in customers], "codes": sent}
    row = db.fetch_one("coupons/sql/select_snapshot.sql", params)
    if row is None:
        return None
    counts = {int(customer): count for customer, count in (row["counts"] or {}).items()}
    known = {canonical: _to_code(*values) for canonical, values in (row["codes"] or {}).items()}
    parsed: dict[str, Any] = {"counts": counts, "codes": known, "inactive_users": frozenset(row["inactive_users"])}
    values = {name: value for name, value in (row | parsed).items() if name in SNAPSHOT_FIELDS}
    return CouponSnapshot(**values, limits=read_coupon_limits(row))


def read_coupon_limits(row: db.Row) -> LimitedOffer:
    """Return the limits of a coupon's row, for ``LimitedOffer``."""
    caps = list_customer_caps(row["maximum_per_user"])
    return read_limits(CouponDefinition.offer_kind, row, customer_caps=caps)


def _to_code(text: str, customer: int | None, single_use: bool, *times: str | None) -> RestrictedCode:
    expires_at, revoked_at = (datetime.fromisoformat(time) if time else None for time in times)
    return RestrictedCode(text, customer, single_use, expires_at, revoked_at)


# --- usage ------------------------------------------------------------------------------------------------------------
def remaining(*, coupons: Collection[uuid.UUID], at: datetime | None = None) -> dict[uuid.UUID, int]:
    """Return the remaining units of each coupon that has a limit; one query.

    With ``at``, units of reservations that have expired by then count as remaining. Counting the free units of a pool
    takes noticeably longer for a million units.
    """
    rows = (
        db.fetch_all("coupons/sql/select_remaining.sql", {"coupons": list(coupons), "at": at, "scopes": SCOPES})
        if coupons
        else []
    )
    return {row["id"]: row["n"] for row in rows}


def usage(*, coupons: Collection[CouponDefinition]) -> dict[uuid.UUID, CouponUsage]:
    """Return the used, reserved and remaining units of each coupon, as its counters have them; one query."""
    coupons_by_id = {coupon.pk: coupon for coupon in coupons}
    rows = (
        db.fetch_all("coupons/sql/select_usage.sql", {"coupons": list(coupons_by_id), "scopes": SCOPES})
        if coupons_by_id
        else []
    )
    return {row["id"]: _usage(coupons_by_id[row["id"]], row) for row in rows}


def _usage(coupon: CouponDefinition, row: db.Row) -> CouponUsage:
    maximum, is_pool = coupon.maximum_number_of_coupons, coupon.limit_strategy == Strategy.POOL
    return CouponUsage(
        used=max(0, row["active"] - row["reserved"]), reserved=row["reserved"],
        remaining=None if maximum is None else max(0, maximum - row["active"]),
        prepared=row["prepared"] if is_pool and maximum is not None else None,
    )  # fmt: skip


def count_redemptions(*, coupons: Collection[uuid.UUID], customer: int | None, at: datetime) -> dict[uuid.UUID, int]:
    """Return the customer's number of redemptions of each coupon, without expired reservations; one query."""
    if customer is None or not coupons:
        return {}
    params = {"coupons": list(coupons), "customer": customer, "at": at}
    return {row["coupon_id"]: row["n"] for row in db.fetch_all("coupons/sql/select_counts.sql", params)}


def get_eligibility(
    *, coupon: CouponDefinition, shopper: Shopper, at: datetime
) -> tuple[list[DomainError], int | None, int | None]:
    """Return the errors that reject a redemption by the shopper, the remaining units, and those for the shopper.

    A number of units is None if there is no such limit. Raises NotFound.
    """
    snapshot = get_snapshot(coupon=coupon.pk, customers=[shopper.id] if shopper.id else [])
    if snapshot is None:
        raise NotFound
    units_left = remaining(coupons=[coupon.pk], at=at).get(coupon.pk)
    count = count_redemptions(coupons=[coupon.pk], customer=shopper.id, at=at).get(coupon.pk, 0)
    cap = coupon.maximum_number_of_coupons_per_user
    customer_units_left = None if cap is None else max(0, cap - count)
    current = rules.replace_counts(snapshot, {shopper.id or 0: count})
    request = RedemptionRequest(id=coupon.pk, customer=shopper.id or 0)
    errors = [error for error in rules.list_errors(snapshot=current, request=request, at=at) if error.code != "invalid"]
    return errors + ([CouponLimitReached()] if units_left == 0 else []), units_left, customer_units_left


# --- periodic tasks ---------------------------------------------------------------------------------------------------
def list_recountable(*, at: datetime, kept_since: datetime) -> QuerySet[CouponDefinition]:
    """Return the coupons whose redemptions are all still stored: old months of ended coupons are dropped."""
    return CouponDefinition.objects.exclude(end_date__lte=at, created_at__lt=kept_since)


def list_approximate(*, at: datetime) -> list[tuple[uuid.UUID, int]]:
    """Return the active coupons with an approximate limit, each with its limit."""
    coupons = CouponDefinition.objects.filter(
        limit_strategy=Strategy.APPROXIMATE, maximum_number_of_coupons__isnull=False, start_date__lte=at,
        end_date__gt=at,
    )  # fmt: skip
    return [(pk, maximum or 0) for pk, maximum in coupons.values_list("pk", "maximum_number_of_coupons")]
