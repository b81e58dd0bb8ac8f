"""Decisions about campaigns, vouchers and login events, without side effects."""

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from typing import Any

from accounts.contracts import CUSTOMER_ID_LENGTH, is_customer_id
from core import datetimes
from core.errors import DomainError, InvalidRequest
from core.messages import message as _
from pricing import Offer, load_offer
from pricing.offer import Percent
from redemptions.errors import CodeInactive
from vouchers import errors
from vouchers.contracts import EVENT_ID_LENGTH, ClaimResult, LoginEvent, Result, VoucherView
from vouchers.errors import VoucherExpired, VoucherUsed, VoucherWrongType

AVAILABLE, RESERVED, EXPIRED, REVOKED = "available", "reserved", "expired", "revoked"
MAX_CLOCK_SKEW = timedelta(minutes=5)  # by which the clock of the identity provider can be ahead
SLUG = re.compile(r"[-a-zA-Z0-9_]{1,64}", re.ASCII)
OFFSET = re.compile(r"[0-9T:.+-]+(Z|[+-]\d\d:\d\d)", re.ASCII)


# --- offers ----------------------------------------------------------------------------------------------------------
def get_percentage(offer: Offer) -> Decimal | None:
    """Return the percentage of an offer whose only benefit is a percentage, or None."""
    (first, *others) = offer.benefits
    return first.value if isinstance(first, Percent) and not others else None


def restrict_offer(offer: Mapping[str, Any], voucher_type: str) -> dict[str, Any]:
    """Return the offer with the condition that the transaction has the type of the vouchers."""
    condition = {"kind": "transaction_type", "any": [voucher_type]}
    return {**offer, "conditions": [*offer.get("conditions", []), condition]}


def parse_offer_cached(offer: Mapping[str, Any], voucher_type: str) -> Offer:
    """Parse the restricted offer. Caches the results."""
    return _parse(json.dumps(offer, sort_keys=True), voucher_type)


@lru_cache(maxsize=4096)
def _parse(offer: str, voucher_type: str) -> Offer:
    return load_offer(restrict_offer(json.loads(offer), voucher_type))


# --- vouchers --------------------------------------------------------------------------------------------------------
def to_claim_result(row: Mapping[str, Any]) -> ClaimResult:
    """Convert a row of ``claim_vouchers.sql``."""
    if not row["is_active"]:
        return ClaimResult(Result.INACTIVE_USER)
    voucher = to_voucher_view(row) if row["id"] is not None and row["state"] != REVOKED else None
    if row["is_first"]:
        return ClaimResult(Result.FULL) if voucher is None else ClaimResult(Result.GRANTED, voucher)
    if row["is_known"] or row["is_open"]:
        return ClaimResult(Result.ALREADY_CLAIMED, voucher)
    return ClaimResult(Result.NOT_OPEN)


def to_voucher_view(row: Mapping[str, Any]) -> VoucherView:
    """Convert a row of a voucher and its campaign, with the status as of ``row["at"]``."""
    return VoucherView(
        id=row["id"], campaign=row["campaign"], rank=row["rank"], discount=row["discount"],
        description=describe_voucher(row["name"], row["description"], row["discount"]),
        voucher_type=row["voucher_type"], created_at=row["created_at"], expires_at=row["expires_at"],
        status=current_status(row["state"], row["expires_at"], row["reserved_until"], at=row["at"]),
    )  # fmt: skip


def describe_voucher(name: str, description: str, discount: Decimal | None) -> str:
    """Return the text of a voucher: the campaign's description, or its discount and name, which can be translated."""
    if description:
        return description
    if discount is None:
        return name
    return _("%(percentage)s%% off: %(name)s", percentage=format_number(discount), name=name)


def format_number(number: Decimal) -> str:
    """Return a number without trailing zeros, for example 30 or 12.5."""
    return f"{number.normalize():f}"


def current_status(status: str, expires_at: datetime, reserved_until: datetime | None, *, at: datetime) -> str:
    """Return the status of a voucher at a time; expired reservations and vouchers may not be marked yet."""
    is_reserved = reserved_until is not None and reserved_until > at
    if status not in (AVAILABLE, RESERVED) or is_reserved:
        return status
    return AVAILABLE if expires_at > at else EXPIRED


def find_error(status: str, *, voucher_type: str, transaction_type: str, brand_is_active: bool) -> DomainError | None:
    """Return why a voucher can't be redeemed in a transaction, or None if it can."""
    if status == EXPIRED:
        return VoucherExpired()
    if status == REVOKED or not brand_is_active:
        return CodeInactive(errors.VOUCHER_INACTIVE)
    if status != AVAILABLE:
        return VoucherUsed()
    return None if voucher_type == transaction_type else VoucherWrongType(voucher_type=voucher_type)


# --- login events ----------------------------------------------------------------------------------------------------
def parse_login_event(data: object, *, now: datetime) -> LoginEvent:
    """Parse a login event from JSON data. Raises InvalidRequest with each field that is missing or invalid."""
    if not isinstance(data, Mapping):
        raise InvalidRequest.field("", str(errors.INVALID_EVENT))
    at = parse_datetime(data.get("at"))
    campaign = None if data.get("campaign") is None else _to_text(data["campaign"])
    event = LoginEvent(_to_text(data.get("event_id")), _to_text(data.get("customer_id")), at or now, campaign)
    check_event(event, now=now, has_valid_time=at is not None)
    return event


def check_event(event: LoginEvent, *, now: datetime, has_valid_time: bool = True) -> None:
    """Raise InvalidRequest with each invalid field of an event."""
    messages = {}
    if not (1 <= len(event.id) <= EVENT_ID_LENGTH and event.id.isprintable()):
        messages["event_id"] = errors.INVALID_EVENT_FIELDS["event_id"] % {"max": EVENT_ID_LENGTH}
    if not is_customer_id(event.customer_id):
        messages["customer_id"] = errors.INVALID_EVENT_FIELDS["customer_id"] % {"max": CUSTOMER_ID_LENGTH}
    if not has_valid_time:
        messages["at"] = str(errors.INVALID_EVENT_FIELDS["at"])
    elif event.at > now + MAX_CLOCK_SKEW:
        messages["at"] = str(errors.EVENT_IN_FUTURE)
    if event.campaign is not None and not SLUG.fullmatch(event.campaign):
        messages["campaign"] = str(errors.INVALID_EVENT_FIELDS["campaign"])
    if messages:
        raise InvalidRequest(
            errors=[{"field": name, "code": "invalid", "detail": detail} for name, detail in messages.items()]
        )


def _to_text(value: object) -> str:
    """Return a text, or an empty string for any other value."""
    return value if isinstance(value, str) else ""


def parse_datetime(text: object) -> datetime | None:
    """Parse an ISO 8601 datetime with a UTC offset. Returns None for an invalid or unsupported one."""
    if not isinstance(text, str) or not OFFSET.fullmatch(text):
        return None
    try:
        parsed = datetime.fromisoformat(text).astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    return parsed if datetimes.is_supported_datetime(parsed) else None
