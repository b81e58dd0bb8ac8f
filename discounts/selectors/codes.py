"""Reads of discount codes and their rules."""

import uuid
from collections.abc import Collection
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db.models import BooleanField, Count, Exists, ExpressionWrapper, OuterRef, Q, QuerySet, Subquery
from django.utils import translation

from accounts.contracts import Shopper
from accounts.models import Brand
from core import db
from core.errors import DomainError
from core.ids import parse_uuid
from discounts import rules
from discounts.contracts import CUSTOMER_CAPS, build_offer, summarize
from discounts.models import DiscountCode, DiscountRule, Usage
from redemptions.codes.contracts import FoundCode
from redemptions.codes.models import Code
from redemptions.codes.rules import choose_code
from redemptions.codes.selectors.codes import find_archived_code, find_codes_by_name, unrestricted
from redemptions.contracts import AvailabilityQuery, Candidate, CandidateQuery, LimitedOffer, Rejection
from redemptions.errors import CodeInactive, CodeNotFound
from redemptions.lifecycle import status_condition
from redemptions.statuses import OfferStatus
from redemptions.uses.contracts import read_limits
from redemptions.uses.models import OfferUse
from redemptions.uses.selectors import get_remaining, restrict_available, restrict_offer
from segments.models import AudienceMember

KIND = "discount_code"


# --- codes -----------------------------------------------------------------------------------------------------------
def codes() -> QuerySet[DiscountCode]:
    """Return all codes with their rules and brands."""
    return DiscountCode.objects.select_related("rule__brand", "brand")


def get_code(name: str, *, brand: str | None = None, own: Collection[uuid.UUID] = ()) -> DiscountCode:
    """Return a code by its text, by the lowercase hex SHA-256 of its canonical text, or by its offer ID.

    Its single-use codes don't name it, since who knows one of them must not learn its text. A text means the code of
    the brand with the slug ``brand``. Without it, it means the code of one of the brands ``own``, otherwise the oldest,
    otherwise the newest that one of the brands ``own`` archived. Raises CodeNotFound.
    """
    found = [code for code in _find(name, brand) if not code.single_use]
    chosen = choose_code(found, own=own) or find_archived_code(code=name, brand_ids=own, kind=KIND)
    offer_id = chosen.offer if chosen else parse_uuid(name)
    code = codes().filter(offer_id=offer_id).first() if offer_id else None
    if code is None or brand not in (None, code.brand.slug):
        raise CodeNotFound
    return code


def _find(name: str, brand: str | None) -> list[FoundCode]:
    return [code for code in find_codes_by_name(name) if code.kind == KIND and brand in (None, code.brand)]


def list_for_brands(*, brand_ids: Collection[uuid.UUID] | None) -> QuerySet[DiscountCode]:
    """Return the codes of these brands, or of all brands with None."""
    return codes() if brand_ids is None else codes().filter(brand_id__in=brand_ids)


def currency_of(name: str, *, brand: str | None) -> str:
    """Return the currency of the brand of a code that a shopper redeems. Raises CodeNotFound."""
    code = choose_code(_find(name, brand))
    if code is None:
        raise CodeNotFound
    return Brand.objects.only("currency").get(pk=code.brand_id).currency


# --- codes that a shopper can redeem ---------------------------------------------------------------------------------
def list_usable(*, brand_slug: str, shopper: Shopper, at: datetime) -> QuerySet[DiscountCode]:
    """Return a brand's announced codes that the shopper can redeem now."""
    return _usable(shopper=shopper, at=at).filter(_is_announced(at), brand__slug=brand_slug)


def _is_announced(at: datetime) -> Q:
    """Return the condition of codes that are announced and not revoked."""
    generic = Code.objects.filter(unrestricted(at), offer=OuterRef("offer_id"), batch=None)
    return Q(Exists(generic), notify=True)


def list_announced(*, at: datetime) -> QuerySet[DiscountCode]:
    """Return the codes to announce that customers can redeem now."""
    return codes().filter(_is_announced(at), status_condition(OfferStatus.ACTIVE, at), brand__is_active=True)


def _usable(*, shopper: Shopper, at: datetime) -> QuerySet[DiscountCode]:
    member = AudienceMember.objects.filter(
        customer_id=shopper.id or 0,
        audience__brand_id=OuterRef("brand_id"),
        audience__segment_type=OuterRef("rule__audience"),
    )
    is_merged = Q(customer__merges__target=shopper.id or 0, customer__merges__brand=OuterRef("brand"))
    redeemed = Usage.objects.filter(Q(customer=shopper.id or 0) | is_merged, code_id=OuterRef("pk"))
    redeemed = redeemed.exclude(reserved_until__lte=at)
    return codes().filter(
        Q(rule__audience="") | Exists(member),
        ~Exists(redeemed),
        status_condition(OfferStatus.ACTIVE, at),
        brand__is_active=True,
    )


