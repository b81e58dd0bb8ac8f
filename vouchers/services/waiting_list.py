"""The line behind a campaign: who signed in and got nothing, in the order of their coming."""

import uuid
from datetime import datetime

from django.db import transaction

from core import db
from core.ids import uuid7
from core.outbox import enqueue_on_commit
from mailings.contracts import MailingStatus
from mailings.models import Mailing
from vouchers import rules
from vouchers.errors import VoucherExpired, VoucherUsed
from vouchers.models import CampaignCounter, CampaignState, Voucher, VoucherState
from vouchers.selectors import list_reassigning_campaigns, mailing_key, reassignable_vouchers

CHUNK = 5_000  # vouchers that one statement gives


def serve_waiting_list(*, campaign_id: uuid.UUID, at: datetime) -> int:
    """Give what is left of an open campaign's quota to the first in line; how many got a voucher.

    Newcomers wait for the counter meanwhile. Where nobody waits, or nothing is left, nothing happens.
    """
    total = 0
    while served := _serve_chunk(campaign_id, at):
        total += served
    return total


@transaction.atomic
def _serve_chunk(campaign_id: uuid.UUID, at: datetime) -> int:
    counter = _lock(campaign_id)
    if counter is None or counter.issued == counter.quota:
        return 0
    return _issue("vouchers/sql/serve_waiting_list.sql", campaign_id, counter.quota - counter.issued, at)


# --- what others lost ------------------------------------------------------------------------------------------------
@transaction.atomic
def revoke(*, voucher: Voucher, at: datetime) -> Voucher:
    """Take a voucher back that nobody has used; where its campaign says so, the first in line gets its rank.

    Twice is once. Raises VoucherUsed, also while an order has it reserved, and VoucherExpired.
    """
    locked = Voucher.objects.select_for_update(of=("self",), no_key=True).select_related("campaign").get(pk=voucher.pk)
    if locked.status == VoucherState.REVOKED:
        return locked
    state = rules.current_status(locked.status, locked.expires_at, locked.reserved_until, at=at)
    if state != VoucherState.AVAILABLE:
        raise VoucherExpired if state == VoucherState.EXPIRED else VoucherUsed
    locked.status, locked.revoked_at, locked.redemption_id, locked.reserved_until = VoucherState.REVOKED, at, None, None
    locked.save(update_fields=["status", "revoked_at", "redemption_id", "reserved_until"])
    if locked.campaign.reassign_unused:
        enqueue_on_commit("vouchers.pass_on", campaign=str(locked.campaign_id))
    return locked


def reassign_vouchers(*, campaign_id: uuid.UUID, at: datetime) -> int:
    """Give the ranks of an open campaign's vouchers that were revoked, or expired unused, to the first in line; how
    many changed hands. Where the campaign does not say so, or nobody waits, nothing happens.
    """
    total = 0
    while passed := _reassign_chunk(campaign_id, at):
        total += passed
    return total


@transaction.atomic
def _reassign_chunk(campaign_id: uuid.UUID, at: datetime) -> int:
    if _lock(campaign_id, pass_on=True) is None:
        return 0
    passed = _issue(
        "vouchers/sql/reassign_vouchers.sql",
        campaign_id,
        reassignable_vouchers().filter(campaign=campaign_id)[:CHUNK].count(),
        at,
    )
    if passed:  # the campaign may have ended long ago, and its mails with it
        Mailing.objects.filter(key=mailing_key(campaign_id)).update(status=MailingStatus.PLANNING)
    return passed


def enqueue_reassignments(*, at: datetime) -> int:
    """The same for every campaign that has lost vouchers; how many changed hands."""
    return sum(
        reassign_vouchers(campaign_id=pk, at=at) for pk in list_reassigning_campaigns().values_list("pk", flat=True)
    )


def _lock(campaign_id: uuid.UUID, **conditions: bool) -> CampaignCounter | None:
    """An open campaign's counter, locked: before the statement that gives, so that it sees all that was given."""
    rows = CampaignCounter.objects.select_for_update(of=("self",), no_key=True).filter(campaign=campaign_id)
    wanted = {f"campaign__{name}": value for name, value in conditions.items()}
    return rows.filter(campaign__state=CampaignState.OPEN, campaign__brand__is_active=True, **wanted).first()


def _issue(statement: str, campaign_id: uuid.UUID, most: int, at: datetime) -> int:
    """Run a statement that gives up to so many vouchers to the first in line; how many it gave."""
    ids = [uuid7() for _ in range(min(CHUNK, most))]
    row = db.fetch_one(statement, {"campaign": campaign_id, "ids": ids, "at": at}) if ids else None
    return row["served"] if row else 0
