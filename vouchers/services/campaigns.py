"""A brand opens, extends and closes its campaigns."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import transaction

from accounts.models import Brand
from core.db import translate_constraint
from core.errors import InvalidRequest
from core.outbox import enqueue_on_commit
from mailings.contracts import MailingStatus
from mailings.models import Mailing
from mailings.services import planning
from promotions.errors import InvalidStatus
from promotions.services import validate_offer
from vouchers import emails, rules
from vouchers.errors import SlugTaken
from vouchers.models import Campaign, CampaignCounter, CampaignState
from vouchers.selectors import mailing_key
from vouchers.services import waiting_list


@transaction.atomic
def create(*, brand: Brand, quota: int, fields: Mapping[str, Any], at: datetime) -> Campaign:
    """A new campaign of the brand for ``quota`` vouchers.

    ``fields`` are those of the model that a brand may set. Raises Invalid with each fault, and SlugTaken.
    """
    campaign = Campaign(brand=brand, created_at=at, **fields)
    _check_dates(campaign, at)
    offer = validate_offer(campaign.offer)
    validate_offer(rules.offer_for(campaign.offer, campaign.voucher_type))  # there is room for the one condition more
    campaign.discount = rules.percentage(offer)
    with translate_constraint("vouchers_campaign_slug", SlugTaken):
        campaign.save(force_insert=True)
    campaign.counter = CampaignCounter.objects.create(campaign=campaign, quota=quota)
    planning.plan(
        key=mailing_key(campaign.pk), kind=emails.VOUCHER, sender=str(brand.pk), sender_name=brand.name,
        data={"campaign": str(campaign.pk)},
    )  # fmt: skip
    return campaign


@transaction.atomic
def extend(*, campaign: Campaign, at: datetime, quota: int | None = None, ends_at: datetime | None = None) -> Campaign:
    """Give more vouchers, or give them for longer; what is not given stays.

    Who signed in too late for the old quota comes before whoever signs in from now on. Raises Invalid for less or
    sooner than before, WrongState once the campaign is closed.
    """
    locked = _lock(campaign)
    if locked.status == CampaignState.CLOSED:
        raise InvalidStatus(status_now=locked.status)
    if ends_at is not None and ends_at != locked.end_date:
        if ends_at <= max(locked.end_date, at):
            raise InvalidRequest.field("ends_at", "The end can only be moved to later, and to the future.")
        locked.end_date = ends_at
        locked.save(update_fields=["end_date"])
        Mailing.objects.filter(key=mailing_key(locked.pk)).update(status=MailingStatus.PLANNING)
    if quota is not None:
        _raise_quota(locked, quota, at)
    return locked


def _raise_quota(campaign: Campaign, quota: int, at: datetime) -> None:
    """Take the counter's row, so that newcomers wait, and serve the line first."""
    raised = CampaignCounter.objects.filter(campaign=campaign, quota__lt=quota).update(quota=quota)
    if raised:
        waiting_list.serve_waiting_list(campaign_id=campaign.pk, at=at)
        enqueue_on_commit("vouchers.serve_line", campaign=str(campaign.pk))  # who lost at this very moment
    elif CampaignCounter.objects.filter(campaign=campaign, quota__gt=quota).exists():
        raise InvalidRequest.field("quota", "A quota can only be raised.")
    campaign.counter.refresh_from_db()


@transaction.atomic
def close(*, campaign: Campaign) -> Campaign:
    """Give no more vouchers; those that were given stay good. Closing twice is closing once."""
    locked = _lock(campaign)
    if locked.status != CampaignState.CLOSED:
        locked.status = CampaignState.CLOSED
        locked.save(update_fields=["status"])
    return locked


def _lock(campaign: Campaign) -> Campaign:
    rows = Campaign.objects.select_for_update(of=("self",), no_key=True).select_related("brand", "counter")
    return rows.get(pk=campaign.pk)


def _check_dates(campaign: Campaign, at: datetime) -> None:
    if campaign.end_date <= campaign.start_date:
        raise InvalidRequest.field("ends_at", "The end comes after the start.")
    if campaign.end_date <= at:
        raise InvalidRequest.field("ends_at", "The end is in the future.")