def read_code_limits(row: db.Row, **more: Any) -> LimitedOffer:
    """Return the limits of a code's row, for ``LimitedOffer``."""
    return read_limits(KIND, row, owner="offer_id", customer_caps=CUSTOMER_CAPS, **more)


def candidates(*, query: CandidateQuery) -> list[Candidate | Rejection]:
    """Return what each code of the cart offers the shopper, or why it is rejected. Runs one query, or none."""
    if not query.codes:
        return []
    customer = query.shopper.id if query.shopper else None
    params = {
        "codes": list(query.codes), "customer": customer, "at": query.at, "shop": query.shop,
        "segments": list(query.segments),
    }  # fmt: skip
    rows = db.fetch_all("discounts/sql/select_candidates.sql", params)
    offers = [read_code_limits(row) for row in rows]
    remaining = get_remaining(offers=offers, at=query.at, customer=customer, identities=query.identities)
    return [
        restrict_offer(_to_candidate(row), offer, remaining, currency=query.cart.currency)
        for row, offer in zip(rows, offers, strict=True)
    ]


def _name_discount(row: db.Row) -> str:
    """Return the name of a discount without one: orders keep it, so it is in one language for all callers."""
    with translation.override(settings.LANGUAGE_CODE):
        return summarize(row["discount"], row["offer"], currency=row["currency"])


def _to_candidate(row: db.Row) -> Candidate | Rejection:
    error: DomainError | None = CodeInactive()
    if row["brand_is_active"]:
        error = rules.find_error(status=row["status"], is_member=row["is_member"], used=row["used"])
    if error is not None:
        return Rejection(row["code"], error.as_dict(), KIND, row["offer_id"], row["brand_id"])
    return Candidate(
        kind=KIND,
        id=row["code"] if row["code"] == row["generic_code"] else str(row["offer_id"]),
        key=str(row["id"]),
        code=row["code"],
        title=row["name"] or _name_discount(row),
        brand_id=row["brand_id"],
        brand=row["brand"],
        timezone=row["timezone"],
        offer=build_offer(row["discount"], row["terms"], row["offer"]),
        order=int(row["created_at"].timestamp()),
        offer_id=row["offer_id"],
        currency=row["currency"],
    )


def available(*, query: AvailabilityQuery) -> list[Candidate]:
    """Return the codes that the shopper can redeem now, newest first: announced ones, and those assigned to them."""
    own = Code.objects.filter(unrestricted(query.at), offer=OuterRef("offer_id"), customer_id=query.shopper.id or 0)
    used = OfferUse.objects.filter(offer_id=OuterRef("offer"), code=OuterRef("text"))
    own = own.filter(~Exists(used.exclude(reserved_until__lte=query.at))).order_by("pk")
    usable = _usable(shopper=query.shopper, at=query.at)
    usable = usable.annotate(is_announced=ExpressionWrapper(_is_announced(query.at), BooleanField()))
    usable = usable.annotate(own_code=Subquery(own.values("text")[:1]))
    usable = usable.filter(Q(is_announced=True) | Q(own_code__isnull=False))
    if query.brands:
        usable = usable.filter(brand__slug__in=query.brands)
    newest = usable.order_by("-pk")[: query.limit]
    return restrict_available([(_candidate_of(code), code.limits) for code in newest], query=query)


def _candidate_of(code: Any) -> Candidate:
    """Return the candidate of a code that is announced or has a single-use code of the shopper."""
    return Candidate(
        kind=KIND,
        id=code.code if code.is_announced else str(code.offer_id),
        key=str(code.pk),
        code=code.code if code.is_announced else code.own_code,
        title=str(code.rule),
        brand_id=code.brand_id,
        brand=code.brand.slug,
        timezone=code.brand.timezone,
        offer=build_offer(code.rule.discount, code.rule.terms, code.rule.offer),
        order=int(code.created_at.timestamp()),
        offer_id=code.offer_id,
        currency=code.brand.currency,
    )


def offer_names(*, offers: Collection[uuid.UUID]) -> dict[uuid.UUID, str]:
    """Return the texts of discount codes by the codes' offer IDs."""
    return dict(DiscountCode.objects.filter(offer_id__in=offers).values_list("offer_id", "code"))


# --- rules -----------------------------------------------------------------------------------------------------------
def list_recent_rules(*, brand: Brand, limit: int) -> list[DiscountRule]:
    """Return the newest rules of a brand."""
    return list(DiscountRule.objects.filter(brand=brand).order_by("-created_at")[:limit])


def count_codes_by_rule(rule_ids: Collection[uuid.UUID]) -> dict[uuid.UUID, int]:
    """Return the number of codes of each rule. Rules without codes are absent."""
    rows: QuerySet[Any, Any] = DiscountCode.objects.filter(rule__in=rule_ids).order_by().values_list("rule_id")
    return dict(rows.annotate(codes=Count("pk")))


def has_codes(rule: DiscountRule) -> bool:
    """Return whether a code has this rule."""
    return DiscountCode.objects.filter(rule_id=rule.pk).exists()
