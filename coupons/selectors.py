"""Questions about coupons; writes nothing."""

import json
import uuid
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from django.db.models import (
    Case,
    CharField,
    Exists,
    F,
    Func,
    OuterRef,
    Q,
    QuerySet,
    TextField,
    Value,
    When,
)
from django.db.models.functions import Cast, Concat

from accounts.contracts import Shopper
from core import db
from core.errors import DomainError, NotFound
from coupons import rules
from coupons.contracts import CouponSnapshot, CouponUsage, RedemptionRequest
from coupons.errors import CouponLimitReached
from coupons.models import (
    ACTIVE_STATUSES,
    CouponBatch,
    CouponCounter,
    CouponDefinition,
    CouponRedemption,
    CouponUnit,
    RedeemedCode,
    RedemptionBucket,
    Status,
    Strategy,
)
from promotions.contracts import AvailabilityQuery, Candidate, CandidateQuery, Purchase, Rejection
from promotions.errors import CodeAlreadyUsed, CodeNotFound, NotCombinable
from promotions.models import Code, CodeBatch

PAGE = 5_000  # codes that one statement of an export reads


# --- coupons ----------------------------------------------------------------------------------------------------------
def list_coupons() -> QuerySet[CouponDefinition]:
    """Coupons with what their pages show."""
    return CouponDefinition.objects.select_related("brand")


def list_for_brands(*, brand_ids: Collection[uuid.UUID] | None) -> QuerySet[CouponDefinition]:
    """The coupons of these brands, or of all with None."""
    return list_coupons() if brand_ids is None else list_coupons().filter(brand_id__in=brand_ids)


def is_coupon_code(*, brand_id: uuid.UUID, code: str) -> bool:
    """Whether a code (normalised) opens a coupon of the brand."""
    return Code.objects.filter(text=code, kind="coupon", brand_id=brand_id).exists()


def list_redemptions_of_code(*, brand_id: uuid.UUID, code: str) -> list[CouponRedemption]:
    """Of a code that is good once: the redemption that has it, and those that gave it back; each by its own index."""
    rows = CouponRedemption.objects.filter(coupon__brand_id=brand_id, code=code)
    has_it = RedeemedCode.objects.filter(pk=code).values_list("redemption_id", flat=True).first()
    stands = rows.filter(pk=has_it, ended_at=None) if has_it else rows.none()
    return [*stands, *rows.filter(ended_at__isnull=False).exclude(code="")]


def list_public() -> QuerySet[CouponDefinition]:
    """What anyone who is signed in may see: coupons that their brand has not withdrawn."""
    return list_coupons().filter(is_active=True, brand__is_active=True)


def filter_active(found: QuerySet[CouponDefinition], *, at: datetime) -> QuerySet[CouponDefinition]:
    """Those that run, each with its ``place`` among them: exhausted ones last, otherwise what ends first."""
    counter = CouponCounter.objects.filter(coupon_id=OuterRef("pk"))
    lagging = counter.filter(taken__lt=OuterRef("maximum_number_of_coupons"))
    free = CouponUnit.objects.filter(coupon_id=OuterRef("pk"), redemption_id=None)
    has_some = (
        Q(maximum_number_of_coupons=None)
        | Q(Exists(lagging), limit_strategy=Strategy.APPROXIMATE)
        | Q(Exists(counter.filter(taken__lt=F("cap"))), ~Q(limit_strategy=Strategy.APPROXIMATE))
        | Q(Exists(free), limit_strategy=Strategy.POOL)
    )
    sortable = Func(F("end_date"), Value("YYYYMMDDHH24MISS"), function="to_char", output_field=CharField())
    place = Concat(
        Case(When(has_some, then=Value("0")), default=Value("1")), sortable, Cast("pk", TextField()),
        output_field=TextField(),
    )  # fmt: skip
    running = found.filter(is_active=True, brand__is_active=True, start_date__lte=at, end_date__gt=at)
    return running.annotate(place=place)


def get_coupon(*, pk: uuid.UUID, among: QuerySet[CouponDefinition]) -> CouponDefinition:
    """One of these coupons. Raises NotFound."""
    found = among.filter(pk=pk).first()
    if found is None:
        raise NotFound
    return found


