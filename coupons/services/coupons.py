"""Services that create and change coupons, and add codes to them."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from accounts.models import Brand
from core import db
from core.errors import InvalidRequest
from coupons import selectors
from coupons.models import CouponDefinition
from promotions.services import check_unit_limit, validate_offer
from redemptions.codes.models import CodeBatch
from redemptions.codes.rules import CODE_FORMAT_MESSAGE, DEFAULT_CHARSET, DEFAULT_PATTERN, normalize_code
from redemptions.codes.services import create_batch, generate_small_batch, register_code
from redemptions.decisions import apply_action, create_offer, delete_or_archive, report_dates, report_status
from redemptions.lifecycle import Action, dates_of_duplicate, reopens
from redemptions.limits.strategies import STRATEGIES
from redemptions.metadata import change_metadata
from redemptions.statuses import OfferDecision
from redemptions.uses.contracts import LIMIT_FIELDS
from redemptions.uses.services import change_limits, check_pool

KIND = "coupon"
MAXIMUM, STRATEGY = "maximum_number_of_coupons", "limit_strategy"
DUPLICATED_FIELDS = ("offer", "metadata", MAXIMUM, f"{MAXIMUM}_per_user", STRATEGY, *LIMIT_FIELDS)
MAX_TITLE_LENGTH = 100
EDITABLE_BEFORE_START = {"start_date", "offer", STRATEGY}


@dataclass(frozen=True, slots=True)
class CodesSpec:
    """Codes of a coupon: one generic code (``shared``), or ``count`` single-use codes of a pattern."""

    shared: str | None = None
    count: int = 0
    pattern: str = DEFAULT_PATTERN
    charset: str = DEFAULT_CHARSET


@transaction.atomic
def create(
    *, brand: Brand, fields: Mapping[str, Any], codes: CodesSpec | None, by: int | None, at: datetime
) -> tuple[CouponDefinition, CodeBatch | None]:
    """Create a coupon of the brand. Return it with the batch of its codes, if there is one.

    ``fields`` are the model fields that a brand may set. Raises InvalidRequest, CodeTaken and PatternTooWeak.
    """
    coupon = CouponDefinition(brand=brand, currency=brand.currency, created_by_id=by, created_at=at, **fields)
    _check(coupon, at)
    if codes and codes.shared is not None:
        coupon.code = register_code(text=_normalize(codes.shared), kind=KIND, brand=brand, offer=coupon.pk).text
    create_offer(coupon, at=at)
    if coupon.maximum_number_of_coupons is not None:
        STRATEGIES[coupon.limit_strategy].open(owner=coupon.pk, cap=coupon.maximum_number_of_coupons)
    return coupon, add_codes(coupon=coupon, codes=codes, at=at) if codes and codes.shared is None else None


def _normalize(text: str) -> str:
    code = normalize_code(text)
    if code is None:
        raise InvalidRequest.field("codes.shared", str(CODE_FORMAT_MESSAGE))
    return code


@transaction.atomic
def add_codes(*, coupon: CouponDefinition, codes: CodesSpec, at: datetime) -> CodeBatch:
    """Create a batch of single-use codes of the coupon. A small batch is generated at once.

    Raises InvalidRequest and PatternTooWeak.
    """
    batch = create_batch(
        kind=KIND,
        brand=coupon.brand,
        offer=coupon.pk,
        count=codes.count,
        pattern=codes.pattern,
        charset=codes.charset,
        at=at,
    )
    generate_small_batch(batch=batch)
    return batch


@transaction.atomic
def change(*, coupon: CouponDefinition, fields: Mapping[str, Any], at: datetime) -> CouponDefinition:
    """Change a coupon: any field before the start; later only its title, end and limits.

    A limit that is set counts what was used before; below that, nothing more is given. Another end date in the future
    makes an ended coupon active again. Raises InvalidStatus for an archived one if anything but metadata changes, and
    InvalidRequest with an error per field.
    """
    locked = _lock(coupon)
    rest = change_metadata(locked, fields, at=at)
    if fields and not rest:
        return locked
    fields = rest
    is_reopened = reopens(locked, fields=fields, at=at)
    before, limits_before = (locked.limit_strategy, locked.maximum_number_of_coupons), locked.limits
    changed = {name: value for name, value in fields.items() if getattr(locked, name) != value}
    if immutable := sorted(changed.keys() & locked_fields(coupon=locked, at=at)):
        detail = _("This field can't be changed after the start.")
        raise InvalidRequest(errors=[{"field": name, "code": "immutable", "detail": detail} for name in immutable])
    report_dates(locked, at=at)
    if is_reopened:
        locked.decision = OfferDecision.PUBLISHED
    for name, value in changed.items():
        setattr(locked, name, value)
    _check(locked, at, has_new_dates=changed.keys() & {"start_date", "end_date"} != set())
    change_limits(before=limits_before, after=locked.limits, currency=locked.currency, at=at)
    locked.updated_at = at
    locked.save()
    report_status(locked, at=at)
    if before != (locked.limit_strategy, locked.maximum_number_of_coupons):
        _change_limit(locked, *before)
    return locked


def locked_fields(*, coupon: CouponDefinition, at: datetime) -> set[str]:
    """Return the names of the fields that can't change any more, whatever the new value."""
    is_open = coupon.decision == OfferDecision.DRAFT or at < coupon.start_date
    return set() if is_open else set(EDITABLE_BEFORE_START)


