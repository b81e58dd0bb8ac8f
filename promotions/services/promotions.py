"""A brand makes, changes, starts and stops its promotions."""

from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import QuerySet

from accounts.models import Brand
from core import money
from core.errors import DomainError, InvalidRequest
from pricing import Offer, OfferInvalid, parse_offer
from promotions import code_rules, eligibility
from promotions.errors import InvalidStatus
from promotions.models import Promotion, Status, Trigger
from promotions.services import campaign_sync, limits, segments
from promotions.services.codes import register_code
from segments.errors import AudienceEmpty
from segments.selectors import get_audience_size

KIND = "promotion"
MAX_PRIORITY = 32_767
LIMIT_COLUMNS = {
    "total": "limit_total", "per_user": "limit_per_user", "per_day": "limit_per_day",
    "per_week": "limit_per_week", "per_month": "limit_per_month",
}  # fmt: skip
COUNTER_KINDS = {
    "budget": "budget", "limit_total": "total", "limit_per_user": "user",
    "limit_per_day": "day", "limit_per_week": "week", "limit_per_month": "month",
}  # fmt: skip
EDITABLE_ALWAYS = {"name", "description", "end_date", "priority", *COUNTER_KINDS}
EDITABLE_BEFORE_START = EDITABLE_ALWAYS | {"start_date", "target_audience", "offer"}


@transaction.atomic
def create_promotion(*, brand: Brand, fields: Mapping[str, Any], code: str | None, at: datetime) -> Promotion:
    """A new promotion of the brand, with the one code that opens it if it has one.

    ``fields`` are those of the model that a brand may set. Raises Invalid with each fault, AudienceEmpty when nobody
    is in its target audience (a light check: whether they have a free slot is seen on the start date), and CodeTaken.
    """
    promotion = Promotion(brand=brand, currency=brand.currency, created_at=at, **fields)
    text = _code(promotion.trigger, code)
    offer = _check(promotion, at, currency=brand.currency)
    if "priority" not in fields:
        promotion.priority = offer.priority
    if promotion.status == Status.SCHEDULED:
        _schedule(promotion, at)
    else:
        _check_audience(promotion)
    promotion.save(force_insert=True)
    if text is not None:
        register_code(text=text, kind=KIND, brand=brand, promotion=promotion)
    _request_sync(promotion, at)
    return promotion


@transaction.atomic
def update_promotion(*, promotion: Promotion, fields: Mapping[str, Any], at: datetime) -> Promotion:
    """Change what may be changed now: everything before the start, later only words, end, priority and limits.

    Raises Invalid with each fault (also for a limit below what was taken already), and WrongState once it has ended.
    """
    locked = Promotion.objects.select_for_update(of=("self",)).select_related("brand").get(pk=promotion.pk)
    if locked.status in {Status.ENDED, Status.DEACTIVATED}:
        raise InvalidStatus(current_status=locked.status)
    if locked.status != Status.DRAFT and locked.end_date <= at:  # beat has not come by yet
        raise InvalidStatus(current_status=Status.ENDED)
    allowed = _changeable(locked, at)
    if refused := sorted(set(fields) - allowed):
        raise InvalidRequest(
            errors=[{"field": name, "code": "fixed", "detail": "This cannot change any more."} for name in refused]
        )
    for name, value in fields.items():
        setattr(locked, name, value)
    _check(locked, at, currency=locked.currency if "offer" in fields else None)
    for name in COUNTER_KINDS.keys() & fields.keys():
        if not limits.resize(promotion=locked.pk, kind=COUNTER_KINDS[name], cap=fields[name]):
            raise InvalidRequest.field(
                name, "More than this was taken already; a limit that was counted can only be raised."
            )
    if locked.status != Status.DRAFT:
        segments.sync_segment(promotion=locked, at=at)
    elif "target_audience" in fields:
        _check_audience(locked)
    locked.save()
    _request_sync(locked, at)
    return locked


def locked_fields(*, promotion: Promotion, at: datetime) -> frozenset[str]:
    """What could change before the start and cannot any more."""
    return frozenset(EDITABLE_BEFORE_START - _changeable(promotion, at))


def _changeable(promotion: Promotion, at: datetime) -> set[str]:
    return EDITABLE_BEFORE_START if promotion.status == Status.DRAFT or promotion.start_date > at else EDITABLE_ALWAYS


@transaction.atomic
def activate_promotion(*, promotion: Promotion, at: datetime) -> Promotion:
    """Let a draft run between its dates. A promotion that is on its way already stays so. Raises WrongState."""
    locked = Promotion.objects.select_for_update(of=("self",)).select_related("brand").get(pk=promotion.pk)
    if locked.status == Status.DRAFT:
        _check(locked, at)
        _schedule(locked, at)
        locked.save(update_fields=["status"])
        _request_sync(locked, at)
    elif locked.status in {Status.ENDED, Status.DEACTIVATED}:
        raise InvalidStatus(current_status=locked.status)
    return locked


