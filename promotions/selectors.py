"""Questions about codes and promotions; writes nothing."""

import json
import uuid
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from functools import cache, lru_cache
from importlib import import_module
from typing import Any, cast
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db.models import QuerySet, Sum

from accounts.models import Customer
from core import db
from core.errors import DomainError, NotFound
from integrations.contracts import Service
from integrations.selectors import PendingSync, list_pending_syncs
from pricing import Offer, Profile, parse_offer
from promotions import code_rules, eligibility, limit_rules
from promotions.contracts import AvailabilityQuery, Candidate, CandidateQuery, Purchase, RedemptionBackend, Rejection
from promotions.errors import (
    AudienceNotMember,
    BudgetExhausted,
    CodeAlreadyUsed,
    CodeExpired,
    CodeNotFound,
    CodeNotStarted,
    NotCombinable,
    PromotionNotActive,
    UsageLimitPerCustomer,
    UsageLimitReached,
)
from promotions.models import LIVE, Code, CodeAssignment, CodeBatch, Promotion, PromotionRedemption
from segments.models import AudienceMember
from segments.selectors import get_segments_by_promotion

LIMITS = ("budget", "limit_total", "limit_per_user", "limit_per_day", "limit_per_week", "limit_per_month")


def get_code_kinds(*, codes: Collection[str]) -> dict[str, str]:
    """What each of the normalised codes is, by kind; unknown ones are absent. One query, none without codes."""
    rows = db.fetch_all("promotions/sql/find_kinds.sql", {"codes": list(codes)}) if codes else []
    return {row["text"]: row["kind"] for row in rows}


def codes_of_promotions(*, codes: Collection[str], brand_id: uuid.UUID) -> set[str]:
    """Those of the normalised codes that open a promotion of the brand. One query, none without codes."""
    if not codes:
        return set()
    return set(Code.objects.filter(pk__in=codes, kind="promotion", brand_id=brand_id).values_list("pk", flat=True))


def text_of(*, digest: bytes) -> str | None:
    """The code whose SHA-256 is ``digest``."""
    return Code.objects.filter(digest=digest).values_list("pk", flat=True).first()


@cache
def get_backends() -> dict[str, RedemptionBackend]:
    """The kinds of offer that are installed, in the one order in which every transaction takes them."""
    return {
        kind: cast("RedemptionBackend", import_module(path))
        for kind, path in sorted(settings.REDEMPTION_BACKENDS.items())
    }


def get_pricing_profile(brand_ids: Collection[uuid.UUID]) -> Profile:
    """The pricing profile of the one brand whose offers are in play; the default where none or several are."""
    return next(iter(get_pricing_profiles(brand_ids).values())) if len(brand_ids) == 1 else Profile()


def get_pricing_profiles(brand_ids: Collection[uuid.UUID]) -> dict[uuid.UUID, Profile]:
    """Each brand's pricing profile; the default for a brand that has none. One query."""
    rows = db.fetch_all("promotions/sql/find_profiles.sql", {"brands": list(brand_ids)})
    found = {row.pop("brand_id"): Profile(**row) for row in rows}
    return {brand_id: found.get(brand_id, Profile()) for brand_id in brand_ids}


def candidates(*, ask: CandidateQuery) -> list[Candidate | Rejection]:
    """Live automatic promotions that the cart could meet, and what each of the codes opens, or why not."""
    customer = ask.shopper.id if ask.shopper else None
    found: list[Candidate | Rejection] = []
    rows: list[db.Row] = []
    who = {"customer": customer, "shop": ask.shop, "segments": list(ask.segments)}
    if gates := eligibility.cart_match_keys(ask.cart, shop=ask.shop):
        params = who | {"gates": gates, "at": ask.at, "reach": eligibility.upsell_subtotal(ask.cart)}
        rows += db.fetch_all("promotions/sql/select_automatic.sql", params)
    if ask.codes:
        opened: dict[uuid.UUID, str] = {}
        coded = db.fetch_all("promotions/sql/select_by_code.sql", who | {"codes": list(ask.codes)})
        for row in sorted(coded, key=lambda row: str(row["code"])):
            refusal = _code_error(row, ask)
            if refusal is None and opened.setdefault(row["id"], row["code"]) != row["code"]:
                rival: dict[str, Any] = {"with": [opened[row["id"]]]}  # another code of the same promotion
                refusal = NotCombinable(**rival)
            if refusal is None:
                rows.append(row)
            else:
                found.append(Rejection(row["code"], refusal.as_dict()))
    left = _remaining(rows, ask.at, customer)
    for row in rows:
        spent = _reached_limit(row, left)
        if spent is None:
            found.append(_candidate(row, left.get((row["id"], "budget"), row["budget"])))
        elif row["code"]:
            found.append(Rejection(row["code"], spent.as_dict()))
    return found


