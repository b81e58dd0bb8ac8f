"""Taking coupons: reserved or redeemed at once, one or many in one go."""

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
from coupons.models import CouponRedemption, Status
from coupons.services.limits import LIMITS
from coupons.services.transitions import expire
from promotions.errors import CodeAlreadyUsed

Outcome = CouponRedemption | DomainError


@dataclass(frozen=True, slots=True)
class _BatchItem:
    """What one caller asks of a coupon."""

    coupon: uuid.UUID
    asked: RedemptionRequest
    at: datetime


def redeem(*, coupon: uuid.UUID, asked: RedemptionRequest, at: datetime) -> CouponRedemption:
    """One redemption of a coupon: final, or reserved until ``asked.until``.

    Those who ask for one coupon at the same moment are served together (``core.batching``); whoever is
    inside a transaction is served within it. Raises NotFound, CouponNotStarted, CouponEnded, CouponExhausted,
    CouponLimitPerUser, CodeUnknown, CodeAlreadyUsed, Invalid (a code is needed), TokenInvalid (the user was deactivated
    since signing in) and Busy.
    """
    outcome = _executor.submit(_BatchItem(coupon, asked, at), key=coupon)
    if isinstance(outcome, DomainError):
        raise outcome
    return outcome


def _run_batch(asks: Sequence[_BatchItem]) -> list[Outcome]:
    """Serve callers who ask for one coupon, at the instant of the last of them."""
    return redeem_many(coupon=asks[0].coupon, asked=[ask.asked for ask in asks], at=max(ask.at for ask in asks))


_executor = batching.BatchExecutor("coupons.take", _run_batch)


def redeem_many(*, coupon: uuid.UUID, asked: Sequence[RedemptionRequest], at: datetime) -> list[Outcome]:
    """What becomes of each redemption that is asked for, in their order; first come, first served.

    Each round is a transaction, or part of the caller's: it takes what can be had in one go for different customers,
    and leaves the others to the next.
    """
    outcomes: dict[uuid.UUID, Outcome] = {}
    pending, retried = list(asked), False
    while pending:
        first_per_customer = list({it.customer: it for it in reversed(pending)}.values())[::-1]
        try:
            with transaction.atomic():
                outcomes |= _redeem_distinct_customers(coupon, first_per_customer, at)
        except _LimitReached as none:  # its transaction is over, and with it the locks of counters that had no room
            if retried or not _expire_and_recheck(coupon, none.strategy, at):
                outcomes |= none.outcomes
            retried = True
        except Busy as busy:
            outcomes |= dict.fromkeys((it.id for it in first_per_customer), busy)
        pending = [it for it in pending if it.id not in outcomes]
    return [outcomes[it.id] for it in asked]


def _redeem_distinct_customers(
    coupon: uuid.UUID, asked: Sequence[RedemptionRequest], at: datetime
) -> dict[uuid.UUID, Outcome]:
    """Take for customers who each ask once; those that are absent from the answer are to ask again."""
    seen, refused = _load_and_validate(coupon, asked, at)
    if seen is None:
        return refused
    mine = {it.id for it in asked if isinstance(refused.get(it.id), CouponLimitPerCustomer)}
    if mine and expire(coupon=coupon, strategy=seen.strategy, at=at):
        _, refused = _load_and_validate(coupon, asked, at)
    eligible = [it for it in asked if it.id not in refused]
    units = _take_limit(seen, [it.id for it in eligible]) if eligible else []
    if eligible and not units:
        raise _LimitReached(seen.strategy, refused | {it.id: CouponLimitReached() for it in eligible})
    return refused | _insert(seen, list(zip(eligible, units, strict=False)), at)


class _LimitReached(Exception):
    """Nothing of the coupon's maximum could be taken; what becomes of each, unless reservations give way."""

    def __init__(self, strategy: str, outcomes: dict[uuid.UUID, Outcome]) -> None:
        self.strategy, self.outcomes = strategy, outcomes


