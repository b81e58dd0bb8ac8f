"""A brand makes, changes and withdraws its coupons."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction

from accounts.models import Brand
from core.errors import InvalidRequest
from coupons import rules
from coupons.models import CouponBatch, CouponCounter, CouponDefinition, CouponUnit, Strategy
from coupons.services.limits import LIMITS, counters
from promotions.code_rules import DEFAULT_CHARSET, DEFAULT_PATTERN, normalize_code
from promotions.models import CodeBatch
from promotions.services import generate_chunk, register_code, request_batch, validate_offer

KIND = "coupon"
MAXIMUM, STRATEGY = "maximum_number_of_coupons", "limit_strategy"
EDITABLE_BEFORE_START = {"start_date", "offer", STRATEGY}  # what is fixed once shoppers can have it
MAX_POOL_UNITS = 10_000_000  # rows of a pool
INLINE_MAX_CODES = 1_000  # codes that are made while the caller waits


@dataclass(frozen=True, slots=True)
class CodesSpec:
    """Codes that open a coupon: one ``shared`` by all, or ``count`` from a pattern, good once each."""

    shared: str | None = None
    count: int = 0
    pattern: str = DEFAULT_PATTERN
    charset: str = DEFAULT_CHARSET


@transaction.atomic
def create(
    *, brand: Brand, fields: Mapping[str, Any], codes: CodesSpec | None, by: int | None, at: datetime
) -> tuple[CouponDefinition, CodeBatch | None]:
    """A new coupon of the brand, and the batch of its codes if it has one.

    ``fields`` are those of the model that a brand may set. Raises Invalid with each fault, CodeTaken and
    PatternTooGuessable; nothing is made then.
    """
    coupon = CouponDefinition(brand=brand, currency=brand.currency, created_by_id=by, created_at=at, **fields)
    _check(coupon, at)
    if codes and codes.shared is not None:
        coupon.code = register_code(text=_normalize(codes.shared), kind=KIND, brand=brand)
    coupon.save(force_insert=True)
    if coupon.maximum_number_of_coupons is not None:
        LIMITS[coupon.limit_strategy].open(coupon=coupon.pk, cap=coupon.maximum_number_of_coupons)
    return coupon, add_codes(coupon=coupon, codes=codes) if codes and codes.shared is None else None


def _normalize(text: str) -> str:
    normal = normalize_code(text)
    if normal is None:
        raise InvalidRequest.field("codes.shared", "A code is 3 to 64 of A-Z, 0-9, _ and -.")
    return normal


@transaction.atomic
def add_codes(*, coupon: CouponDefinition, codes: CodesSpec) -> CodeBatch:
    """A batch of codes that open the coupon and are good once each; a small one is made at once.

    Raises Invalid and PatternTooGuessable.
    """
    batch = request_batch(
        kind=KIND, brand=coupon.brand, count=codes.count, pattern=codes.pattern, charset=codes.charset
    )
    CouponBatch.objects.create(batch=batch, coupon=coupon)
    if codes.count <= INLINE_MAX_CODES:
        while generate_chunk(batch_id=batch.pk):  # codes that were taken are drawn again
            pass
        batch.refresh_from_db()
    return batch


@transaction.atomic
def change(*, coupon: CouponDefinition, fields: Mapping[str, Any], at: datetime) -> CouponDefinition:
    """Change what may be changed now: everything until the start; later words, end, maxima, and whether it is active.

    Raises Invalid with each fault, also for a maximum below what is taken. How the limit is kept, and whether there is
    one, is fixed from shortly before the start, so that nobody takes while it changes hands.
    """
    locked = CouponDefinition.objects.select_for_update(of=("self",)).select_related("brand").get(pk=coupon.pk)
    before = (locked.limit_strategy, locked.maximum_number_of_coupons)
    changed = {name: value for name, value in fields.items() if getattr(locked, name) != value}
    if locked_fields := sorted(changed.keys() & _fixed(locked, changed, at)):
        raise InvalidRequest(
            errors=[
                {"field": name, "code": "fixed", "detail": "This cannot change any more."} for name in locked_fields
            ]
        )
    for name, value in changed.items():
        setattr(locked, name, value)
    _check(locked, at, before_end=changed.keys() & {"start_date", "end_date"} != set())
    locked.save()
    if before != (locked.limit_strategy, locked.maximum_number_of_coupons):
        _change_limit(locked, *before)
    return locked


def locked_fields(*, coupon: CouponDefinition, at: datetime) -> set[str]:
    """What cannot change any more, whatever it would become."""
    return set() if at < coupon.start_date - rules.LIMITS_LOCKED_BEFORE_START else set(EDITABLE_BEFORE_START)


def _fixed(coupon: CouponDefinition, changed: Mapping[str, Any], at: datetime) -> set[str]:
    if not locked_fields(coupon=coupon, at=at):
        return set()
    maximum = changed.get(MAXIMUM, coupon.maximum_number_of_coupons)
    had, has = coupon.maximum_number_of_coupons is not None, maximum is not None
    return EDITABLE_BEFORE_START if had == has else EDITABLE_BEFORE_START | {MAXIMUM}


def _change_limit(coupon: CouponDefinition, strategy: str, maximum: int | None) -> None:
    """Keep another maximum, or keep it in another way, which happens only before anything was taken."""
    now = coupon.maximum_number_of_coupons
    if now is not None and maximum is not None and strategy == coupon.limit_strategy:
        if not LIMITS[strategy].resize(coupon=coupon.pk, cap=now):
            raise InvalidRequest.field(MAXIMUM, "More than this is taken already.")
        return
    counters.lock(coupon=coupon.pk)  # whoever makes units has it, so that none come after these are gone
    CouponUnit.objects.filter(coupon_id=coupon.pk).delete()
    CouponCounter.objects.filter(coupon_id=coupon.pk).delete()
    if now is not None:
        LIMITS[coupon.limit_strategy].open(coupon=coupon.pk, cap=now)


def deactivate(*, coupon: CouponDefinition) -> None:
    """Withdraw the coupon; what was redeemed stays so. Withdrawing twice is withdrawing once."""
    CouponDefinition.objects.filter(pk=coupon.pk).update(is_active=False)


def _check(coupon: CouponDefinition, at: datetime, *, before_end: bool = True) -> None:
    if not coupon.title.strip():
        raise InvalidRequest.field("title", "A coupon has a title.", "blank")
    if coupon.end_date <= coupon.start_date:
        raise InvalidRequest.field("end_date", "The end comes after the start.")
    if before_end and coupon.end_date <= at:
        raise InvalidRequest.field("end_date", "The end is in the future.")
    for name in (MAXIMUM, f"{MAXIMUM}_per_user"):
        if (value := getattr(coupon, name)) is not None and value < 1:
            raise InvalidRequest.field(name, "At least 1, or nothing for no limit.")
    units = coupon.maximum_number_of_coupons
    if coupon.limit_strategy == Strategy.POOL and units is not None and units > MAX_POOL_UNITS:
        raise InvalidRequest.field(MAXIMUM, f"A pool has {MAX_POOL_UNITS:,} units at most: choose another strategy.")
    validate_offer(coupon.offer)