def _code_error(row: db.Row, ask: CandidateQuery) -> DomainError | None:
    """Why a code does not open its promotion, the most lasting reason first."""
    if not row["is_theirs"]:
        return CodeNotFound()
    if row["status"] not in LIVE or not row["brand_is_active"]:
        return PromotionNotActive()
    if row["end_date"] <= ask.at:
        return CodeExpired()
    if row["start_date"] > ask.at:
        return CodeNotStarted()
    if row["is_used"]:
        return CodeAlreadyUsed()
    return None if row["is_member"] else AudienceNotMember()


def available(*, search: AvailabilityQuery) -> list[Candidate]:
    """Live promotions that the shopper could have and whose limits leave something, the newest first."""
    customer = search.shopper.id
    rows = db.fetch_all(
        "promotions/sql/select_available.sql",
        {
            "customer": customer,
            "at": search.at,
            "brands": sorted(search.brands),
            "any_brand": not search.brands,
            "limit": search.limit,
        },
    )
    left = _remaining(rows, search.at, customer)
    return [
        _candidate(row, left.get((row["id"], "budget"), row["budget"]))
        for row in rows
        if _reached_limit(row, left) is None
    ]


def _remaining(rows: Sequence[db.Row], at: datetime, customer: int | None) -> dict[tuple[uuid.UUID, str], int]:
    """What is left of the limits that these promotions keep; one query for each time zone, none without limits."""
    found: dict[tuple[uuid.UUID, str], int] = {}
    limited = [row for row in rows if any(row[limit] is not None for limit in LIMITS)]
    for zone in {row["timezone"] for row in limited}:
        days = limit_rules.period_starts(at.astimezone(ZoneInfo(zone)))
        slots = {"budget": "", "total": "", "user": str(customer)} | {
            kind: day.isoformat() for kind, day in days.items()
        }
        params = {
            "promotions": [row["id"] for row in limited if row["timezone"] == zone],
            "kinds": list(slots), "slots": list(slots.values()),
        }  # fmt: skip
        for row in db.fetch_all("promotions/sql/read_counters.sql", params):
            found[row["promotion_id"], row["kind"]] = row["remaining"]
    return found


def _reached_limit(row: db.Row, left: dict[tuple[uuid.UUID, str], int]) -> DomainError | None:
    """The limit that leaves nothing, if one does; a limit that was never counted is whole."""
    gone = {kind for (promotion, kind), remaining in left.items() if promotion == row["id"] and remaining <= 0}
    if "budget" in gone:
        return BudgetExhausted()
    if "user" in gone:
        return UsageLimitPerCustomer()
    return UsageLimitReached() if gone else None


def _candidate(row: db.Row, budget_left: int | None) -> Candidate:
    return Candidate(
        kind="promotion", id=str(row["id"]), key=str(row["id"]), code=row["code"], title=row["name"],
        brand_id=row["brand_id"], brand=row["brand"], timezone=row["timezone"],
        offer=parse_offer_cached(row["offer"], row["priority"]), order=row["age"], budget_left=budget_left,
    )  # fmt: skip


@lru_cache(maxsize=20_000)
def parse_offer_cached(offer: str, priority: int) -> Offer:
    """A stored offer with its promotion's priority; the same text again costs a look-up."""
    return replace(parse_offer(json.loads(offer)), priority=priority)


# --- promotions as their brand sees them -----------------------------------------------------------------------------
def list_for_brands(*, brand_ids: Collection[uuid.UUID] | None) -> QuerySet[Promotion]:
    """The promotions of these brands, or of all with None, newest first."""
    found = Promotion.objects.select_related("brand").order_by("-pk")
    return found if brand_ids is None else found.filter(brand_id__in=brand_ids)


def promotion(*, pk: uuid.UUID, brand_ids: Collection[uuid.UUID] | None) -> Promotion:
    """One of these brands' promotions. Raises NotFound."""
    found = list_for_brands(brand_ids=brand_ids).filter(pk=pk).first()
    if found is None:
        raise NotFound
    return found


def codes_of(*, promotion_ids: Collection[uuid.UUID]) -> dict[uuid.UUID, str]:
    """The one code that opens each promotion, where it has one; batches apart."""
    rows = Code.objects.filter(promotion_id__in=promotion_ids, batch=None).values_list("promotion_id", "pk")
    return dict(rows)


def list_promotion_syncs(*, promotion: Promotion) -> list[PendingSync]:
    """What services outside do not know of the promotion yet, and why: of its segment, which it waits for, and of
    itself. Two queries.
    """
    found = list(list_pending_syncs(service=Service.CAMPAIGN_ENGINE, subjects=[promotion.pk]).values())
    if promotion.target_audience:
        keys = [it.pk for it in get_segments_by_promotion(promotion_ids=[promotion.pk]).values()]
        found += list_pending_syncs(service=Service.SEGMENTATION, subjects=keys).values()
    return found


