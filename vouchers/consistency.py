"""Consistency check of campaigns, their counters, vouchers and emails."""

import uuid
from collections.abc import Iterator
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Exists, F, OuterRef, Q, Value
from django.db.models.fields import CharField
from django.db.models.functions import Cast, Concat

from core import db
from mailings.contracts import MailingStatus
from mailings.models import Mail, Mailing
from vouchers import selectors
from vouchers.models import CampaignCounter, Voucher, VoucherStatus
from vouchers.services import expiry, waiting_list

GRACE = timedelta(minutes=10)  # periodic tasks need a minute at most


def check(*, at: datetime, repair: bool) -> Iterator[str]:
    """Yield a line for each difference.

    ``repair`` recounts, issues vouchers that are due to the waiting list, plans missing emails, and expires vouchers.
    """
    for row in db.fetch_all("vouchers/sql/count_campaigns.sql", {}):
        yield from _check_campaign(row, at, repair)
    yield from _missing_mails(at, repair)
    yield from _expired(at, repair)
    yield from _reassigned(at, repair)


def _check_campaign(row: db.Row, at: datetime, repair: bool) -> Iterator[str]:
    name = f"campaign {row['slug']}"
    if row["issued"] != row["vouchers"]:
        repaired = repair and row["vouchers"] <= row["quota"] and _recount(row["id"])
        yield f"{name}: {row['issued']} issued, {row['vouchers']} vouchers counted" + (": repaired" if repaired else "")
    if row["highest"] != row["vouchers"]:
        yield f"{name}: {row['vouchers']} vouchers, but the highest rank is {row['highest']}"
    if row["widest"] > row["quota"]:
        yield f"{name}: a voucher has the quota {row['widest']}, but the campaign has {row['quota']}"
    due = min(row["quota"], row["logins"])
    if row["vouchers"] < due:
        served = waiting_list.serve_waiting_list(campaign_id=row["id"], at=at) if repair else 0
        suffix = f": {served} issued" if served else ""
        yield f"{name}: {row['vouchers']} vouchers for the first {due} logins" + suffix


@transaction.atomic
def _recount(campaign_id: uuid.UUID) -> bool:
    """Set the counter to the number of vouchers, under its lock."""
    counter = CampaignCounter.objects.select_for_update().get(campaign=campaign_id)
    counter.issued = Voucher.objects.filter(campaign=campaign_id, reassigned_to__isnull=True).count()
    counter.save(update_fields=["issued"])
    return True


def _missing_mails(at: datetime, repair: bool) -> Iterator[str]:
    """Check that customers have an email about each voucher that they can redeem, if their address was verified."""
    key = Concat(Value("vouchers:"), Cast(OuterRef("campaign_id"), CharField()))
    open_mailing = Mailing.objects.filter(key=key).exclude(status=MailingStatus.DONE)
    mail = Mail.objects.filter(mailing__key=key, recipient=OuterRef("customer_id"))
    vouchers = Voucher.objects.filter(
        status=VoucherStatus.AVAILABLE, expires_at__gt=at, customer__user__is_active=True,
        customer__user__email_verified_at__lte=F("created_at"),
    )  # fmt: skip
    missing = vouchers.exclude(customer__user__email="").filter(Exists(open_mailing), ~Exists(mail))
    for pk, rank, slug in list(missing.order_by("pk").values_list("pk", "rank", "campaign__slug")):
        planned = repair and db.execute("vouchers/sql/insert_missing_mails.sql", {"vouchers": [pk], "at": at})
        yield f"campaign {slug}: no email for the voucher of rank {rank}" + (": repaired" if planned else "")


def _expired(at: datetime, repair: bool) -> Iterator[str]:
    overdue = Voucher.objects.filter(status=VoucherStatus.AVAILABLE, expires_at__lte=at - GRACE)
    keys = list(overdue.order_by("pk").values_list("pk", flat=True))
    if keys and repair:
        expiry.expire_vouchers(at=at)
    for pk in keys:
        yield f"voucher {pk}: expired, but still available" + (": repaired" if repair else "")


def _reassigned(at: datetime, repair: bool) -> Iterator[str]:
    """Check that each reassigned voucher has a replacement with its rank, and that unused vouchers are reassigned."""
    replacement = Voucher.objects.filter(
        pk=OuterRef("reassigned_to"), campaign=OuterRef("campaign"), rank=OuterRef("rank")
    )
    without_replacement = Voucher.objects.filter(~Exists(replacement), reassigned_to__isnull=False).order_by("pk")
    for pk in without_replacement.values_list("pk", flat=True):
        yield f"voucher {pk}: reassigned to a voucher that doesn't exist or has another rank"
    for campaign in selectors.list_reassigning_campaigns():
        is_overdue = Q(revoked_at__lte=at - GRACE) | Q(status=VoucherStatus.EXPIRED, expires_at__lte=at - GRACE)
        unused = selectors.reassignable_vouchers().filter(is_overdue, campaign=campaign).count()
        due = min(unused, selectors.waiting_list(campaign=campaign)[:unused].count()) if unused else 0
        if due:
            count = repair and waiting_list.reassign_vouchers(campaign_id=campaign.pk, at=at)
            yield f"campaign {campaign.slug}: {due} vouchers to be reassigned" + (
                f": {count} reassigned" if count else ""
            )
