"""Expiry of vouchers, and of the mailings of ended campaigns, by a periodic task."""

from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import QuerySet

from core import db
from mailings.contracts import MailingStatus
from mailings.models import Mailing
from mailings.services import planning
from vouchers import emails
from vouchers.models import Campaign
from vouchers.selectors import get_mailing_key

CHUNK = 5_000  # vouchers that one transaction expires
MAILING_CLOSE_DELAY = timedelta(days=1)


def expire_vouchers(*, at: datetime) -> int:
    """Mark available vouchers as expired after their expiry date. Return their number. Can run concurrently."""
    total = 0
    while expired := _expire_chunk(at):
        total += expired
    return total


@transaction.atomic
def _expire_chunk(at: datetime) -> int:
    return db.execute("vouchers/sql/expire_vouchers.sql", {"at": at, "limit": CHUNK})


def close_mailings(*, at: datetime) -> int:
    """Close the mailings of campaigns that ended a day ago. Return their number.

    The delay leaves time for the emails about the last vouchers.
    """
    open_mailings = Mailing.objects.filter(mail_type=emails.VOUCHER, status=MailingStatus.PLANNING)
    ended = Campaign.objects.filter(end_date__lte=at - MAILING_CLOSE_DELAY).values_list("pk", flat=True)
    keys = [get_mailing_key(pk) for pk in ended.filter(pk__in=_campaign_ids(open_mailings))]
    mailings = list(open_mailings.filter(key__in=keys))
    for mailing in mailings:
        with transaction.atomic():
            planning.finish_planning(mailing=mailing)
    return len(mailings)


def _campaign_ids(mailings: QuerySet[Mailing]) -> list[str]:
    return list(mailings.values_list("data__campaign", flat=True))
