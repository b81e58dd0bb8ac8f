"""Redeems and reserves coupons, concurrent requests for one coupon in one transaction."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from core import batching, db
from core.errors import Busy, DomainError, NotFound
from coupons import rules, selectors
from coupons.contracts import CouponSnapshot, RedemptionRequest
from coupons.errors import CouponLimitPerCustomer, CouponLimitReached
from coupons.models import CouponRedemption
from coupons.services.transitions import expire
from redemptions.contracts import OfferUnavailable, Purchase, SelectedOffer
from redemptions.errors import CodeAlreadyUsed
from redemptions.events.contracts import EventType, NewEvent
from redemptions.events.services import rejections
from redemptions.limits.contracts import UNLIMITED
from redemptions.limits.strategies import STRATEGIES
from redemptions.reservations import lock_blocked
from redemptions.statuses import RedemptionStatus
from redemptions.uses import services as uses

CONFLICT = 409
Outcome = CouponRedemption | DomainError
TakenUnit = tuple[RedemptionRequest, int | None]
"""A request with the unit that was taken for it; None without a limit."""


@dataclass(frozen=True, slots=True)
class _BatchItem:
    """Request of one caller for a coupon."""

    coupon: uuid.UUID
    request: RedemptionRequest
    at: datetime


def redeem(*, coupon: uuid.UUID, request: RedemptionRequest, at: datetime) -> CouponRedemption:
    """Redeem a coupon, or reserve it until ``request.reserved_until``.

    Concurrent requests for one coupon share a transaction (``core.batching``); a caller inside a transaction is served
    within it. Raises NotFound, CouponNotStarted, CouponEnded, CouponLimitReached, CouponLimitPerCustomer, CodeNotFound,
    CodeAlreadyUsed, TooManyReservations, InvalidRequest (a code is required), TokenInvalid (the user is deactivated)
    and Busy.
    """
    outcome = _executor.submit(_BatchItem(coupon, request, at), key=coupon)
    if isinstance(outcome, DomainError):
        if outcome.status == CONFLICT and not isinstance(outcome, Busy) and request.redemption is None:
            _record_rejection(coupon, request, outcome, at)
        raise outcome
    return outcome


def _record_rejection(coupon: uuid.UUID, request: RedemptionRequest, error: DomainError, at: datetime) -> None:
    """Record a refused redemption. Checkout records those of its orders."""
    event = NewEvent(
        EventType.REDEMPTION_REJECTED, at, selectors.get_brand_id(coupon), "coupon", offer=coupon, code=request.code,
        customer=request.customer, reason=error.as_dict(),
    )  # fmt: skip
    rejections.record_rejection(event)


def _run_batch(items: Sequence[_BatchItem]) -> list[Outcome]:
    """Redeem one coupon for several callers, at the time of the last of them."""
    requests, at = [item.request for item in items], max(item.at for item in items)
    return redeem_many(coupon=items[0].coupon, requests=requests, at=at)


_executor = batching.BatchExecutor("coupons.take", _run_batch)


def redeem_many(*, coupon: uuid.UUID, requests: Sequence[RedemptionRequest], at: datetime) -> list[Outcome]:
    """Redeem a coupon for several requests, in order. Each transaction handles at most one request per customer.

    Runs in the transaction of the caller, if there is one. Returns the outcomes in the order of the requests.
    """
    outcomes: dict[uuid.UUID, Outcome] = {}
    pending, retried = list(requests), False
    while pending:
        first_per_customer = list({request.customer: request for request in reversed(pending)}.values())[::-1]
        try:
            with transaction.atomic():
                outcomes |= _redeem_distinct_customers(coupon, first_per_customer, at)
        except _LimitReached as limit_reached:  # rolled back, so the locks on full counters are released
            if retried or not _expire_and_recheck(coupon, limit_reached.strategy, at):
                outcomes |= limit_reached.outcomes
            retried = True
        except OfferUnavailable as unavailable:  # rolled back with the redemption that took the rest of a limit
            outcomes[uuid.UUID(unavailable.item.key)] = unavailable.error
        except Busy as busy:
            outcomes |= dict.fromkeys((request.id for request in first_per_customer), busy)
        pending = [request for request in pending if request.id not in outcomes]
    return [outcomes[request.id] for request in requests]


def _redeem_distinct_customers(
    coupon: uuid.UUID, requests: Sequence[RedemptionRequest], at: datetime
) -> dict[uuid.UUID, Outcome]:
    """Redeem a coupon for different customers. Return the outcomes; requests without one have to be retried."""
    limited = [request.customer for request in requests if request.by_shopper and request.reserved_until]
    blocked = lock_blocked(customers=limited, at=at)
    snapshot, errors = _load_and_validate(coupon, requests, at)
    if snapshot is None:
        return errors
    is_customer_limit_reached = any(isinstance(error, CouponLimitPerCustomer) for error in errors.values())
    if is_customer_limit_reached and expire(coupon=coupon, strategy=snapshot.strategy, at=at):
        _, errors = _load_and_validate(coupon, requests, at)
    for request in requests:
        error = blocked.get((request.customer, snapshot.brand_id))
        if error is not None and request.customer in limited:
            errors.setdefault(request.id, error)
    eligible = [request for request in requests if request.id not in errors]
    if snapshot.limits.caps or any(request.identities for request in eligible):
        eligible = eligible[:1]  # all or nothing: the next one follows in its own transaction
    units = _take_limit(snapshot, [request.id for request in eligible]) if eligible else []
    if eligible and not units:
        raise _LimitReached(snapshot.strategy, errors | {request.id: CouponLimitReached() for request in eligible})
    inserted = _insert(snapshot, list(zip(eligible, units, strict=False)), at)
    for request in eligible:
        if request.redemption is None and isinstance(inserted[request.id], CouponRedemption):
            _take_limits(snapshot, request, at)
    return errors | inserted


def _take_limits(snapshot: CouponSnapshot, request: RedemptionRequest, at: datetime) -> None:
    """Take the limits of the coupon that its uses count, for a redemption without an order. Raises OfferUnavailable.

    Checkout takes those of its orders together with the limits of other offers.
    """
    item = SelectedOffer(str(request.id), request.code, 0, snapshot.id)
    until = request.reserved_until
    purchase = Purchase(request.id, request.customer, "", 0, at, until or at, [item], identities=request.identities)
    uses.reserve(purchase=purchase, offers={snapshot.id: snapshot.limits}, until=until)


class _LimitReached(Exception):
    """Raised when the limit is reached. Carries the outcomes that apply if no reservation can be expired."""

    def __init__(self, strategy: str, outcomes: dict[uuid.UUID, Outcome]) -> None:
        self.strategy, self.outcomes = strategy, outcomes


def _expire_and_recheck(coupon: uuid.UUID, strategy: str, at: datetime) -> bool:
    """Expire reservations whose time is over, in a transaction of its own. Return whether units may be free now."""
    if selectors.has_expired(coupon=coupon, at=at):
        with transaction.atomic():
            expire(coupon=coupon, strategy=strategy, at=at)
        return True
    return any(selectors.remaining(coupons=[coupon]).values())


def _load_and_validate(
    coupon: uuid.UUID, requests: Sequence[RedemptionRequest], at: datetime
) -> tuple[CouponSnapshot | None, dict[uuid.UUID, Outcome]]:
    """Return the coupon, and the errors that reject requests. The total limit is not checked here."""
    snapshot = selectors.get_snapshot(
        coupon=coupon,
        customers=[request.customer for request in requests],
        codes=[request.code for request in requests],
    )
    if snapshot is None:
        return None, {request.id: NotFound() for request in requests}
    first_errors = {
        request.id: next(rules.list_errors(snapshot=snapshot, request=request, at=at), None) for request in requests
    }
    return snapshot, {request_id: error for request_id, error in first_errors.items() if error is not None}


def _take_limit(snapshot: CouponSnapshot, ids: Sequence[uuid.UUID]) -> Sequence[int | None]:
    """Take units of the coupon's limit. Return those for the first of the IDs, which may be fewer than requested."""
    if snapshot.maximum is None:
        return [None] * len(ids)
    return STRATEGIES[snapshot.strategy].take(owner=snapshot.id, cap=snapshot.maximum, ids=ids)


