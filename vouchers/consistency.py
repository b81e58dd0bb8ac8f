"""What must hold among campaigns, counted again from their rows."""

import uuid
from collections.abc import Iterator
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Exists, OuterRef, Q, Value
from django.db.models.fields import CharField
from django.db.models.functions import Cast, Concat

from core import db
from mailings.contracts import MailingStatus
from mailings.models import Mail, Mailing
from vouchers import selectors
from vouchers.models import CampaignCounter, Voucher, VoucherState
from vouchers.services import expiry, waiting_list

GRACE = timedelta(minutes=10)  # what beat marks is marked within a minute when all is well


def check(*, at: datetime, repair: bool) -> Iterator[str]:
    """A line a difference; ``repair`` recounts, serves who waits within the quota, tells whom nobody told, and marks
    what has expired.
    """
    for row in db.fetch_all("vouchers/sql/count_campaigns.sql", {}):
        yield from _campaign(row, at, repair)
    yield from _missing_mails(at, repair)
    yield from _expired(at, repair)
    yield from _reassigned(at, repair)


def _campaign(row: db.Row, at: datetime, repair: bool) -> Iterator[str]:
    name = f"campaign {row['slug']}"
    if row["issued"] != row["vouchers"]:
        mended = repair and row["vouchers"] <= row["quota"] and _recount(row["id"])
        yield f"{name}: counted {row['issued']}, given {row['vouchers']}" + (": recounted" if mended else "")
    if row["highest"] != row["vouchers"]:
        yield f"{name}: {row['vouchers']} vouchers, but the highest rank is {row['highest']}"
    if row["widest"] > row["quota"]:
        yield f"{name}: a voucher of {row['widest']}, but the quota is {row['quota']}"
    due = min(row["quota"], row["logins"])
    if row["vouchers"] < due:
        served = waiting_list.serve_waiting_list(campaign_id=row["id"], at=at) if repair else 0
        yield f"{name}: {row['vouchers']} vouchers for {due} who came in time" + (
            f": {served} served" if served else ""
        )


@transaction.atomic
def _recount(campaign_id: uuid.UUID) -> bool:
    """Set the counter to what was given, under its lock."""
    counter = CampaignCounter.objects.select_for_update().get(campaign=campaign_id)
    counter.issued = Voucher.objects.filter(campaign=campaign_id, reassigned_to__isnull=True).count()
    counter.save(update_fields=["issued"])
    return True


def _missing_mails(at: datetime, repair: bool) -> Iterator[str]:
    """Winners with an address whom no mail tells of a voucher that they could still use."""
    key = Concat(Value("vouchers:"), Cast(OuterRef("campaign_id"), CharField()))
    open_mailing = Mailing.objects.filter(key=key).exclude(status=MailingStatus.DONE)
    mail = Mail.objects.filter(mailing__key=key, recipient=OuterRef("customer_id"))
    winners = Voucher.objects.filter(status=VoucherState.AVAILABLE, expires_at__gt=at, customer__user__is_active=True)
    found = winners.exclude(customer__user__email="").filter(Exists(open_mailing), ~Exists(mail))
    for pk, rank, slug in list(found.order_by("pk").values_list("pk", "rank", "campaign__slug")):
        told = repair and db.execute("vouchers/sql/insert_missing_mails.sql", {"vouchers": [pk], "at": at})
        yield f"campaign {slug}: nobody told the winner of rank {rank}" + (": planned" if told else "")


def _expired(at: datetime, repair: bool) -> Iterator[str]:
    late = Voucher.objects.filter(status=VoucherState.AVAILABLE, expires_at__lte=at - GRACE)
    found = list(late.order_by("pk").values_list("pk", flat=True))
    if found and repair:
        expiry.expire(at=at)
    for pk in found:
        yield f"voucher {pk}: expired, and still available" + (": marked" if repair else "")


def _reassigned(at: datetime, repair: bool) -> Iterator[str]:
    """Ranks that were taken over by no voucher, or by one of another rank; and lost ones that somebody waits for."""
    heir = Voucher.objects.filter(pk=OuterRef("reassigned_to"), campaign=OuterRef("campaign"), rank=OuterRef("rank"))
    astray = Voucher.objects.filter(~Exists(heir), reassigned_to__isnull=False).order_by("pk")
    for pk in astray.values_list("pk", flat=True):
        yield f"voucher {pk}: passed on to one that is not there, or has another rank"
    for campaign in selectors.list_reassigning_campaigns():
        since = Q(revoked_at__lte=at - GRACE) | Q(state=VoucherState.EXPIRED, expires_at__lte=at - GRACE)
        over = selectors.reassignable_vouchers().filter(since, campaign=campaign).count()
        due = min(over, selectors.waiting_list(campaign=campaign)[:over].count()) if over else 0
        if due:
            passed = repair and waiting_list.reassign_vouchers(campaign_id=campaign.pk, at=at)
            yield f"campaign {campaign.slug}: {due} ranks are to be passed on" + (f": {passed} were" if passed else "")
