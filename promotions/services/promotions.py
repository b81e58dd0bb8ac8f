"""The life cycle of promotions: create, update, activate, start and end."""

from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from django.utils.translation import gettext as _

from accounts.models import Brand
from core import money
from core.errors import DomainError, InvalidRequest
from pricing import Offer, OfferInvalid, parse_offer
from promotions.eligibility import match_keys, required_subtotal
from promotions.models import ENDED_STATUSES, Promotion, Status, Trigger
from promotions.services import campaign_sync, segments
from redemptions.codes.rules import CODE_FORMAT_MESSAGE, normalize_code
from redemptions.codes.services import register_code
from redemptions.errors import InvalidStatus
from redemptions.events.contracts import EventType, NewEvent
from redemptions.events.services import append_events
from redemptions.limits import services as limits
from redemptions.limits.rules import FIELD_BY_SCOPE
from redemptions.limits.selectors import has_usage
from segments.errors import AudienceEmpty
from segments.selectors import get_audience_size

KIND = "promotion"
MAX_PRIORITY = 32_767
LIMIT_COLUMNS = {  # limits of the API: fields of the model
    "total": "limit_total", "per_customer": "limit_per_user", "per_day": "limit_per_day",
    "per_week": "limit_per_week", "per_month": "limit_per_month",
}  # fmt: skip
SCOPE_BY_FIELD = {field: scope for scope, field in FIELD_BY_SCOPE.items()}
EDITABLE_ALWAYS = {"name", "description", "end_date", "priority", *SCOPE_BY_FIELD}
EDITABLE_BEFORE_START = EDITABLE_ALWAYS | {"start_date", "target_audience", "offer"}


@transaction.atomic
def create_promotion(*, brand: Brand, fields: Mapping[str, Any], code: str | None, at: datetime) -> Promotion:
    """Create a promotion of the brand, with a generic code if ``code`` is set.

    ``fields`` are the fields of the model that a brand may set. Raises InvalidRequest with each field error,
    AudienceEmpty if the target audience has no customers (free slots are checked on the start date), and CodeTaken.
    """
    promotion = Promotion(brand=brand, currency=brand.currency, created_at=at, **fields)
    text = _normalize_code(promotion.trigger, code)
    offer = _check(promotion, at, currency=brand.currency)
    if "priority" not in fields:
        promotion.priority = offer.priority
    if promotion.status == Status.SCHEDULED:
        _schedule(promotion, at)
    else:
        _check_audience(promotion)
    promotion.save(force_insert=True)
    if text is not None:
        register_code(text=text, kind=KIND, brand=brand, offer=promotion.pk)
    append_events([NewEvent(EventType.OFFER_CREATED, at, brand.pk, KIND, offer=promotion.pk)])
    _request_sync(promotion, at)
    return promotion


@transaction.atomic
def update_promotion(*, promotion: Promotion, fields: Mapping[str, Any], at: datetime) -> Promotion:
    """Update fields of a promotion; after its start only texts, end, priority, budget and limits.

    If a limit is set below its usage, nothing more is given. Raises InvalidRequest with each field error (also for a
    used limit that is removed), and InvalidStatus after the end.
    """
    locked = Promotion.objects.select_for_update(of=("self",)).select_related("brand").get(pk=promotion.pk)
    if locked.status in ENDED_STATUSES:
        raise InvalidStatus(current_status=locked.status)
    if locked.status != Status.DRAFT and locked.end_date <= at:  # the periodic task has not run yet
        raise InvalidStatus(current_status=Status.ENDED)
    if immutable := sorted(set(fields) - _editable_fields(locked, at)):
        detail = _("This field can't be changed after the start.")
        raise InvalidRequest(errors=[{"field": name, "code": "immutable", "detail": detail} for name in immutable])
    for name, value in fields.items():
        setattr(locked, name, value)
    _check(locked, at, currency=locked.currency if "offer" in fields else None)
    for name in SCOPE_BY_FIELD.keys() & fields.keys():
        _resize(locked, SCOPE_BY_FIELD[name], fields[name], name)
    if locked.status != Status.DRAFT:
        segments.sync_segment(promotion=locked, at=at)
    elif "target_audience" in fields:
        _check_audience(locked)
    locked.save()
    _request_sync(locked, at)
    return locked


def _resize(promotion: Promotion, scope: str, cap: int | None, field: str) -> None:
    """Change a limit of a locked promotion. A used one is never removed, because releasing an amount needs its row."""
    scope = f"budget:{promotion.currency}" if scope == "budget" else scope
    if cap is not None:
        limits.resize(owner=promotion.pk, scope=scope, cap=cap)
    elif has_usage(owner=promotion.pk, scope=scope):
        raise InvalidRequest.field(field, _("A used limit can't be removed."))


def locked_fields(*, promotion: Promotion, at: datetime) -> frozenset[str]:
    """Return the fields that could be changed before the start and no longer can."""
    return frozenset(EDITABLE_BEFORE_START - _editable_fields(promotion, at))


def _editable_fields(promotion: Promotion, at: datetime) -> set[str]:
    return EDITABLE_BEFORE_START if promotion.status == Status.DRAFT or promotion.start_date > at else EDITABLE_ALWAYS