def remaining(*, coupons: Collection[uuid.UUID], at: datetime | None = None) -> dict[uuid.UUID, int]:
    """How many could be had of each that has a maximum; with ``at`` places of reservations that are over by then count.

    One query. Of a pool the free units are counted, which takes a moment when there are a million.
    """
    rows = db.fetch_all("coupons/sql/select_remaining.sql", {"coupons": list(coupons), "at": at}) if coupons else []
    return {row["id"]: row["n"] for row in rows}


def usage(*, coupons: Collection[CouponDefinition]) -> dict[uuid.UUID, CouponUsage]:
    """What is used, reserved and left of each now, by its counters; one query."""
    by_key = {coupon.pk: coupon for coupon in coupons}
    rows = db.fetch_all("coupons/sql/select_usage.sql", {"coupons": list(by_key)}) if by_key else []
    return {row["id"]: _numbers(by_key[row["id"]], row) for row in rows}


def _numbers(coupon: CouponDefinition, row: db.Row) -> CouponUsage:
    maximum, is_pool = coupon.maximum_number_of_coupons, coupon.limit_strategy == Strategy.POOL
    return CouponUsage(
        used=max(0, row["standing"] - row["reserved"]), reserved=row["reserved"],
        remaining=None if maximum is None else max(0, maximum - row["standing"]),
        prepared=row["made"] if is_pool and maximum is not None else None,
    )  # fmt: skip


def count_redemptions(*, coupons: Collection[uuid.UUID], customer: int | None, at: datetime) -> dict[uuid.UUID, int]:
    """How often a customer has each of the coupons; one query."""
    if customer is None or not coupons:
        return {}
    params = {"coupons": list(coupons), "customer": customer, "at": at}
    return {row["coupon_id"]: row["n"] for row in db.fetch_all("coupons/sql/find_counts.sql", params)}


def get_eligibility(
    *, coupon: CouponDefinition, shopper: Shopper, at: datetime
) -> tuple[list[DomainError], int | None, int | None]:
    """What stands against the shopper's redeeming it now, how many are left, and how many of them for the shopper."""
    mine = get_snapshot(coupon=coupon.pk, customers=[shopper.id] if shopper.id else [])
    units_left = remaining(coupons=[coupon.pk], at=at).get(coupon.pk)
    had = count_redemptions(coupons=[coupon.pk], customer=shopper.id, at=at).get(coupon.pk, 0)
    cap = coupon.maximum_number_of_coupons_per_user
    own = None if cap is None else max(0, cap - had)
    if mine is None:
        raise NotFound
    current = rules.with_counts(mine, {shopper.id or 0: had})
    asked = RedemptionRequest(id=coupon.pk, customer=shopper.id or 0)
    reasons = [it for it in rules.list_errors(snapshot=current, request=asked, at=at) if it.code != "invalid"]
    return reasons + ([CouponLimitReached()] if units_left == 0 else []), units_left, own


def get_redemption(*, pk: uuid.UUID) -> CouponRedemption:
    """A redemption that was made of a coupon itself; those of a checkout end with it, and there. Raises NotFound."""
    made_here = CouponRedemption.objects.filter(redemption_id=None).select_related("coupon__brand", "customer__user")
    found = made_here.filter(pk=pk).first()
    if found is None:
        raise NotFound
    return found


def list_batches(*, coupon: CouponDefinition) -> QuerySet[CodeBatch]:
    """The batches of codes that open the coupon, newest first."""
    mine = CouponBatch.objects.filter(coupon=coupon).values("batch_id")
    return CodeBatch.objects.filter(pk__in=mine).order_by("-pk")


def get_batch(*, pk: uuid.UUID, coupon: CouponDefinition) -> CodeBatch:
    """One of them. Raises NotFound."""
    found = list_batches(coupon=coupon).filter(pk=pk).first()
    if found is None:
        raise NotFound
    return found


def list_batch_codes(*, batch: CodeBatch, after: str, at: datetime, limit: int) -> list[tuple[str, str]]:
    """The next codes of the batch, in their order, each ``used``, ``held`` or ``free``."""
    params = {"batch": batch.pk, "after": after, "at": at, "limit": limit}
    return [(row["text"], row["state"]) for row in db.fetch_all("coupons/sql/find_batch_codes.sql", params)]


def iter_batch_codes(*, batch: CodeBatch, at: datetime) -> Iterator[tuple[str, str]]:
    """Each code of the batch, and ``used``, ``held`` or ``free``; a page at a time."""
    after = ""
    while page := list_batch_codes(batch=batch, after=after, at=at, limit=PAGE):
        yield from page
        after = page[-1][0]


