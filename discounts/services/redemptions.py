"""Services that redeem a code once per shopper and return redemptions."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import pghistory
from django.db import transaction

from accounts.contracts import Shopper
from core import batching, db
from core.errors import DomainError, NotFound, TokenInvalid
from core.ids import uuid7
from discounts import rules, selectors
from discounts.services.codes import KIND
from redemptions.codes.contracts import RestrictedCode
from redemptions.codes.rules import find_code_error
from redemptions.contracts import OfferUnavailable, Purchase, SelectedOffer
from redemptions.errors import CartRequired, CodeAlreadyUsed, CodeNotFound
from redemptions.events.contracts import EventType, NewEvent
from redemptions.events.services import rejections
from redemptions.statuses import RedemptionStatus
from redemptions.uses import services as uses


@dataclass(frozen=True, slots=True)
class RedemptionResult:
    """A new redemption. Amounts are in minor units of ``currency``, or None if the request has no amount."""

    id: uuid.UUID
    code: str
    user_id: uuid.UUID | None
    redeemed_at: datetime
    discount: int
    currency: str | None
    amount: int | None
    discount_amount: int | None


@dataclass(frozen=True, slots=True)
class _BatchItem:
    """One request of a batch."""

    code: str
    brand: str | None
    customer: int | None
    id: uuid.UUID
    at: datetime
    amount: int | None
    currency: str | None
    has_user: bool = True


def redeem_code(
    *,
    code: str,
    shopper: Shopper,
    amount: int | None,
    currency: str | None,
    at: datetime,
    brand: str | None = None,
    has_user: bool = True,
) -> RedemptionResult:
    """Redeem a code for the shopper. Concurrent requests share one statement.

    ``code`` is the canonical form, and ``brand`` the slug of the code's brand; without it, the oldest code is redeemed.
    ``has_user`` is false for shoppers by a token of a brand's own login.
    Raises CodeNotFound, CodeInactive, CodeNotStarted, CodeExpired, AudienceNotMember, CartRequired (only checkout can
    evaluate the rule's terms and a budget), CodeAlreadyUsed, UsageLimitReached, and TokenInvalid (the user was
    deactivated after signing in).
    """
    item = _BatchItem(code, brand, shopper.id, uuid7(), at, amount, currency, has_user)
    row = _executor.submit(item)
    if row["text"] is None:
        raise CodeNotFound
    error = None if row["id"] else _error_for(row, item)
    if error is None and row["id"] is None:
        row, error = _redeem_limited(item, row)
    if error is not None:
        _record_rejection(row, error, shopper=shopper, amount=amount, currency=currency, at=at)
        raise error
    return RedemptionResult(
        row["id"],
        row["text"],
        shopper.user_id,
        row["used_at"],
        row["discount"],
        currency,
        amount,
        row["discount_amount"],
    )


def _redeem_batch(items: Sequence[_BatchItem]) -> list[db.Row]:
    """Return a row for each item, in order. If a shopper sends a code several times, the first item redeems it."""
    return _redeem(items, takes_limits=False)


def _redeem(items: Sequence[_BatchItem], *, takes_limits: bool) -> list[db.Row]:
    return db.fetch_all(
        "discounts/sql/redeem_codes.sql",
        {
            "takes_limits": takes_limits,
            "codes": [item.code for item in items],
            "brands": [item.brand for item in items],
            "customers": [item.customer for item in items],
            "ids": [item.id for item in items],
            "ats": [item.at for item in items],
            "amounts": [item.amount for item in items],
            "currencies": [item.currency for item in items],
            "have_users": [item.has_user for item in items],
        },
    )


_executor = batching.BatchExecutor("discounts.use", _redeem_batch, is_idempotent=True)


def _redeem_limited(item: _BatchItem, row: db.Row) -> tuple[db.Row, DomainError | None]:
    """Redeem a code with limits, or a single-use code, and take these in the same transaction.

    Return the result and the error, if any.
    """
    try:
        with transaction.atomic():
            offers = uses.lock_offers([(KIND, row["offer_id"])])
            (redeemed,) = _redeem([item], takes_limits=True)
            if redeemed["id"] is None:
                return redeemed, _error_for(redeemed, item) or CodeAlreadyUsed()
            selected = SelectedOffer(redeemed["text"], redeemed["text"], 0, redeemed["offer_id"])
            purchase = Purchase(
                redeemed["id"], item.customer or 0, item.currency or "", 0, item.at, item.at, [selected]
            )
            uses.reserve(purchase=purchase, offers=offers, until=None)
            return redeemed, None
    except OfferUnavailable as unavailable:
        return row, unavailable.error


def _error_for(row: db.Row, item: _BatchItem) -> DomainError | None:
    """Return the error of a code that was not redeemed; None for one whose limits, or whose one use, must be taken."""
    if not row["caller_active"]:
        return TokenInvalid()
    code = RestrictedCode(row["text"], row["assigned"], row["single_use"], row["expires_at"], row["revoked_at"])
    if error := find_code_error(code, customer=item.customer, at=item.at):
        return error
    if error := rules.find_error(status=row["status"], is_member=row["is_member"], used=False):
        return error
    if row["needs_cart"]:
        return CartRequired()
    return None if row["is_limited"] else CodeAlreadyUsed()


def _record_rejection(
    row: db.Row, error: DomainError, *, shopper: Shopper, amount: int | None, currency: str | None, at: datetime
) -> None:
    event = NewEvent(
        EventType.REDEMPTION_REJECTED, at, row["brand_id"], KIND, offer=row["offer_id"], code=row["text"],
        customer=shopper.id, subtotal=amount, currency=currency or "", reason=error.as_dict(),
    )  # fmt: skip
    rejections.record_rejection(event)


@transaction.atomic
def return_redemption(*, usage_id: uuid.UUID, brand_id: uuid.UUID, at: datetime, is_by_staff: bool = False) -> None:
    """Return a redemption of one of the brand's codes, so that the shopper can redeem the code again. Idempotent.

    The audit log records returns ``is_by_staff``. Raises NotFound for redemptions of other brands, and for those of an
    order (refund the order instead).
    """
    row = db.fetch_one("discounts/sql/return_redemption.sql", {"id": usage_id, "brand": brand_id, "at": at})
    if row is not None:
        uses.delete_uses(uses=uses.lock_uses(redemptions=[usage_id], offers=[(KIND, row["offer_id"])]))
        if is_by_staff:
            returned = selectors.get_return(usage_id=usage_id)
            pghistory.create_event(returned, label=RedemptionStatus.RETURNED)
    elif not selectors.was_returned(usage_id=usage_id, brand_id=brand_id):
        raise NotFound
