"""Decisions about campaigns and vouchers: values in, values out."""

import json
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any

from promoplatform.kernel.errors import Refusal
from promotions.engine import Offer, parse_offer
from promotions.engine.offer import Percent
from promotions.errors import CodeInactive
from vouchers.contracts import Given, Outcome, Result
from vouchers.errors import VoucherExpired, VoucherUsed, VoucherWrongType

AVAILABLE, RESERVED, EXPIRED, REVOKED = "available", "reserved", "expired", "revoked"


def percentage(offer: Offer) -> Decimal | None:
    """The percentage that an offer takes off, where that is all it gives."""
    (first, *others) = offer.benefits
    return first.value if isinstance(first, Percent) and not others else None


def offer_for(offer: Mapping[str, Any], voucher_type: str) -> dict[str, Any]:
    """A campaign's offer as its vouchers bring it to a cart: for one type of transaction only."""
    only = {"kind": "transaction_type", "any": [voucher_type]}
    return {**offer, "conditions": [*offer.get("conditions", []), only]}


def offer_of(offer: Mapping[str, Any], voucher_type: str) -> Offer:
    """``offer_for``, parsed; the same value again costs a look-up."""
    return _parsed(json.dumps(offer, sort_keys=True), voucher_type)


@lru_cache(maxsize=4096)
def _parsed(offer: str, voucher_type: str) -> Offer:
    return parse_offer(offer_for(json.loads(offer), voucher_type))


def outcome(row: Mapping[str, Any]) -> Outcome:
    """What the claiming statement decided about one arrival."""
    if not row["is_active"]:
        return Outcome(Result.SHUT_OUT)
    voucher = given(row) if row["id"] is not None else None
    if row["is_first"]:
        return Outcome(Result.FULL) if voucher is None else Outcome(Result.GRANTED, voucher)
    if row["is_known"] or row["is_open"]:
        return Outcome(Result.ALREADY, voucher)
    return Outcome(Result.NOT_OPEN)


def given(row: Mapping[str, Any]) -> Given:
    """A voucher with what its campaign says of it, as it is ``at`` an instant."""
    return Given(
        id=row["id"], campaign=row["campaign"], rank=row["rank"], discount=row["discount"],
        description=describe(row["name"], row["description"], row["discount"]), voucher_type=row["voucher_type"],
        created_at=row["created_at"], expires_at=row["expires_at"],
        state=state_now(row["state"], row["expires_at"], row["reserved_until"], at=row["at"]),
    )  # fmt: skip


def describe(name: str, description: str, discount: Decimal | None) -> str:
    """What a shopper reads on a voucher: the brand's own words, or what it is."""
    if description:
        return description
    return name if discount is None else f"{plain(discount)}% off: {name}"


def plain(number: Decimal) -> str:
    """A number without needless zeros: 30, 12.5."""
    return f"{number.normalize():f}"


def state_now(state: str, expires_at: datetime, reserved_until: datetime | None, *, at: datetime) -> str:
    """A voucher is free again, or expired, from its instant on, before anyone has written it down."""
    held = reserved_until is not None and reserved_until > at
    if state not in (AVAILABLE, RESERVED) or held:
        return state
    return AVAILABLE if expires_at > at else EXPIRED


def refusal(state: str, *, voucher_type: str, transaction_type: str, brand_is_active: bool) -> Refusal | None:
    """Why a voucher of this state cannot be had for a transaction, or None when it can."""
    if state == EXPIRED:
        return VoucherExpired()
    if state == REVOKED or not brand_is_active:
        return CodeInactive("This voucher is not active.")
    if state != AVAILABLE:
        return VoucherUsed()
    return None if voucher_type == transaction_type else VoucherWrongType(voucher_type=voucher_type)