@transaction.atomic
def activate_promotion(*, promotion: Promotion, at: datetime) -> Promotion:
    """Schedule a draft, or start it if its start date has passed. Does nothing if active. Raises InvalidStatus."""
    locked = Promotion.objects.select_for_update(of=("self",)).select_related("brand").get(pk=promotion.pk)
    if locked.status == Status.DRAFT:
        _check(locked, at)
        _schedule(locked, at)
        locked.save(update_fields=["status"])
        _request_sync(locked, at)
    elif locked.status in ENDED_STATUSES:
        raise InvalidStatus(current_status=locked.status)
    return locked


@transaction.atomic
def end_promotion(*, promotion: Promotion, at: datetime) -> Promotion:
    """End a promotion now. Repeating the call has no effect. Raises InvalidStatus after its end date."""
    locked = Promotion.objects.select_for_update(of=("self",)).select_related("brand").get(pk=promotion.pk)
    if locked.status == Status.ENDED:
        raise InvalidStatus(current_status=locked.status)
    segments.end_segment(promotion=locked, at=at)
    was_draft = locked.status == Status.DRAFT
    locked.status = Status.DEACTIVATED
    locked.save(update_fields=["status"])
    if not was_draft:
        _request_sync(locked, at)
    return locked


def _schedule(promotion: Promotion, at: datetime) -> None:
    """Set the promotion to scheduled, or to active after its start date; with an audience, after its segment."""
    promotion.status = Status.ACTIVE if promotion.start_date <= at else Status.SCHEDULED
    if promotion.target_audience:
        segments.sync_segment(promotion=promotion, at=at)


def _request_sync(promotion: Promotion, at: datetime) -> None:
    """Request a sync to the campaign engine, unless the promotion is a draft."""
    if promotion.status != Status.DRAFT:
        campaign_sync.request_sync(promotion_ids=[promotion.pk], at=at)


def start_due(*, at: datetime) -> int:
    """Set promotions to active after their start date, and once their segment is active. Return how many."""
    for promotion in segments.list_without_segment(at=at).select_related("brand"):
        with suppress(DomainError), transaction.atomic():  # the audience has no customers: retried by the next run
            segments.sync_segment(promotion=promotion, at=at)
    due = Promotion.objects.filter(status=Status.SCHEDULED, start_date__lte=at, end_date__gt=at)
    started = _set_status(due.filter(target_audience=""), Status.ACTIVE, at)
    return started + sum(
        _set_status(promotions, status, at) for status, promotions in segments.promotions_by_segment_status(due=due)
    )


def end_due(*, at: datetime) -> int:
    """Set promotions to ended after their end date. Return how many."""
    due = Promotion.objects.filter(status__in=[Status.SCHEDULED, Status.ACTIVE, Status.ACTIVE_WITHOUT_AUDIENCE])
    return _set_status(due.filter(end_date__lte=at), Status.ENDED, at)


@transaction.atomic
def _set_status(due: QuerySet[Promotion], status: Status, at: datetime) -> int:
    """Set the status of the promotions and request their syncs. Return how many."""
    keys = list(due.select_for_update(of=("self",)).order_by("pk").values_list("pk", flat=True))
    campaign_sync.request_sync(promotion_ids=keys, at=at)
    return Promotion.objects.filter(pk__in=keys).update(status=status)


def _normalize_code(trigger: str, code: str | None) -> str | None:
    if code is None:
        return None
    if trigger != Trigger.CODE:
        raise InvalidRequest.field("code", _("Automatic promotions can't have a code."))
    text = normalize_code(code)
    if text is None:
        raise InvalidRequest.field("code", str(CODE_FORMAT_MESSAGE))
    return text


def _check(promotion: Promotion, at: datetime, *, currency: str | None = None) -> Offer:
    """Check dates, budget and offer, and set the fields that are derived from the offer. Raises InvalidRequest.

    With ``currency``, the amounts of the offer must have no more decimals than the currency.
    """
    if promotion.end_date <= promotion.start_date:
        raise InvalidRequest.field("end_date", _("The end must be after the start."))
    if promotion.end_date <= at:
        raise InvalidRequest.field("end_date", _("The end must be in the future."))
    if promotion.budget == 0:
        raise InvalidRequest.field("budget", _("The budget must be greater than 0."))
    offer = validate_offer(promotion.offer, currency=currency)
    if abs(offer.priority) > MAX_PRIORITY:
        raise InvalidRequest.field(
            "offer.priority", _("Enter a whole number from -%(max)s to %(max)s.") % {"max": f"{MAX_PRIORITY:,}"}
        )
    promotion.match_keys = match_keys(offer, brand=promotion.brand.slug)
    promotion.min_subtotal = required_subtotal(offer)
    return offer


def _check_audience(promotion: Promotion) -> None:
    """Check that the target audience has customers. Raises AudienceEmpty."""
    target = promotion.target_audience
    if target and not get_audience_size(brand_id=promotion.brand_id, segment_type=target):
        raise AudienceEmpty


def validate_offer(value: object, *, field: str = "offer", currency: str | None = None) -> Offer:
    """Parse an offer. With ``currency``, the amounts that name no currency must fit it.

    Raises InvalidRequest with every error; the fields are paths below ``field``.
    """
    try:
        return parse_offer(value, currency_exponent=money.decimals, currency=currency)
    except OfferInvalid as error:
        raise InvalidRequest(
            errors=[
                {"field": ".".join(filter(None, [field, path])), "code": code, "detail": detail}
                for path, code, detail in error.errors
            ]
        ) from error
