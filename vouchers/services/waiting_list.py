"""Waiting list of a campaign: customers who signed in and got no voucher, in the order of their first logins."""

import uuid
from datetime import datetime

from django.db import transaction

from core import db
from core.ids import uuid7
from core.outbox import enqueue_on_commit
from mailings.contracts import MailingStatus
from mailings.models import Mailing
from redemptions.events.contracts import EventType, NewEvent
from redemptions.events.services import append_events
from redemptions.statuses import OfferDecision
from vouchers import rules
from vouchers.errors import VoucherExpired, VoucherUsed
from vouchers.models import CampaignCounter, Voucher, VoucherStatus
from vouchers.selectors import KIND, get_mailing_key, list_reassigning_campaigns, reassignable_vouchers

CHUNK = 5_000  # vouchers that one statement issues


def serve_waiting_list(*, campaign_id: uuid.UUID, at: datetime) -> int:
    """Issue the remaining vouchers of a published campaign to its waiting list. Return their number.

    New logins wait for the counter meanwhile.
    """
    total = 0
    while issued := _serve_chunk(campaign_id, at):
        total += issued
    return total


@transaction.atomic
def _serve_chunk(campaign_id: uuid.UUID, at: datetime) -> int:
    counter = _lock_counter(campaign_id)
    if counter is None or counter.issued == counter.quota:
        return 0
    return _issue("vouchers/sql/serve_waiting_list.sql", campaign_id, counter.quota - counter.issued, at)


# --- revoked and expired vouchers ------------------------------------------------------------------------------------
@transaction.atomic
def revoke(*, voucher: Voucher, at: datetime) -> Voucher:
    """Revoke an unused voucher, and reassign it to the waiting list if its campaign does so.

    Repeated calls change nothing. Raises VoucherUsed, also while an order reserves the voucher, and VoucherExpired.
    """
    locked = Voucher.objects.select_for_update(of=("self",), no_key=True).select_related("campaign").get(pk=voucher.pk)
    if locked.status == VoucherStatus.REVOKED:
        return locked
    status = rules.current_status(locked.status, locked.expires_at, locked.reserved_until, at=at)
    if status != VoucherStatus.AVAILABLE:
        raise VoucherExpired if status == VoucherStatus.EXPIRED else VoucherUsed
    locked.status, locked.revoked_at = VoucherStatus.REVOKED, at
    locked.redemption_id, locked.reserved_until = None, None
    locked.save(update_fields=["status", "revoked_at", "redemption_id", "reserved_until"])
    event = NewEvent(
        EventType.VOUCHER_REVOKED, at, locked.campaign.brand_id, KIND, offer=locked.campaign_id,
        customer=locked.customer_id, data={"voucher": str(locked.pk), "rank": locked.rank},
    )  # fmt: skip
    append_events([event])
    if locked.campaign.reassign_unused:
        enqueue_on_commit("vouchers.reassign_vouchers", campaign=str(locked.campaign_id))
    return locked


def reassign_vouchers(*, campaign_id: uuid.UUID, at: datetime) -> int:
    """Reassign revoked and expired vouchers of a published campaign to its waiting list. Return their number.

    Does nothing for a campaign that doesn't reassign unused vouchers.
    """
    total = 0
    while reassigned := _reassign_chunk(campaign_id, at):
        total += reassigned
    return total


@transaction.atomic
def _reassign_chunk(campaign_id: uuid.UUID, at: datetime) -> int:
    if _lock_counter(campaign_id, reassign_unused=True) is None:
        return 0
    count = reassignable_vouchers().filter(campaign=campaign_id)[:CHUNK].count()
    reassigned = _issue("vouchers/sql/reassign_vouchers.sql", campaign_id, count, at)
    if reassigned:  # the mailing may be closed already
        Mailing.objects.filter(key=get_mailing_key(campaign_id)).update(status=MailingStatus.PLANNING)
    return reassigned


def reassign_due(*, at: datetime) -> int:
    """Reassign revoked and expired vouchers of all campaigns. Return their number."""
    campaign_ids = list_reassigning_campaigns().values_list("pk", flat=True)
    return sum(reassign_vouchers(campaign_id=pk, at=at) for pk in campaign_ids)


def _lock_counter(campaign_id: uuid.UUID, **conditions: bool) -> CampaignCounter | None:
    """Lock the counter of a published campaign. The next statement then sees all vouchers that were issued before."""
    rows = CampaignCounter.objects.select_for_update(of=("self",), no_key=True).filter(campaign=campaign_id)
    campaign_conditions = {f"campaign__{name}": value for name, value in conditions.items()}
    published = rows.filter(campaign__decision=OfferDecision.PUBLISHED, campaign__brand__is_active=True)
    return published.filter(**campaign_conditions).first()


def _issue(statement: str, campaign_id: uuid.UUID, limit: int, at: datetime) -> int:
    """Run a statement that issues up to ``limit`` vouchers to the waiting list. Return their number."""
    ids = [uuid7() for _ in range(min(CHUNK, limit))]
    row = db.fetch_one(statement, {"campaign": campaign_id, "ids": ids, "at": at}) if ids else None
    return row["served"] if row else 0
