"""Questions about campaigns and vouchers; writes nothing."""

import uuid
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime

from django.db.models import Exists, OuterRef, Q, QuerySet

from accounts.contracts import Shopper
from core.errors import NotFound
from promotions.contracts import AvailabilityQuery, Candidate, CandidateQuery, Purchase, Rejection
from vouchers import rules
from vouchers.contracts import VoucherView
from vouchers.models import Campaign, CampaignStatus, FirstLogin, Voucher, VoucherStatus

KIND = "voucher"


# --- campaigns -------------------------------------------------------------------------------------------------------
def list_campaigns(*, brand_ids: Collection[uuid.UUID] | None) -> QuerySet[Campaign]:
    """The campaigns of these brands, or of all with None, newest first."""
    found = Campaign.objects.select_related("brand", "counter").order_by("-pk")
    return found if brand_ids is None else found.filter(brand_id__in=brand_ids)


def get_campaign(*, slug: str, brand_ids: Collection[uuid.UUID] | None) -> Campaign:
    """One of these brands' campaigns. Raises NotFound."""
    found = list_campaigns(brand_ids=brand_ids).filter(slug=slug).first()
    if found is None:
        raise NotFound
    return found


def get_public_campaign(*, slug: str) -> Campaign:
    """A campaign as every shopper may see it: of an active brand. Raises NotFound."""
    found = list_campaigns(brand_ids=None).filter(slug=slug, brand__is_active=True).first()
    if found is None:
        raise NotFound
    return found


def list_open_slugs(*, at: datetime) -> list[str]:
    """The campaigns that are open at an instant, the oldest first."""
    running = Campaign.objects.filter(status=CampaignStatus.OPEN, start_date__lte=at, end_date__gt=at)
    return list(running.filter(brand__is_active=True).order_by("pk").values_list("slug", flat=True))


def list_open_between(*, first: datetime, last: datetime) -> list[Campaign]:
    """The campaigns that were open at some time between two instants and are not closed, the oldest first."""
    running = Campaign.objects.filter(status=CampaignStatus.OPEN, start_date__lte=last, end_date__gt=first)
    return list(running.filter(brand__is_active=True).order_by("pk"))


def count_logins(*, campaign: Campaign) -> int:
    """How many signed in to the campaign, winners or not."""
    return FirstLogin.objects.filter(campaign=campaign).count()


def list_reassigning_campaigns() -> QuerySet[Campaign]:
    """The open campaigns that have lost vouchers and pass them on."""
    found = Campaign.objects.filter(reassign_unused=True, status=CampaignStatus.OPEN, brand__is_active=True)
    return found.filter(Exists(reassignable_vouchers().filter(campaign=OuterRef("pk")))).order_by("pk")


def waiting_list(*, campaign: Campaign) -> QuerySet[FirstLogin]:
    """Who signed in and has had no voucher, in the order of their coming."""
    vouchers_of_customers = Voucher.objects.filter(campaign=OuterRef("campaign"), customer=OuterRef("customer"))
    return FirstLogin.objects.filter(~Exists(vouchers_of_customers), campaign=campaign).order_by("sequence")


def get_mailing_key(campaign_id: uuid.UUID) -> str:
    """What the mails to a campaign's winners announce."""
    return f"vouchers:{campaign_id}"


# --- vouchers --------------------------------------------------------------------------------------------------------
def list_vouchers(*, shopper: Shopper) -> QuerySet[Voucher]:
    """The shopper's vouchers, newest first; what was revoked is gone."""
    mine = Voucher.objects.filter(customer_id=shopper.id or 0).exclude(status=VoucherStatus.REVOKED)
    return mine.select_related("campaign")


def reassignable_vouchers() -> QuerySet[Voucher]:
    """Vouchers that were revoked or expired unused, and whose rank nobody took over."""
    over = [VoucherStatus.EXPIRED, VoucherStatus.REVOKED]
    return Voucher.objects.filter(status__in=over, reassigned_to__isnull=True)


def vouchers_of_customers(
    *, campaign_id: uuid.UUID, customer_keys: Collection[int], at: datetime
) -> dict[int, VoucherView]:
    """The voucher of the campaign that each of the customers has; who has none is absent."""
    found = Voucher.objects.filter(campaign_id=campaign_id, customer_id__in=customer_keys)
    found = found.exclude(status=VoucherStatus.REVOKED).select_related("campaign")
    return {voucher.customer_id: build_voucher_view(voucher, at=at) for voucher in found}


def build_voucher_view(voucher: Voucher, *, at: datetime) -> VoucherView:
    """A voucher as its shopper sees it at an instant."""
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
    """What each of the shopper's own vouchers offers in this cart, or why not; another's is as one that there is not.

    One query, none without vouchers.
    """
    if not query.vouchers or query.shopper is None:
        return []
    mine = Voucher.objects.filter(pk__in=list(query.vouchers), customer_id=query.shopper.id or 0)
    return [_offer(voucher, query) for voucher in mine.select_related("campaign__brand")]


def _offer(voucher: Voucher, query: CandidateQuery) -> Candidate | Rejection:
    campaign = voucher.campaign
    refusal = rules.find_error(
        rules.current_status(voucher.status, voucher.expires_at, voucher.reserved_until, at=query.at),
        voucher_type=campaign.voucher_type,
        transaction_type=query.cart.transaction_type,
        brand_is_active=campaign.brand.is_active,
    )
    return _candidate(voucher) if refusal is None else Rejection(str(voucher.pk), refusal.as_dict())


def available(*, query: AvailabilityQuery) -> list[Candidate]:
    """The vouchers that the shopper could use now, newest first."""
    free = Q(state=VoucherStatus.AVAILABLE) | Q(state=VoucherStatus.RESERVED, reserved_until__lte=query.at)
    mine = Voucher.objects.filter(
        free, customer_id=query.shopper.id or 0, expires_at__gt=query.at, campaign__brand__is_active=True
    )
    if query.brands:
        mine = mine.filter(campaign__brand__slug__in=query.brands)
    return [_candidate(voucher) for voucher in mine.select_related("campaign__brand").order_by("-pk")[: query.limit]]


def _candidate(voucher: Voucher) -> Candidate:
    campaign = voucher.campaign
    return Candidate(
        kind=KIND, id=str(voucher.pk), key=str(voucher.pk), code=str(voucher.pk), title=campaign.name,
        brand_id=campaign.brand_id, brand=campaign.brand.slug, timezone=campaign.brand.timezone,
        offer=rules.parse_offer_cached(campaign.offer, campaign.voucher_type), order=int(voucher.created_at.timestamp()),
    )  # fmt: skip


def active_items(*, purchases: Sequence[Purchase]) -> Mapping[tuple[uuid.UUID, str], bool | None]:
    """Which takings' vouchers stand, and whether each is final (``promotions.contracts.Redeemer``)."""
    keys = {taking.key for purchase in purchases for taking in purchase.items}
    taken = Voucher.objects.filter(pk__in=keys, status__in=[VoucherStatus.RESERVED, VoucherStatus.USED])
    rows = taken.values_list("redemption_id", "pk", "status")
    return {(redemption, str(pk)): state == VoucherStatus.USED for redemption, pk, state in rows if redemption}
