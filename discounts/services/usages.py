"""A shopper uses a code, once; a brand gives a use back."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from accounts.contracts import Shopper
from accounts.models import Brand
from discounts import rules, selectors
from discounts.errors import CartNeeded
from promoplatform.kernel import batching, db
from promoplatform.kernel.errors import NotFound, Refusal, TokenInvalid
from promoplatform.kernel.ids import uuid7
from promotions.errors import CodeAlreadyUsed, CodeUnknown


@dataclass(frozen=True, slots=True)
class Used:
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
class _Ask:
    """What one caller of ``use`` asks for."""

    code: str
    customer: int | None
    id: uuid.UUID
    at: datetime
    amount: int | None
    currency: str | None


def use(*, code: str, shopper: Shopper, amount: int | None, currency: str | None, at: datetime) -> Used:
    """Take the shopper's one use of a normalised code; one statement, whatever the answer, shared with whoever asks at
    the same moment.

    Raises CodeUnknown, CodeInactive, CodeExpired, AudienceNotMember, CartNeeded (the rule has terms that only checkout
    can judge), CodeAlreadyUsed, and TokenInvalid (the user was deactivated since signing in).
    """
    row = _uses.submit(_Ask(code, shopper.id, uuid7(), at, amount, currency))
    if row["text"] is None:
        raise CodeUnknown
    if row["id"] is None:
        raise _why_not(row, at)
    return Used(
        row["id"],
        row["text"],
        shopper.user_id,
        row["used_at"],
        row["discount"],
        currency,
        amount,
        row["discount_amount"],
    )


def _take(asks: Sequence[_Ask]) -> list[db.Row]:
    """A row for each ask, in their order; of several by one shopper for one code, the first has the use."""
    return db.many(
        "discounts/sql/use_codes.sql",
        {
            "codes": [ask.code for ask in asks],
            "customers": [ask.customer for ask in asks],
            "ids": [ask.id for ask in asks],
            "ats": [ask.at for ask in asks],
            "amounts": [ask.amount for ask in asks],
            "currencies": [ask.currency for ask in asks],
        },
    )


_uses = batching.Operation("discounts.use", _take, repeatable=True)


def _why_not(row: db.Row, at: datetime) -> Refusal:
    if not row["caller_active"]:
        return TokenInvalid()
    reason = rules.refusal(
        is_active=row["is_active"], validity=row["validity"], is_member=row["is_member"], used=False, at=at
    )
    return reason or (CartNeeded() if row["has_terms"] else CodeAlreadyUsed())


def give_back(*, usage_id: uuid.UUID, brand: Brand, at: datetime) -> None:
    """Give a use of one of the brand's codes back, so that the shopper can use the code again; twice is once.

    Raises NotFound for what is no use of the brand's codes, and for one that a checkout holds (it is refunded there).
    """
    if db.run("discounts/sql/return_use.sql", {"id": usage_id, "brand": brand.pk, "at": at}):
        return
    if not selectors.was_returned(usage_id=usage_id, brand=brand):
        raise NotFound
