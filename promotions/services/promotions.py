"""Services that create and update promotions."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from accounts.models import Brand
from core.errors import InvalidRequest
from pricing import Offer
from promotions.eligibility import match_keys, required_subtotal
from promotions.models import Promotion, Trigger
from promotions.services import lifecycle, segments
from promotions.services.offers import check_priority, check_unit_limit, validate_offer
from redemptions.codes.rules import CODE_FORMAT_MESSAGE, normalize_code
from redemptions.codes.services import register_code
from redemptions.decisions import create_offer, report_dates, report_status
from redemptions.lifecycle import dates_of_duplicate, reopens
from redemptions.metadata import change_metadata
from redemptions.statuses import OfferDecision
from redemptions.uses.contracts import LIMIT_FIELDS
from redemptions.uses.services import change_limits, check_pool
from segments.errors import AudienceEmpty
from segments.selectors import get_audience_size

KIND = "promotion"
EDITABLE_LIMITS = ("limit_total", "limit_per_user", *LIMIT_FIELDS)
MAX_NAME_LENGTH = 100
DUPLICATED_FIELDS = (
    "description", "target_audience", "trigger", "offer", "priority", "metadata", "limit_strategy", *EDITABLE_LIMITS,
)  # fmt: skip
EDITABLE_ALWAYS = {"name", "description", "end_date", "priority", *EDITABLE_LIMITS}
EDITABLE_BEFORE_START = EDITABLE_ALWAYS | {"start_date", "target_audience", "offer", "limit_strategy"}


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
    if promotion.decision == OfferDecision.DRAFT:
        _check_audience(promotion)
    lifecycle.set_decision(promotion, OfferDecision(promotion.decision), at)
    create_offer(promotion, at=at)
    if text is not None:
        register_code(text=text, kind=KIND, brand=brand, offer=promotion.pk)
    return promotion


@transaction.atomic
def update_promotion(*, promotion: Promotion, fields: Mapping[str, Any], at: datetime) -> Promotion:
    """Update fields of a promotion; after its start only texts, end, priority, budget, limits and the brand's own data.

    A limit that is set counts what was used before; below that, nothing more is given. Another end date in the future
    makes an ended promotion active again. Raises InvalidRequest with each field error, and InvalidStatus for an
    archived promotion, or an ended one without a new end date, if anything but metadata changes.
    """
    locked = lifecycle.lock_promotion(promotion)
    rest = change_metadata(locked, fields, at=at)
    if fields and not rest:
        return locked
    fields = rest
    is_reopened = reopens(locked, fields=fields, at=at)
    if immutable := sorted(set(fields) - _editable_fields(locked, at)):
        detail = _("This field can't be changed after the start.")
        raise InvalidRequest(errors=[{"field": name, "code": "immutable", "detail": detail} for name in immutable])
    before = locked.limits
    report_dates(locked, at=at)
    for name, value in fields.items():
        setattr(locked, name, value)
    locked.updated_at = at
    _check(locked, at, currency=locked.currency if "offer" in fields else None)
    change_limits(before=before, after=locked.limits, currency=locked.currency, at=at)
    if locked.decision == OfferDecision.DRAFT and "target_audience" in fields:
        _check_audience(locked)
    if is_reopened:
        lifecycle.set_decision(locked, OfferDecision.PUBLISHED, at)
    else:
        if locked.decision == OfferDecision.PUBLISHED:
            segments.sync_segment(promotion=locked, at=at)
        lifecycle.record_status(locked, at)
    locked.save()
    report_status(locked, at=at)
    return locked


@transaction.atomic
def duplicate_promotion(*, promotion: Promotion, at: datetime) -> Promotion:
    """Create a draft with the terms of a promotion, without its code.

    The duplicate of a promotion that has ended starts now and lasts as long. Raises AudienceEmpty.
    """
    fields = {name: getattr(promotion, name) for name in DUPLICATED_FIELDS}
    name = (_("Copy of %(promotion)s") % {"promotion": promotion.name})[:MAX_NAME_LENGTH]
    fields |= dates_of_duplicate(promotion, at=at) | {"name": name, "decision": OfferDecision.DRAFT}
    return create_promotion(brand=promotion.brand, fields=fields, code=None, at=at)


def locked_fields(*, promotion: Promotion, at: datetime) -> frozenset[str]:
    """Return the fields that could be changed before the start and no longer can."""
    return frozenset(EDITABLE_BEFORE_START - _editable_fields(promotion, at))


def _editable_fields(promotion: Promotion, at: datetime) -> set[str]:
    is_draft = promotion.decision == OfferDecision.DRAFT
    return EDITABLE_BEFORE_START if is_draft or promotion.start_date > at else EDITABLE_ALWAYS


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

    With ``currency``, which is set when the offer is new, it must fit the currency and the brand's attributes.
    """
    if promotion.end_date <= promotion.start_date:
        raise InvalidRequest.field("end_date", _("The end must be after the start."))
    if promotion.end_date <= at:
        raise InvalidRequest.field("end_date", _("The end must be in the future."))
    if not all(promotion.budgets.values()):
        raise InvalidRequest.field("budget", _("The budget must be greater than 0."))
    offer = validate_offer(
        promotion.offer,
        currency=currency,
        brand=promotion.brand if currency else None,
        can_keep_balance=promotion.trigger == Trigger.CODE,
    )
    check_unit_limit(offer, limit=promotion.limit_units)
    check_pool(strategy=promotion.limit_strategy, total=promotion.limit_total, field="limits.total")
    check_priority(offer)
    promotion.match_keys = match_keys(offer, brand=promotion.brand.slug)
    promotion.min_subtotal = required_subtotal(offer)
    return offer


def _check_audience(promotion: Promotion) -> None:
    """Check that the target audience has customers. Raises AudienceEmpty."""
    target = promotion.target_audience
    if target and not get_audience_size(brand_id=promotion.brand_id, segment_type=target):
        raise AudienceEmpty
