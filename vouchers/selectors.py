"""Queries on campaigns and vouchers."""

import itertools
import uuid
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime

from django.db.models import Count, Exists, OuterRef, Q, QuerySet

from accounts.contracts import Shopper
from core import db
from core.errors import NotFound
from redemptions.contracts import AvailabilityQuery, Candidate, CandidateQuery, Purchase, Rejection
from redemptions.lifecycle import status_condition
from redemptions.statuses import OfferDecision, OfferStatus
from redemptions.uses.selectors import get_remaining, restrict_available, restrict_offer
from vouchers import rules
from vouchers.contracts import VoucherView
from vouchers.models import Campaign, FirstLogin, Voucher, VoucherStatus

KIND = "voucher"
MAX_SLUG_LENGTH = 64
_CHUNK = 2_000  # rows that an export reads at once


# --- campaigns -------------------------------------------------------------------------------------------------------
def list_campaigns(*, brand_ids: Collection[uuid.UUID] | None) -> QuerySet[Campaign]:
    """Return the campaigns of these brands, or of all brands for None, newest first."""
    campaigns = Campaign.objects.select_related("brand", "counter").order_by("-pk")
    return campaigns if brand_ids is None else campaigns.filter(brand_id__in=brand_ids)


def get_campaign(*, slug: str, brand_ids: Collection[uuid.UUID] | None) -> Campaign:
    """Return a campaign of these brands. Raises NotFound."""
    campaign = list_campaigns(brand_ids=brand_ids).filter(slug=slug).first()
    if campaign is None:
        raise NotFound
    return campaign


def get_public_campaign(*, slug: str, brand_id: uuid.UUID | None = None) -> Campaign:
    """Return a campaign of an active brand, for customers: no draft and no archived one. Raises NotFound."""
    hidden = [OfferDecision.DRAFT, OfferDecision.ARCHIVED]
    campaigns = list_campaigns(brand_ids=None if brand_id is None else [brand_id]).exclude(decision__in=hidden)
    campaign = campaigns.filter(slug=slug, brand__is_active=True).first()
    if campaign is None:
        raise NotFound
    return campaign


def list_open_slugs(*, at: datetime) -> list[str]:
    """Return the slugs of the campaigns that are active at a time, oldest first."""
    campaigns = Campaign.objects.filter(status_condition(OfferStatus.ACTIVE, at), brand__is_active=True)
    return list(campaigns.order_by("pk").values_list("slug", flat=True))


def list_open_between(
    *, first: datetime, last: datetime, brand_ids: Collection[uuid.UUID] | None = None
) -> list[Campaign]:  # fmt: skip
    """Return the published campaigns whose dates overlap a period, oldest first; of these brands, None for all."""
    campaigns = Campaign.objects.filter(decision=OfferDecision.PUBLISHED, start_date__lte=last, end_date__gt=first)
    if brand_ids is not None:
        campaigns = campaigns.filter(brand__in=brand_ids)
    return list(campaigns.filter(brand__is_active=True).order_by("pk"))


def list_slugs(*, slugs: Collection[str], brand_ids: Collection[uuid.UUID]) -> set[str]:
    """Return those of the slugs that belong to campaigns of these brands."""
    return set(Campaign.objects.filter(slug__in=slugs, brand__in=brand_ids).values_list("slug", flat=True))


def list_reassigning_campaigns() -> QuerySet[Campaign]:
    """Return the published campaigns that reassign unused vouchers and have some."""
    campaigns = Campaign.objects.filter(reassign_unused=True, decision=OfferDecision.PUBLISHED, brand__is_active=True)
    return campaigns.filter(Exists(reassignable_vouchers().filter(campaign=OuterRef("pk")))).order_by("pk")


def suggest_slug(slug: str) -> str:
    """Return the slug with the first number from 2 that makes it one that no campaign has."""
    slugs = (f"{slug[: MAX_SLUG_LENGTH - len(str(number)) - 1]}-{number}" for number in itertools.count(2))
    return next(slug for slug in slugs if not Campaign.objects.filter(slug=slug).exists())


def get_mailing_key(campaign_id: uuid.UUID) -> str:
    """Return the key of the mailing to the recipients of a campaign's vouchers."""
    return f"vouchers:{campaign_id}"


# --- first logins ----------------------------------------------------------------------------------------------------
def count_logins(*, campaign: Campaign) -> int:
    """Count the first logins of a campaign."""
    return FirstLogin.objects.filter(campaign=campaign).count()