# --- for whoever takes ------------------------------------------------------------------------------------------------
def get_snapshot(
    *, coupon: uuid.UUID, customers: Sequence[int] = (), codes: Sequence[str] = ()
) -> CouponSnapshot | None:
    """A coupon, what these customers have of it, and which of the codes open it; one query."""
    params = {"coupon": coupon, "customers": list(customers), "codes": [code for code in codes if code]}
    row = db.fetch_one("coupons/sql/select_snapshot.sql", params)
    if row is None:
        return None
    counts = {int(customer): count for customer, count in (row["counts"] or {}).items()}
    return CouponSnapshot(
        **row | {"counts": counts, "codes": row["codes"] or {}, "shut_out": frozenset(row["shut_out"])}
    )


def lock_redemption(*, pk: uuid.UUID) -> CouponRedemption:
    """A redemption with its coupon, locked until the transaction ends. Raises NotFound."""
    known = CouponRedemption.objects.select_for_update(of=("self",)).select_related("coupon", "customer__user")
    found = known.filter(pk=pk).first()
    if found is None:
        raise NotFound
    return found


def list_expired(*, at: datetime) -> QuerySet[CouponRedemption]:
    """Reservations that are past their time and still hold their place."""
    return CouponRedemption.objects.filter(status=Status.RESERVED, reserved_until__lte=at)


def has_expired(*, coupon: uuid.UUID, at: datetime) -> bool:
    """Whether a reservation of the coupon is past its time."""
    return list_expired(at=at).filter(coupon_id=coupon).exists()


def list_coupons_with_expired(*, at: datetime) -> list[tuple[uuid.UUID, str]]:
    """The coupons with such reservations, and their strategies, in order."""
    found = CouponDefinition.objects.filter(pk__in=list_expired(at=at).values("coupon_id"))
    return list(found.order_by("pk").values_list("pk", "limit_strategy"))


def redeemed_codes_of(*, codes: Collection[str], ids: Collection[uuid.UUID]) -> QuerySet[RedeemedCode]:
    """Those of the codes that these redemptions have spent."""
    return RedeemedCode.objects.filter(code__in=codes, redemption_id__in=ids)


def count_active(*, coupon: uuid.UUID, customer: int) -> int:
    """How many redemptions of a coupon stand for a customer."""
    return CouponRedemption.objects.filter(coupon_id=coupon, customer_id=customer, status__in=ACTIVE_STATUSES).count()


def list_recountable() -> QuerySet[CouponDefinition]:
    """Coupons all of whose redemptions are still rows: those of ended ones are let go of after a time."""
    archived = RedemptionBucket.objects.filter(coupon_id=OuterRef("pk"), archived=True)
    return CouponDefinition.objects.exclude(Exists(archived))


# --- for the sweeps ---------------------------------------------------------------------------------------------------
def list_unfilled_pools(*, at: datetime) -> list[uuid.UUID]:
    """Pools of coupons that have not ended and whose units are not all made, the one that starts first first."""
    found = CouponDefinition.objects.filter(
        Exists(CouponCounter.objects.filter(coupon_id=OuterRef("pk"), taken__lt=F("cap"))),
        limit_strategy=Strategy.POOL, is_active=True, end_date__gt=at,
    )  # fmt: skip
    return list(found.order_by("start_date").values_list("pk", flat=True))


def is_pool(*, coupon: uuid.UUID) -> bool:
    """Whether the coupon's limit is kept by a pool."""
    return CouponDefinition.objects.filter(pk=coupon, limit_strategy=Strategy.POOL).exists()


def list_finished_pools(*, ended_before: datetime) -> list[uuid.UUID]:
    """Pools of coupons that ended before an instant and still have free units."""
    free = CouponUnit.objects.filter(coupon_id=OuterRef("pk"), redemption_id=None)
    found = CouponDefinition.objects.filter(Exists(free), limit_strategy=Strategy.POOL, end_date__lt=ended_before)
    return list(found.order_by("pk").values_list("pk", flat=True))