@transaction.atomic
def end_promotion(*, promotion: Promotion, at: datetime) -> Promotion:
    """Stop a promotion for good, at once. Stopping twice is stopping once. Raises WrongState when it has ended."""
    locked = Promotion.objects.select_for_update(of=("self",)).select_related("brand").get(pk=promotion.pk)
    if locked.status == Status.ENDED:
        raise InvalidStatus(current_status=locked.status)
    segments.end_segment(promotion=locked, at=at)
    known = locked.status != Status.DRAFT
    locked.status = Status.DEACTIVATED
    locked.save(update_fields=["status"])
    if known:
        _request_sync(locked, at)
    return locked


def _schedule(promotion: Promotion, at: datetime) -> None:
    """Let the promotion run between its dates: it is on its way, or live; with an audience, once its segment is."""
    promotion.status = Status.ACTIVE if promotion.start_date <= at else Status.SCHEDULED
    if promotion.target_audience:
        segments.sync_segment(promotion=promotion, at=at)


def _request_sync(promotion: Promotion, at: datetime) -> None:
    """The campaign engine is to know, unless it is a draft."""
    if promotion.status != Status.DRAFT:
        campaign_sync.request_sync(promotion_ids=[promotion.pk], at=at)


def start_due(*, at: datetime) -> int:
    """Mark promotions as active whose start has come, those with an audience when their segment is; how many."""
    for it in segments.without_segment(at=at).select_related("brand"):
        with suppress(DomainError), transaction.atomic():  # nobody is in the audience: asked again next time
            segments.sync_segment(promotion=it, at=at)
    due = Promotion.objects.filter(status=Status.SCHEDULED, start_date__lte=at, end_date__gt=at)
    started = _set_status(due.filter(target_audience=""), Status.ACTIVE, at)
    return started + sum(
        _set_status(found, status, at) for status, found in segments.promotions_by_segment_status(due=due)
    )


def end_due(*, at: datetime) -> int:
    """Mark promotions as ended whose end has come; how many."""
    due = Promotion.objects.filter(status__in=[Status.SCHEDULED, Status.ACTIVE, Status.ACTIVE_WITHOUT_AUDIENCE])
    return _set_status(due.filter(end_date__lte=at), Status.ENDED, at)


@transaction.atomic
def _set_status(due: QuerySet[Promotion], status: Status, at: datetime) -> int:
    """Give these the status, and have the campaign engine told; how many."""
    keys = list(due.select_for_update(of=("self",)).order_by("pk").values_list("pk", flat=True))
    campaign_sync.request_sync(promotion_ids=keys, at=at)
    return Promotion.objects.filter(pk__in=keys).update(status=status)


def _code(trigger: str, code: str | None) -> str | None:
    if code is None:
        return None
    if trigger != Trigger.CODE:
        raise InvalidRequest.field("code", "A promotion that starts by itself has no code.")
    text = code_rules.normalize_code(code)
    if text is None:
        raise InvalidRequest.field("code", "A code is 3 to 64 of A-Z, 0-9, _ and -.")
    return text


def _check(promotion: Promotion, at: datetime, *, currency: str | None = None) -> Offer:
    """Dates and offer make sense; fills what is derived from the offer.

    An offer that is being written (``currency``) has no amount that its brand's money cannot pay.
    """
    if promotion.end_date <= promotion.start_date:
        raise InvalidRequest.field("end_date", "The end comes after the start.")
    if promotion.end_date <= at:
        raise InvalidRequest.field("end_date", "The end is in the future.")
    if promotion.budget == 0:
        raise InvalidRequest.field("budget", "A budget is more than nothing.")
    offer = validate_offer(promotion.offer, currency=currency)
    if abs(offer.priority) > MAX_PRIORITY:
        raise InvalidRequest.field(
            "offer.priority", f"A priority is a whole number from -{MAX_PRIORITY} to {MAX_PRIORITY}."
        )
    promotion.match_keys = eligibility.match_keys(offer, brand=promotion.brand.slug)
    promotion.min_subtotal = eligibility.required_subtotal(offer)
    return offer


def _check_audience(promotion: Promotion) -> None:
    """Raises AudienceEmpty."""
    target = promotion.target_audience
    if target and not get_audience_size(brand_id=promotion.brand_id, segment_type=target):
        raise AudienceEmpty


def validate_offer(value: object, *, field: str = "offer", currency: str | None = None) -> Offer:
    """An offer that makes sense; with ``currency``, the brand's, so do its amounts that name none of their own.

    Raises Invalid with every fault, by its place below ``field``.
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