def _change_limit(coupon: CouponDefinition, strategy: str, maximum: int | None) -> None:
    """Resize the limit, or replace it if the strategy changed. A new limit counts the redemptions from before."""
    new_maximum = coupon.maximum_number_of_coupons
    if new_maximum is not None and maximum is not None and strategy == coupon.limit_strategy:
        count = partial(selectors.count_active, coupon=coupon.pk)
        STRATEGIES[strategy].resize(owner=coupon.pk, cap=new_maximum, count=count)
        return
    STRATEGIES[strategy].close(owner=coupon.pk)
    if new_maximum is not None:
        chosen = STRATEGIES[coupon.limit_strategy]
        with db.extended_timeouts():
            params = {"coupon": coupon.pk, "unit": chosen.late_unit}
            used = db.execute("coupons/sql/record_total.sql", params)
            chosen.open(owner=coupon.pk, cap=new_maximum, used=used)


@transaction.atomic
def change_decision(*, coupon: CouponDefinition, action: Action, at: datetime) -> CouponDefinition:
    """Activate, pause, resume, end or archive a coupon. Repeating an action has no effect. Raises InvalidStatus."""
    locked = _lock(coupon)
    apply_action(locked, action=action, at=at)
    return locked


@transaction.atomic
def delete(*, coupon: CouponDefinition, at: datetime) -> None:
    """Delete a draft with its codes, and archive any other coupon. Its redemptions stay valid."""
    delete_or_archive(_lock(coupon), at=at)


def duplicate(*, coupon: CouponDefinition, by: int | None, at: datetime) -> CouponDefinition:
    """Create a draft with the terms of a coupon, without its codes.

    The duplicate of a coupon that has ended starts now and lasts as long.
    """
    fields = {name: getattr(coupon, name) for name in DUPLICATED_FIELDS}
    title = (_("Copy of %(coupon)s") % {"coupon": coupon.title})[:MAX_TITLE_LENGTH]
    fields |= dates_of_duplicate(coupon, at=at) | {"title": title, "decision": OfferDecision.DRAFT}
    return create(brand=coupon.brand, fields=fields, codes=None, by=by, at=at)[0]


def _lock(coupon: CouponDefinition) -> CouponDefinition:
    return CouponDefinition.objects.select_for_update(of=("self",)).select_related("brand").get(pk=coupon.pk)


def _check(coupon: CouponDefinition, at: datetime, *, has_new_dates: bool = True) -> None:
    if not coupon.title.strip():
        raise InvalidRequest.field("title", _("This field is required."), "blank")
    if coupon.end_date <= coupon.start_date:
        raise InvalidRequest.field("end_date", _("The end must be after the start."))
    if has_new_dates and coupon.end_date <= at:
        raise InvalidRequest.field("end_date", _("The end must be in the future."))
    for name in (MAXIMUM, f"{MAXIMUM}_per_user"):
        if (value := getattr(coupon, name)) is not None and value < 1:
            raise InvalidRequest.field(name, _("Must be at least 1. Leave blank for no limit."))
    check_pool(strategy=coupon.limit_strategy, total=coupon.maximum_number_of_coupons, field=MAXIMUM)
    offer = validate_offer(coupon.offer, currency=coupon.brand.currency, brand=coupon.brand)
    check_unit_limit(offer, limit=coupon.limit_units)