def count_logins_up_to(*, campaign: Campaign, limit: int) -> int:
    """Count the first logins of a campaign, up to ``limit``."""
    return len(FirstLogin.objects.filter(campaign=campaign).values_list("sequence")[:limit])


def count_logins_per_minute(*, campaign: Campaign, max_logins: int, minutes: int) -> dict[datetime, int]:
    """Count the latest ``max_logins`` first logins by minute, in the last ``minutes`` minutes that have any."""
    params = {"campaign": campaign.pk, "newest": max_logins, "minutes": minutes}
    return {row["minute"]: row["logins"] for row in db.fetch_all("vouchers/sql/count_participants.sql", params)}


def waiting_list(*, campaign: Campaign) -> QuerySet[FirstLogin]:
    """Return the first logins of customers who never had a voucher, in order."""
    vouchers = Voucher.objects.filter(campaign=OuterRef("campaign"), customer=OuterRef("customer"))
    return FirstLogin.objects.filter(~Exists(vouchers), campaign=campaign).order_by("sequence")


# --- vouchers --------------------------------------------------------------------------------------------------------
def list_vouchers(
    *, shopper: Shopper, at: datetime, status: str = "", brand: str = "", campaign: str = ""
) -> QuerySet[Voucher]:
    """Return the vouchers of a customer without revoked ones, newest first.

    ``status`` is that at this time; ``brand`` and ``campaign`` are slugs.
    """
    vouchers = Voucher.objects.filter(customer_id=shopper.id or 0).exclude(status=VoucherStatus.REVOKED)
    equal = {"campaign__brand__slug": brand, "campaign__slug": campaign}
    vouchers = vouchers.filter(**{name: value for name, value in equal.items() if value})
    return (vouchers.filter(_status_condition(status, at)) if status else vouchers).select_related("campaign")


def _status_condition(status: str, at: datetime) -> Q:
    """Return the condition that vouchers with a status meet at a time, as ``rules.current_status`` decides."""
    is_reserved = Q(reserved_until__gt=at)
    is_free = Q(status__in=[VoucherStatus.AVAILABLE, VoucherStatus.RESERVED]) & ~is_reserved
    conditions = {
        VoucherStatus.AVAILABLE: is_free & Q(expires_at__gt=at),
        VoucherStatus.RESERVED: is_reserved,
        VoucherStatus.EXPIRED: Q(status=VoucherStatus.EXPIRED) | (is_free & Q(expires_at__lte=at)),
    }
    return conditions.get(VoucherStatus(status), Q(status=status))


def count_by_status(*, campaign: Campaign) -> dict[str, int]:
    """Count the vouchers of a campaign by status."""
    rows = Voucher.objects.filter(campaign=campaign).order_by().values_list("status")
    return dict(rows.annotate(count=Count("pk")))


def count_reassigned(*, campaign: Campaign) -> int:
    """Count the vouchers of a campaign that were reassigned."""
    return Voucher.objects.filter(campaign=campaign, reassigned_to__isnull=False).count()


def list_latest_vouchers(*, campaign: Campaign, limit: int) -> list[Voucher]:
    """Return the vouchers with the highest ranks of a campaign, with their customers."""
    vouchers = Voucher.objects.filter(campaign=campaign, reassigned_to__isnull=True)
    return list(vouchers.select_related("customer").order_by("-rank")[:limit])


def iter_vouchers(*, campaign: Campaign) -> Iterator[Voucher]:
    """Iterate over all vouchers of a campaign with their customers, by rank and time. Reads them in chunks."""
    vouchers = Voucher.objects.filter(campaign=campaign).select_related("customer").order_by("rank", "pk")
    return vouchers.iterator(_CHUNK)


def reassignable_vouchers() -> QuerySet[Voucher]:
    """Return the vouchers that were revoked or have expired unused, and were not reassigned."""
    statuses = [VoucherStatus.EXPIRED, VoucherStatus.REVOKED]
    return Voucher.objects.filter(status__in=statuses, reassigned_to__isnull=True)


def vouchers_of_customers(
    *, campaign_id: uuid.UUID, customer_keys: Collection[int], at: datetime
) -> dict[int, VoucherView]:
    """Return the vouchers that customers have in a campaign, by customer."""
    vouchers = Voucher.objects.filter(campaign_id=campaign_id, customer_id__in=customer_keys)
    vouchers = vouchers.exclude(status=VoucherStatus.REVOKED).select_related("campaign")
    return {voucher.customer_id: build_voucher_view(voucher, at=at) for voucher in vouchers}