def _insert(snapshot: CouponSnapshot, taken: Sequence[TakenUnit], at: datetime) -> dict[uuid.UUID, Outcome]:
    """Count and insert redemptions. Release the units of those that a customer's limit or a used code rejects."""
    if not taken:
        return {}
    requests = [request for request, _unit in taken]
    codes = [snapshot.find_code(request.code) for request in requests]
    is_once = snapshot.limits.stored_value is None  # a code that keeps a balance is redeemed until nothing is left
    rows = db.fetch_all(
        "coupons/sql/insert_redemptions.sql",
        {
            "coupon": snapshot.id,
            "brand": snapshot.brand_id,
            "cap": UNLIMITED if snapshot.maximum_per_user is None else snapshot.maximum_per_user,
            "at": at,
            "ids": [request.id for request in requests],
            "customers": [request.customer for request in requests],
            "codes": [code.text if code else "" for code in codes],
            "singles": [is_once and code is not None and code.single_use for code in codes],
            "untils": [request.reserved_until for request in requests],
            "units": [unit for _request, unit in taken],
            "redemptions": [request.redemption for request in requests],
            "amounts": [request.amount for request in requests],
            "currencies": [request.currency for request in requests],
        },
    )
    errors = {row["id"]: _insert_error(row) for row in rows if not row["is_written"]}
    _release_units(snapshot, [(request, unit) for request, unit in taken if request.id in errors])
    redemptions = {
        request.id: _redemption(snapshot, request, unit, at) for request, unit in taken if request.id not in errors
    }
    return {**errors, **redemptions}


def _insert_error(row: db.Row) -> DomainError:
    return CodeAlreadyUsed() if row["is_spent"] else CouponLimitPerCustomer()


def _release_units(snapshot: CouponSnapshot, rejected: Sequence[TakenUnit]) -> None:
    """Release the units and the single-use codes of rejected requests."""
    if units := [(unit, request.id) for request, unit in rejected if unit is not None]:
        STRATEGIES[snapshot.strategy].release(owner=snapshot.id, taken=units)
    if codes := [code.text for request, _unit in rejected if (code := snapshot.find_code(request.code))]:
        ids = [request.id for request, _unit in rejected]
        selectors.redeemed_codes_of(coupon=snapshot.id, codes=codes, ids=ids).delete()


def _redemption(
    snapshot: CouponSnapshot, request: RedemptionRequest, unit: int | None, at: datetime
) -> CouponRedemption:
    """Return the inserted redemption without a query."""
    code = snapshot.find_code(request.code)
    return CouponRedemption(
        id=request.id,
        coupon_id=snapshot.id,
        customer_id=request.customer,
        code=code.text if code else "",
        unit=unit,
        changed_at=at,
        status=RedemptionStatus.RESERVED if request.reserved_until else RedemptionStatus.CONFIRMED,
        reserved_until=request.reserved_until,
        redeemed_at=None if request.reserved_until else at,
        redemption_id=request.redemption,
        amount=request.amount,
        currency=request.currency,
    )