def list_approximate(*, at: datetime) -> list[tuple[uuid.UUID, int]]:
    """Coupons with an approximate limit that run, and their maxima."""
    found = CouponDefinition.objects.filter(
        limit_strategy=Strategy.APPROXIMATE, maximum_number_of_coupons__isnull=False, start_date__lte=at,
        end_date__gt=at,
    )  # fmt: skip
    return [(pk, maximum or 0) for pk, maximum in found.values_list("pk", "maximum_number_of_coupons")]


# --- at checkout ------------------------------------------------------------------------------------------------------
def candidates(*, query: CandidateQuery) -> list[Candidate | Rejection]:
    """What each of the codes offers this shopper at checkout, or why not; three queries, none without codes."""
    if not query.codes:
        return []
    customer = query.shopper.id if query.shopper else None
    rows = db.fetch_all("coupons/sql/select_candidates.sql", {"codes": list(query.codes), "customer": customer})
    ids = [row["id"] for row in rows]
    units_left, had = remaining(coupons=ids, at=query.at), count_redemptions(coupons=ids, customer=customer, at=query.at)
    found: list[Candidate | Rejection] = []
    opened: dict[uuid.UUID, str] = {}
    for row in rows:
        refusal = _offer_error(row, units_left.get(row["id"]), had.get(row["id"], 0), query.at)
        if refusal is None and opened.setdefault(row["id"], row["code"]) != row["code"]:
            rival: dict[str, Any] = {"with": [opened[row["id"]]]}  # another code of the same coupon
            refusal = NotCombinable(**rival)
        found.append(_candidate(row) if refusal is None else Rejection(row["code"], refusal.as_dict()))
    return found


def _offer_error(row: db.Row, units_left: int | None, had: int, at: datetime) -> DomainError | None:
    if not row["is_theirs"]:
        return CodeNotFound()
    if row["is_spent"]:
        return CodeAlreadyUsed()
    cap = row["maximum_per_user"]
    own = None if cap is None else max(0, cap - had)
    return rules.offer_error(
        is_active=row["is_active"], start=row["start_date"], end=row["end_date"], remaining=units_left, remaining_for_customer=own, at=at
    )


def _candidate(row: db.Row) -> Candidate:
    return Candidate(
        kind="coupon", id=str(row["id"]), key=str(row["id"]), code=row["code"], title=row["title"],
        brand_id=row["brand_id"], brand=row["brand"], timezone=row["timezone"], offer=rules.parse_offer_cached(row["offer"]),
        order=row["age"],
    )  # fmt: skip


def available(*, query: AvailabilityQuery) -> list[Candidate]:
    """Coupons with a code for everyone that the shopper could redeem now, the newest first."""
    found = list_public().filter(start_date__lte=query.at, end_date__gt=query.at, code__isnull=False)
    if query.brands:
        found = found.filter(brand__slug__in=query.brands)
    rows = list(found.order_by("-pk")[: query.limit])
    ids = [row.pk for row in rows]
    units_left, had = (
        remaining(coupons=ids, at=query.at),
        count_redemptions(coupons=ids, customer=query.shopper.id, at=query.at),
    )
    return [_candidate_of(row) for row in rows if units_left.get(row.pk) != 0 and not _is_exhausted(row, had)]


def _is_exhausted(coupon: CouponDefinition, had: Mapping[uuid.UUID, int]) -> bool:
    cap = coupon.maximum_number_of_coupons_per_user
    return cap is not None and had.get(coupon.pk, 0) >= cap


def _candidate_of(coupon: CouponDefinition) -> Candidate:
    brand = coupon.brand
    return Candidate(
        kind="coupon", id=str(coupon.pk), key=str(coupon.pk), code=coupon.code_id or "", title=coupon.title,
        brand_id=brand.pk, brand=brand.slug, timezone=brand.timezone, offer=rules.parse_offer_cached(json.dumps(coupon.offer)),
        order=int(coupon.created_at.timestamp()),
    )  # fmt: skip


def active_items(*, purchases: Sequence[Purchase]) -> Mapping[tuple[uuid.UUID, str], bool | None]:
    """Which of the purchases' redemptions stand, and whether each is final; one query."""
    taken = {
        rules.derive_redemption_id(purchase.id, uuid.UUID(taking.key)): (purchase.id, taking.key)
        for purchase in purchases
        for taking in purchase.items
    }
    rows = CouponRedemption.objects.filter(pk__in=taken, status__in=ACTIVE_STATUSES).values_list("pk", "status")
    return {taken[pk]: status == Status.CONFIRMED for pk, status in rows}
