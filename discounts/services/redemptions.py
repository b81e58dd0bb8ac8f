"""A shopper uses a code, once; a brand gives a use back."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from accounts.contracts import Shopper
from accounts.models import Brand
from core import batching, db
from core.errors import DomainError, NotFound, TokenInvalid
from core.ids import uuid7
from discounts import rules, selectors
from discounts.errors import CartRequired
from promotions.errors import CodeAlreadyUsed, CodeNotFound


@dataclass(frozen=True, slots=True)
class RedemptionResult:
    """A use as it stands. Amounts are minor units of ``currency``, None when no amount was given."""

    id: uuid.UUID
    code: str
    user_id: uuid.UUID | None
    used_at: datetime
    discount: int
    currency: str | None
    amount: int | None
    discount_amount: int | None


@dataclass(frozen=True, slots=True)
class _BatchItem:
    """What one caller of ``use`` asks for."""

    code: str
    customer: int | None
    id: uuid.UUID
    at: datetime
    amount: int | None
    currency: str | None


def redeem_code(
    *, code: str, shopper: Shopper, amount: int | None, currency: str | None, at: datetime
) -> RedemptionResult:
    """Take the shopper's one use of a normalised code; one statement, whatever the answer, shared with whoever asks at
    the same moment.

    Raises CodeUnknown, CodeInactive, CodeExpired, AudienceNotMember, CartNeeded (the rule has terms that only checkout
    can judge), CodeAlreadyUsed, and TokenInvalid (the user was deactivated since signing in).
    """
    row = _executor.submit(_BatchItem(code, shopper.id, uuid7(), at, amount, currency))
    if row["text"] is None:
        raise CodeNotFound
    if row["id"] is None:
        raise _error_for(row, at)
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


def _redeem_batch(asks: Sequence[_BatchItem]) -> list[db.Row]:
    """A row for each ask, in their order; of several by one shopper for one code, the first has the use."""
    return db.fetch_all(
        "discounts/sql/redeem_codes.sql",
        {
            "codes": [ask.code for ask in asks],
            "customers": [ask.customer for ask in asks],
            "ids": [ask.id for ask in asks],
            "ats": [ask.at for ask in asks],
            "amounts": [ask.amount for ask in asks],
            "currencies": [ask.currency for ask in asks],
        },
    )


_executor = batching.BatchExecutor("discounts.use", _redeem_batch, is_idempotent=True)


def _error_for(row: db.Row, at: datetime) -> DomainError:
    if not row["caller_active"]:
        return TokenInvalid()
    reason = rules.find_error(
        is_active=row["is_active"], validity=row["validity"], is_member=row["is_member"], used=False, at=at
    )
    return reason or (CartRequired() if row["has_terms"] else CodeAlreadyUsed())


def return_redemption(*, usage_id: uuid.UUID, brand: Brand, at: datetime) -> None:
    """Give a use of one of the brand's codes back, so that the shopper can use the code again; twice is once.

    Raises NotFound for what is no use of the brand's codes, and for one that a checkout holds (it is refunded there).
    """
    if db.execute("discounts/sql/return_redemption.sql", {"id": usage_id, "brand": brand.pk, "at": at}):
        return
    if not selectors.was_returned(usage_id=usage_id, brand=brand):
        raise NotFound
