"""Questions about discount codes; writes nothing."""

import uuid
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

from django.db.models import Exists, OuterRef, Q, QuerySet

from accounts.contracts import Shopper
from accounts.models import Brand, Customer
from core import db
from discounts import rules
from discounts.models import DiscountCode, Usage, UsageReturn
from mailings import selectors as mail_selectors
from promotions.code_rules import is_digest, normalize_code
from promotions.contracts import AvailabilityQuery, Candidate, CandidateQuery, Purchase, Rejection
from promotions.errors import CodeNotFound
from promotions.selectors.codes import get_code_by_digest
from segments.models import AudienceMember


def codes() -> QuerySet[DiscountCode]:
    """Codes with what their pages show."""
    return DiscountCode.objects.select_related("rule", "brand")


def get_by_code_or_digest(name: str) -> DiscountCode:
    """The code by its string, in any case, or by the lower-case hex SHA-256 of it. Raises CodeUnknown."""
    text = get_code_by_digest(digest=bytes.fromhex(name)) if is_digest(name) else None
    found = codes().filter(code=text or normalize_code(name) or "").first()
    if found is None:
        raise CodeNotFound
    return found


def list_for_brands(*, brand_ids: Collection[uuid.UUID] | None) -> QuerySet[DiscountCode]:
    """The codes of these brands, or of all with None."""
    return codes() if brand_ids is None else codes().filter(brand_id__in=brand_ids)


def usable(*, brand_slug: str, shopper: Shopper, at: datetime) -> QuerySet[DiscountCode]:
    """A brand's announced codes that the shopper could use now."""
    return _usable(shopper=shopper, at=at).filter(brand__slug=brand_slug)


def _usable(*, shopper: Shopper, at: datetime) -> QuerySet[DiscountCode]:
    member = AudienceMember.objects.filter(
        customer_id=shopper.id or 0,
        audience__brand_id=OuterRef("brand_id"),
        audience__segment_type=OuterRef("rule__audience"),
    )
    used = Usage.objects.filter(code_id=OuterRef("pk"), customer_id=shopper.id or 0).exclude(reserved_until__lte=at)
    return codes().filter(
        Q(rule__audience="") | Exists(member),
        ~Exists(used),
        brand__is_active=True,
        notify=True,
        is_active=True,
        validity__gt=at,
    )


def was_returned(*, usage_id: uuid.UUID, brand: Brand) -> bool:
    """Whether this use of one of the brand's codes was given back."""
    return UsageReturn.objects.filter(pk=usage_id, code__brand=brand).exists()


def iter_recipients(*, brand_id: uuid.UUID, audience: str, after: int, limit: int) -> list[tuple[int, int, str, str]]:
    """The next shoppers who agreed to get offers, of the audience where one is named, in a stable order.

    Each is ``(cursor, customer key, e-mail, name)``; the last cursor is the next ``after``.
    """
    agreed = {"user__is_active": True, "user__marketing_consent": True}
    if not audience:
        shoppers = Customer.objects.filter(user_id__gt=after, **agreed).exclude(user__email="").order_by("user_id")
        return list(shoppers.values_list("user_id", "pk", "user__email", "user__username")[:limit])
    members = AudienceMember.objects.filter(
        audience__brand_id=brand_id,
        audience__segment_type=audience,
        customer_id__gt=after,
        **{f"customer__{name}": value for name, value in agreed.items()},
    ).exclude(customer__user__email="")
    columns = ("customer_id", "customer_id", "customer__user__email", "customer__user__username")
    return list(members.order_by("customer_id").values_list(*columns)[:limit])


def still_consenting(customer_keys: Sequence[int]) -> set[int]:
    """Those of the customers who agree to get offers now."""
    agreed = Customer.objects.filter(pk__in=customer_keys, user__is_active=True, user__marketing_consent=True)
    return set(agreed.values_list("pk", flat=True))


def candidates(*, query: CandidateQuery) -> list[Candidate | Rejection]:
    """What each of the codes offers this shopper at checkout, or why not; one query, none without codes."""
    if not query.codes:
        return []
    params = {"codes": list(query.codes), "customer": query.shopper.id if query.shopper else None, "at": query.at}
    return [_offer(row, query.at) for row in db.fetch_all("discounts/sql/select_candidates.sql", params)]


def _offer(row: db.Row, at: datetime) -> Candidate | Rejection:
    refusal = rules.find_error(
        is_active=row["is_active"] and row["brand_is_active"],
        validity=row["validity"],
        is_member=row["is_member"],
        used=row["used"],
        at=at,
    )
    if refusal is not None:
        return Rejection(row["code"], refusal.as_dict())
    return Candidate(
        kind="discount_code",
        id=row["code"],
        key=str(row["id"]),
        code=row["code"],
        title=row["name"] or f"{row['discount']} %",
        brand_id=row["brand_id"],
        brand=row["brand"],
        timezone=row["timezone"],
        offer=rules.build_offer(row["discount"], row["terms"]),
        order=int(row["created_at"].timestamp()),
    )


def currency_of(name: str) -> str:
    """The currency of the brand whose code this is. Raises CodeUnknown."""
    return get_by_code_or_digest(name).brand.currency


def mailing_key(code: DiscountCode) -> str:
    """What the mailing that announces the code is known by."""
    return f"discount_code:{code.code_id}"


def announcement_progress(code: DiscountCode) -> dict[str, int]:
    """Mails that announce the code: ``{"planned", "sent", "failed"}``."""
    return mail_selectors.get_progress(key=mailing_key(code))


def active_items(*, purchases: Sequence[Purchase]) -> Mapping[tuple[uuid.UUID, str], bool | None]:
    """Which of the purchases' uses stand, and whether each is final (``promotions.contracts.Redeemer``); one query."""
    taken = [(purchase, taking) for purchase in purchases for taking in purchase.items]
    rows = db.fetch_all(
        "discounts/sql/select_statuses.sql",
        {
            "redemptions": [purchase.id for purchase, _ in taken],
            "codes": [int(taking.key) for _, taking in taken],
            "customers": [purchase.shopper_key for purchase, _ in taken],
        },
    )
    return {(row["redemption_id"], str(row["code_id"])): row["is_final"] for row in rows}


def available(*, query: AvailabilityQuery) -> list[Candidate]:
    """Announced codes that the shopper could use now, the newest first."""
    found = _usable(shopper=query.shopper, at=query.at)
    if query.brands:
        found = found.filter(brand__slug__in=query.brands)
    return [_candidate_of(code) for code in found.order_by("-pk")[: query.limit]]


def _candidate_of(code: DiscountCode) -> Candidate:
    return Candidate(
        kind="discount_code",
        id=code.code_id,
        key=str(code.pk),
        code=code.code_id,
        title=code.rule.name or f"{code.rule.discount} %",
        brand_id=code.brand_id,
        brand=code.brand.slug,
        timezone=code.brand.timezone,
        offer=rules.build_offer(code.rule.discount, code.rule.terms),
        order=int(code.created_at.timestamp()),
    )
