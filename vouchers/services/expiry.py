"""What time does to vouchers and campaigns, written down by beat."""

from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import QuerySet

from mailings.contracts import MailingStatus
from mailings.models import Mailing
from mailings.services import planning
from vouchers import emails
from vouchers.models import Campaign, Voucher, VoucherState
from vouchers.selectors import mailing_key

BATCH = 5_000
MAILING_CLOSE_DELAY = timedelta(days=1)


def expire(*, at: datetime) -> int:
    """Mark available vouchers as expired whose time is up; how many. Any number may run at once."""
    total = 0
    while expired := _expire_chunk(at):
        total += expired
    return total


@transaction.atomic
def _expire_chunk(at: datetime) -> int:
    due = Voucher.objects.filter(status=VoucherState.AVAILABLE, expires_at__lte=at).order_by("expires_at")
    locked = due.select_for_update(skip_locked=True, no_key=True).values_list("pk", flat=True)[:BATCH]
    return Voucher.objects.filter(pk__in=list(locked)).update(status=VoucherState.EXPIRED)


def close_mailings(*, at: datetime) -> int:
    """End the mailings of campaigns that ended a day ago, so that nobody who won at the last moment is left out."""
    open_ones = Mailing.objects.filter(mail_type=emails.VOUCHER, status=MailingStatus.PLANNING)
    ended = Campaign.objects.filter(end_date__lte=at - MAILING_CLOSE_DELAY).values_list("pk", flat=True)
    mailings = list(open_ones.filter(key__in=[mailing_key(pk) for pk in ended.filter(pk__in=_campaigns(open_ones))]))
    for mailing in mailings:
        with transaction.atomic():
            planning.finish_planning(mailing=mailing)
    return len(mailings)


def _campaigns(mailings: QuerySet[Mailing]) -> list[str]:
    return list(mailings.values_list("data__campaign", flat=True))