def _expire_and_recheck(coupon: uuid.UUID, strategy: str, at: datetime) -> bool:
    """End reservations whose time is up, in a transaction of its own; whether that, or somebody else, may have freed
    some.
    """
    if selectors.has_expired(coupon=coupon, at=at):
        with transaction.atomic():
            expire(coupon=coupon, strategy=strategy, at=at)
        return True
    return any(selectors.remaining(coupons=[coupon]).values())


def _load_and_validate(
    coupon: uuid.UUID, asked: Sequence[RedemptionRequest], at: datetime
) -> tuple[CouponSnapshot | None, dict[uuid.UUID, Outcome]]:
    """The coupon, and what stands against each that asks, apart from whether any are left."""
    seen = selectors.get_snapshot(
        coupon=coupon, customers=[it.customer for it in asked], codes=[it.code for it in asked]
    )
    if seen is None:
        return None, {it.id: NotFound() for it in asked}
    found = {it.id: next(rules.list_errors(seen=seen, asked=it, at=at), None) for it in asked}
    return seen, {key: refusal for key, refusal in found.items() if refusal is not None}


def _take_limit(seen: CouponSnapshot, ids: Sequence[uuid.UUID]) -> Sequence[int | None]:
    """Units of the coupon's maximum for the first so many of the ids."""
    if seen.maximum is None:
        return [None] * len(ids)
    return LIMITS[seen.strategy].take(coupon=seen.id, cap=seen.maximum, ids=ids)


def _insert(
    seen: CouponSnapshot, taken: Sequence[tuple[RedemptionRequest, int | None]], at: datetime
) -> dict[uuid.UUID, Outcome]:
    """Count and write what was taken; what the customer's own limit or a spent code refuses gives its unit back."""
    if not taken:
        return {}
    asked = [it for it, _ in taken]
    rows = db.fetch_all(
        "coupons/sql/insert_redemptions.sql",
        {
            "coupon": seen.id, "cap": seen.maximum_per_user, "at": at,
            "ids": [it.id for it in asked], "customers": [it.customer for it in asked],
            "codes": [it.code for it in asked], "singles": [it.code in seen.codes for it in asked],
            "untils": [it.reserved_until for it in asked], "units": [unit for _, unit in taken],
            "redemptions": [it.redemption for it in asked], "amounts": [it.amount for it in asked],
            "currencies": [it.currency for it in asked],
        },
    )  # fmt: skip
    refused = {row["id"]: _insert_error(row) for row in rows if not row["is_written"]}
    _release_units(seen, [(it, unit) for it, unit in taken if it.id in refused])
    written = {it.id: _redemption(seen, it, unit, at) for it, unit in taken if it.id not in refused}
    return {**refused, **written}


def _insert_error(row: db.Row) -> DomainError:
    return CodeAlreadyUsed() if row["is_spent"] else CouponLimitPerCustomer()


def _release_units(seen: CouponSnapshot, refused: Sequence[tuple[RedemptionRequest, int | None]]) -> None:
    if units := [(unit, it.id) for it, unit in refused if unit is not None]:
        LIMITS[seen.strategy].release(coupon=seen.id, taken=units)
    if codes := [it.code for it, _ in refused if it.code]:
        selectors.redeemed_codes_of(codes=codes, ids=[it.id for it, _ in refused]).delete()


def _redemption(seen: CouponSnapshot, asked: RedemptionRequest, unit: int | None, at: datetime) -> CouponRedemption:
    """The row as it was just written."""
    return CouponRedemption(
        id=asked.id, coupon_id=seen.id, customer_id=asked.customer, code=asked.code, unit=unit, changed_at=at,
        status=Status.RESERVED if asked.reserved_until else Status.CONFIRMED, reserved_until=asked.reserved_until,
        redeemed_at=None if asked.reserved_until else at, redemption_id=asked.redemption, amount=asked.amount,
        currency=asked.currency,
    )  # fmt: skip
