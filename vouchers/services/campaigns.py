"""Creation, extension and end of campaigns."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from accounts.models import Brand
from core.db import translate_constraint
from core.errors import InvalidRequest
from core.outbox import enqueue_on_commit
from mailings.contracts import MailingStatus
from mailings.models import Mailing
from mailings.services import planning
from promotions.services import validate_offer
from redemptions.errors import InvalidStatus
from redemptions.events.contracts import EventType, NewEvent
from redemptions.events.services import append_events
from vouchers import emails, rules
from vouchers.errors import SlugTaken
from vouchers.models import Campaign, CampaignCounter, CampaignStatus
from vouchers.selectors import KIND, get_mailing_key
from vouchers.services import waiting_list


@transaction.atomic
def create(*, brand: Brand, quota: int, fields: Mapping[str, Any], at: datetime) -> Campaign:
    """Create a campaign of a brand for ``quota`` vouchers.

    ``fields`` are the model fields that a brand can set. Raises InvalidRequest with each field error, and SlugTaken.
    """
    campaign = Campaign(brand=brand, created_at=at, **fields)
    _check_dates(campaign, at)
    offer = validate_offer(campaign.offer, currency=brand.currency)
    validate_offer(rules.restrict_offer(campaign.offer, campaign.voucher_type))  # one more condition must fit
    campaign.discount = rules.get_percentage(offer)
    with translate_constraint("vouchers_campaign_slug", SlugTaken):
        campaign.save(force_insert=True)
    campaign.counter = CampaignCounter.objects.create(campaign=campaign, quota=quota)
    planning.plan_mailing(
        key=get_mailing_key(campaign.pk), mail_type=emails.VOUCHER, sender=str(brand.pk), sender_name=brand.name,
        data={"campaign": str(campaign.pk)},
    )  # fmt: skip
    append_events([NewEvent(EventType.OFFER_CREATED, at, brand.pk, KIND, offer=campaign.pk)])
    return campaign


@transaction.atomic
def extend(*, campaign: Campaign, at: datetime, quota: int | None = None, end_date: datetime | None = None) -> Campaign:
    """Raise the quota of a campaign or move its end; None leaves a value as it is.

    Customers on the waiting list get the new vouchers before later logins. Raises InvalidRequest for a lower quota or
    an earlier end, and InvalidStatus if the campaign has ended.
    """
    locked = _lock(campaign)
    if locked.status == CampaignStatus.CLOSED:
        raise InvalidStatus(current_status=locked.status)
    if end_date is not None and end_date != locked.end_date:
        if end_date <= max(locked.end_date, at):
            raise InvalidRequest.field(
                "end_date", _("The new end must be later than the current one and in the future.")
            )
        locked.end_date = end_date
        locked.save(update_fields=["end_date"])
        Mailing.objects.filter(key=get_mailing_key(locked.pk)).update(status=MailingStatus.PLANNING)
    if quota is not None:
        _raise_quota(locked, quota, at)
    return locked


def _raise_quota(campaign: Campaign, quota: int, at: datetime) -> None:
    """Raise the quota and serve the waiting list first; the lock of the counter makes later logins wait."""
    raised = CampaignCounter.objects.filter(campaign=campaign, quota__lt=quota).update(quota=quota)
    if raised:
        waiting_list.serve_waiting_list(campaign_id=campaign.pk, at=at)
        enqueue_on_commit("vouchers.serve_waiting_list", campaign=str(campaign.pk))  # for concurrent logins
    elif CampaignCounter.objects.filter(campaign=campaign, quota__gt=quota).exists():
        raise InvalidRequest.field("quota", _("The limit can only be raised."))
    campaign.counter.refresh_from_db()


@transaction.atomic
def close(*, campaign: Campaign) -> Campaign:
    """End a campaign for good. Issued vouchers stay valid. Repeated calls change nothing."""
    locked = _lock(campaign)
    if locked.status != CampaignStatus.CLOSED:
        locked.status = CampaignStatus.CLOSED
        locked.save(update_fields=["status"])
    return locked


def _lock(campaign: Campaign) -> Campaign:
    rows = Campaign.objects.select_for_update(of=("self",), no_key=True).select_related("brand", "counter")
    return rows.get(pk=campaign.pk)


def _check_dates(campaign: Campaign, at: datetime) -> None:
    if campaign.end_date <= campaign.start_date:
        raise InvalidRequest.field("end_date", _("The end must be after the start."))
    if campaign.end_date <= at:
        raise InvalidRequest.field("end_date", _("The end must be in the future."))
