"""Services that create, change, end and duplicate campaigns."""

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
from promotions.services import check_unit_limit, validate_offer
from redemptions import decisions
from redemptions.lifecycle import Action, dates_of_duplicate, reopens
from redemptions.metadata import change_metadata
from redemptions.statuses import OfferDecision
from redemptions.uses.contracts import LIMIT_FIELDS
from redemptions.uses.services import change_limits
from vouchers import emails, rules
from vouchers.errors import SlugTaken
from vouchers.models import Campaign, CampaignCounter
from vouchers.selectors import get_mailing_key, suggest_slug
from vouchers.services import waiting_list

MAX_NAME_LENGTH = 100
TERMS = ("description", "offer", "voucher_type", "voucher_valid_days", "reassign_unused", *LIMIT_FIELDS)
DUPLICATED_FIELDS = (*TERMS, "metadata")
EDITABLE_IN_DRAFT = frozenset({"name", "slug", "start_date", "end_date", *TERMS})


@transaction.atomic
def create(*, brand: Brand, quota: int, fields: Mapping[str, Any], at: datetime) -> Campaign:
    """Create a campaign of a brand for ``quota`` vouchers.

    ``fields`` are the model fields that a brand can set. Raises InvalidRequest with each field error, and SlugTaken.
    """
    campaign = Campaign(brand=brand, currency=brand.currency, created_at=at, **fields)
    _check(campaign, at)
    with translate_constraint("vouchers_campaign_slug", SlugTaken):
        decisions.create_offer(campaign, at=at)
    campaign.counter = CampaignCounter.objects.create(campaign=campaign, quota=quota)
    planning.plan_mailing(
        key=get_mailing_key(campaign.pk), mail_type=emails.VOUCHER, sender=str(brand.pk), sender_name=brand.name,
        data={"campaign": str(campaign.pk)},
    )  # fmt: skip
    return campaign


@transaction.atomic
def change(
    *, campaign: Campaign, at: datetime, quota: int | None = None, fields: Mapping[str, Any] | None = None
) -> Campaign:
    """Change a campaign: any field of a draft, the start until it has passed, and later its end, quota and limits.

    A published campaign's end can only move to a later time, which makes an ended campaign active again, and its quota
    can only be raised: customers on the waiting list get the new vouchers before later logins. Raises InvalidRequest
    with an error per field, SlugTaken, and InvalidStatus for an archived campaign, or an ended one without a later end,
    if anything but metadata changes.
    """
    locked = _lock(campaign)
    rest = change_metadata(locked, fields or {}, at=at)
    if fields and not rest and quota is None:
        return locked
    fields = rest
    changed = {name: value for name, value in fields.items() if getattr(locked, name) != value}
    is_draft = locked.decision == OfferDecision.DRAFT
    is_reopened = reopens(locked, fields=changed, at=at)
    _check_editable(locked, changed, at)
    if changed:
        before = locked.limits
        decisions.report_dates(locked, at=at)
        if is_reopened:
            locked.decision = OfferDecision.PUBLISHED
        for name, value in changed.items():
            setattr(locked, name, value)
        _check(locked, at)
        change_limits(before=before, after=locked.limits, currency=locked.currency, at=at)
        locked.updated_at = at
        with translate_constraint("vouchers_campaign_slug", SlugTaken):
            locked.save()
        decisions.report_status(locked, at=at)
    if "end_date" in changed:
        _follow_decision(locked)
    if quota is not None and is_draft:
        CampaignCounter.objects.filter(campaign=locked).update(quota=quota)
        locked.counter.refresh_from_db()
    elif quota is not None:
        _raise_quota(locked, quota, at)
    if quota is not None:
        locked.updated_at = at
        locked.save(update_fields=["updated_at"])
    return locked


def editable_fields(*, campaign: Campaign, at: datetime) -> frozenset[str]:
    """Return the fields beside the quota that can change now."""
    if campaign.decision == OfferDecision.DRAFT:
        return EDITABLE_IN_DRAFT
    always = frozenset({"end_date", *LIMIT_FIELDS})
    return always | {"start_date"} if at < campaign.start_date else always


def _check_editable(campaign: Campaign, changed: Mapping[str, Any], at: datetime) -> None:
    if immutable := sorted(changed.keys() - editable_fields(campaign=campaign, at=at)):
        detail = _("This field can't be changed after the campaign is published.")
        raise InvalidRequest(errors=[{"field": name, "code": "immutable", "detail": detail} for name in immutable])
    if "end_date" not in changed or campaign.decision == OfferDecision.DRAFT:
        return
    if changed["end_date"] <= max(campaign.end_date, at):
        raise InvalidRequest.field("end_date", _("The new end must be later than the current one and in the future."))


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
def change_decision(*, campaign: Campaign, action: Action, at: datetime) -> Campaign:
    """Activate, pause, resume, end or archive a campaign. Repeating an action has no effect.

    Issued vouchers stay valid. While a campaign is paused, nobody gets a voucher, and its waiting list waits. Raises
    InvalidStatus.
    """
    locked = _lock(campaign)
    if decisions.apply_action(locked, action=action, at=at):
        _follow_decision(locked)
    return locked


def _follow_decision(campaign: Campaign) -> None:
    """Let a published campaign send emails about its vouchers, and serve its waiting list."""
    if campaign.decision == OfferDecision.PUBLISHED:
        Mailing.objects.filter(key=get_mailing_key(campaign.pk)).update(status=MailingStatus.PLANNING)
        enqueue_on_commit("vouchers.serve_waiting_list", campaign=str(campaign.pk))


@transaction.atomic
def delete(*, campaign: Campaign, at: datetime) -> None:
    """Delete a draft, and archive any other campaign. Issued vouchers stay valid."""
    locked = _lock(campaign)
    key = get_mailing_key(locked.pk)
    if decisions.delete_or_archive(locked, at=at):
        Mailing.objects.filter(key=key).delete()


def duplicate(*, campaign: Campaign, slug: str | None, at: datetime) -> Campaign:
    """Create a draft with the terms and the quota of a campaign, and ``slug`` or a similar one that is free.

    The duplicate of a campaign that has ended starts now and lasts as long. Raises SlugTaken.
    """
    fields = {name: getattr(campaign, name) for name in DUPLICATED_FIELDS} | dates_of_duplicate(campaign, at=at)
    name = (_("Copy of %(campaign)s") % {"campaign": campaign.name})[:MAX_NAME_LENGTH]
    fields |= {"name": name, "slug": slug or suggest_slug(campaign.slug), "decision": OfferDecision.DRAFT}
    return create(brand=campaign.brand, quota=campaign.counter.quota, fields=fields, at=at)


def _lock(campaign: Campaign) -> Campaign:
    rows = Campaign.objects.select_for_update(of=("self",)).select_related("brand", "counter")
    return rows.get(pk=campaign.pk)


def _check(campaign: Campaign, at: datetime) -> None:
    """Check dates and offer, and set the percentage of the offer. Raises InvalidRequest."""
    if campaign.end_date <= campaign.start_date:
        raise InvalidRequest.field("end_date", _("The end must be after the start."))
    if campaign.end_date <= at:
        raise InvalidRequest.field("end_date", _("The end must be in the future."))
    offer = validate_offer(
        campaign.offer, currency=campaign.brand.currency, brand=campaign.brand, can_keep_balance=False
    )
    validate_offer(rules.restrict_offer(campaign.offer, campaign.voucher_type))  # one more condition must fit
    check_unit_limit(offer, limit=campaign.limit_units)
    campaign.discount = rules.get_percentage(offer)