def build_voucher_view(voucher: Voucher, *, at: datetime) -> VoucherView:
    """Return a voucher as its customer sees it at a time."""
    return rules.to_voucher_view(
        {
            "id": voucher.pk, "campaign": voucher.campaign.slug, "rank": voucher.rank,
            "discount": voucher.campaign.discount, "name": voucher.campaign.name,
            "description": voucher.campaign.description, "voucher_type": voucher.campaign.voucher_type,
            "created_at": voucher.created_at, "expires_at": voucher.expires_at, "state": voucher.status,
            "reserved_until": voucher.reserved_until, "at": at,
        }
    )  # fmt: skip


# --- at checkout -----------------------------------------------------------------------------------------------------
def candidates(*, query: CandidateQuery) -> list[Candidate | Rejection]:
    """Return a candidate or a rejection for each of the customer's vouchers. Skips vouchers of other customers.

    Takes one query, none without vouchers, and those of the campaigns' limits.
    """
    if not query.vouchers or query.shopper is None:
        return []
    vouchers = Voucher.objects.filter(pk__in=list(query.vouchers), customer_id=query.shopper.id or 0)
    chosen = list(vouchers.select_related("campaign__brand"))
    offers = {voucher.campaign_id: voucher.campaign.limits for voucher in chosen}
    remaining = get_remaining(
        offers=list(offers.values()), at=query.at, customer=query.shopper.id, identities=query.identities
    )
    return [
        restrict_offer(
            _to_candidate_or_rejection(voucher, query),
            offers[voucher.campaign_id],
            remaining,
            currency=query.cart.currency,
        )
        for voucher in chosen
    ]


def _to_candidate_or_rejection(voucher: Voucher, query: CandidateQuery) -> Candidate | Rejection:
    campaign = voucher.campaign
    error = rules.find_error(
        rules.current_status(voucher.status, voucher.expires_at, voucher.reserved_until, at=query.at),
        voucher_type=campaign.voucher_type,
        transaction_type=query.cart.transaction_type,
        brand_is_active=campaign.brand.is_active,
    )
    if error is None:
        return _to_candidate(voucher)
    return Rejection(str(voucher.pk), error.as_dict(), KIND, campaign.pk, campaign.brand_id)


def available(*, query: AvailabilityQuery) -> list[Candidate]:
    """Return the vouchers that the customer can redeem now, newest first."""
    is_free = Q(status=VoucherStatus.AVAILABLE) | Q(status=VoucherStatus.RESERVED, reserved_until__lte=query.at)
    vouchers = Voucher.objects.filter(
        is_free, customer_id=query.shopper.id or 0, expires_at__gt=query.at, campaign__brand__is_active=True
    )
    if query.brands:
        vouchers = vouchers.filter(campaign__brand__slug__in=query.brands)
    vouchers = vouchers.select_related("campaign__brand").order_by("-pk")
    candidates = [(_to_candidate(voucher), voucher.campaign.limits) for voucher in vouchers[: query.limit]]
    return restrict_available(candidates, query=query)


def _to_candidate(voucher: Voucher) -> Candidate:
    campaign = voucher.campaign
    return Candidate(
        kind=KIND, id=str(voucher.pk), key=str(voucher.pk), code=str(voucher.pk), title=campaign.name,
        brand_id=campaign.brand_id, brand=campaign.brand.slug, timezone=campaign.brand.timezone,
        offer=rules.parse_offer_cached(campaign.offer, campaign.voucher_type),
        order=int(voucher.created_at.timestamp()), offer_id=campaign.pk,
        currency=campaign.brand.currency,
    )  # fmt: skip


def active_items(*, purchases: Sequence[Purchase]) -> Mapping[tuple[uuid.UUID, str], bool]:
    """Return the active items, and whether each is confirmed (``redemptions.contracts.RedemptionBackend``)."""
    keys = {item.key for purchase in purchases for item in purchase.items}
    vouchers = Voucher.objects.filter(pk__in=keys, status__in=[VoucherStatus.RESERVED, VoucherStatus.USED])
    rows = vouchers.values_list("redemption_id", "pk", "status")
    return {(redemption, str(pk)): status == VoucherStatus.USED for redemption, pk, status in rows if redemption}


def offer_names(*, offers: Collection[uuid.UUID]) -> dict[uuid.UUID, str]:
    """Return the names of campaigns by ID."""
    return dict(Campaign.objects.filter(pk__in=offers).values_list("pk", "name"))