def active_items(*, purchases: Sequence[Purchase]) -> Mapping[tuple[uuid.UUID, str], bool | None]:
    """What is kept of the takings (``promotions.contracts.Redeemer``); nothing for promotions without limits."""
    taken = {(purchase.id, taking.key) for purchase in purchases for taking in purchase.items}
    uses = PromotionRedemption.objects.filter(
        promotion_id__in={uuid.UUID(key) for _, key in taken}, redemption_id__in={redemption for redemption, _ in taken}
    ).values_list("redemption_id", "promotion_id", "reserved_until")
    kept = {(redemption, str(promotion)): until is None for redemption, promotion, until in uses}
    return {each: kept.get(each) for each in taken}


# --- batches of codes -------------------------------------------------------------------------------------------------
PAGE = 5_000  # codes that one statement of an export reads


def batches_of(*, promotion: Promotion) -> QuerySet[CodeBatch]:
    """The promotion's batches, newest first."""
    return CodeBatch.objects.filter(promotion=promotion).select_related("promotion__brand").order_by("-pk")


def batch(*, pk: uuid.UUID, promotion: Promotion) -> CodeBatch:
    """One of the promotion's batches. Raises NotFound."""
    found = batches_of(promotion=promotion).filter(pk=pk).first()
    if found is None:
        raise NotFound
    return found


def assignment(*, pk: uuid.UUID, batch: CodeBatch) -> CodeAssignment:
    """An assignment of the batch to an audience. Raises NotFound."""
    found = CodeAssignment.objects.filter(pk=pk, batch=batch).first()
    if found is None:
        raise NotFound
    return found


Shown = tuple[str, str | None, str]  # a code, the customer whose it is, and "used", "held" or "free"


def batch_page(*, batch: CodeBatch, after: str, at: datetime, limit: int) -> list[Shown]:
    """The codes of the batch after a text, in order."""
    rows = db.fetch_all(
        "promotions/sql/find_batch_codes.sql", {"batch": batch.pk, "after": after, "at": at, "limit": limit}
    )
    return [(row["text"], row["customer"], row["state"]) for row in rows]


def batch_codes(*, batch: CodeBatch, at: datetime) -> Iterator[Shown]:
    """Each code of the batch; a page at a time."""
    after = ""
    while page := batch_page(batch=batch, after=after, at=at, limit=PAGE):
        yield from page
        if len(page) < PAGE:
            return
        after = page[-1][0]


def batch_search(*, batch: CodeBatch, term: str, after: str, at: datetime, limit: int) -> list[Shown]:
    """The codes of the batch that begin with a term, after a text; where none does, the code of the customer of that
    name.
    """
    start = code_rules.normalize_prefix(term)
    if start is not None:
        last = code_rules.previous_key(start) if start else ""
        page = batch_page(batch=batch, after=max(after, last), at=at, limit=limit)
        if found := [row for row in page if row[0].startswith(start)]:
            return found
    own = Code.objects.filter(batch=batch, customer__customer_id=term).values_list("pk", flat=True).first()
    return [] if own is None else batch_page(batch=batch, after=code_rules.previous_key(own), at=at, limit=1)


def codes_of_pattern(*, brand_id: uuid.UUID, pattern: str) -> int:
    """How many codes the brand's batches of a pattern have, or will."""
    rows = CodeBatch.objects.filter(brand_id=brand_id, pattern=pattern)
    return int(rows.aggregate(every=Sum("count"))["every"] or 0)


def assignments_of(*, batch: CodeBatch) -> QuerySet[CodeAssignment]:
    """The audiences that a batch's codes were given to, newest first."""
    return CodeAssignment.objects.filter(batch=batch).order_by("-pk")


def codes_of_customers(*, batch_id: uuid.UUID, customer_keys: Collection[int]) -> dict[int, str]:
    """The code of the batch that each of the customers has; who has none is absent."""
    rows = Code.objects.filter(batch_id=batch_id, customer_id__in=customer_keys)
    return dict(rows.values_list("customer_id", "pk"))


def members_after(*, brand_id: uuid.UUID, segment_type: str, after: int, limit: int) -> list[int]:
    """The next customers of a brand's audience, in order."""
    members = AudienceMember.objects.filter(
        audience__brand_id=brand_id, audience__segment_type=segment_type, customer_id__gt=after
    )
    return list(members.order_by("customer_id").values_list("customer_id", flat=True)[:limit])


def consenting(*, customer_keys: Collection[int]) -> list[tuple[int, str, str]]:
    """Those of the customers who agree to get offers now and have an address: customer key, e-mail, name."""
    agreed = Customer.objects.filter(pk__in=customer_keys, user__is_active=True, user__marketing_consent=True)
    return list(agreed.exclude(user__email="").order_by("pk").values_list("pk", "user__email", "user__username"))


def still_consenting(customer_keys: Sequence[int]) -> set[int]:
    """Those of the customers who agree to get offers now."""
    return {key for key, _, _ in consenting(customer_keys=customer_keys)}
