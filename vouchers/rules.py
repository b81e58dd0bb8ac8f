"""Decisions about campaigns and vouchers: values in, values out."""

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
from pricing import Offer, parse_offer
from pricing.offer import Percent
from promotions.errors import CodeInactive
from vouchers.contracts import EVENT_ID_LENGTH, ClaimResult, LoginEvent, Result, VoucherView
from vouchers.errors import VoucherExpired, VoucherUsed, VoucherWrongType

AVAILABLE, RESERVED, EXPIRED, REVOKED = "available", "reserved", "expired", "revoked"
MAX_CLOCK_SKEW = timedelta(minutes=5)  # that the clock of whoever tells of a login may be ahead of ours
SLUG = re.compile(r"[-a-zA-Z0-9_]{1,64}", re.ASCII)
OFFSET = re.compile(r"[0-9T:.+-]+(Z|[+-]\d\d:\d\d)", re.ASCII)


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


def to_claim_result(row: Mapping[str, Any]) -> ClaimResult:
    """What the claiming statement decided about one arrival."""
    if not row["is_active"]:
        return ClaimResult(Result.INACTIVE_USER)
    voucher = to_voucher_view(row) if row["id"] is not None and row["state"] != REVOKED else None
    if row["is_first"]:
        return ClaimResult(Result.FULL) if voucher is None else ClaimResult(Result.GRANTED, voucher)
    if row["is_known"] or row["is_open"]:
        return ClaimResult(Result.ALREADY_CLAIMED, voucher)
    return ClaimResult(Result.NOT_OPEN)


def to_voucher_view(row: Mapping[str, Any]) -> VoucherView:
    """A voucher with what its campaign says of it, as it is ``at`` an instant."""
    return VoucherView(
        id=row["id"], campaign=row["campaign"], rank=row["rank"], discount=row["discount"],
        description=describe(row["name"], row["description"], row["discount"]), voucher_type=row["voucher_type"],
        created_at=row["created_at"], expires_at=row["expires_at"],
        state=current_status(row["state"], row["expires_at"], row["reserved_until"], at=row["at"]),
    )  # fmt: skip


def describe(name: str, description: str, discount: Decimal | None) -> str:
    """What a shopper reads on a voucher: the brand's own words, or what it is."""
    if description:
        return description
    return name if discount is None else f"{format_number(discount)}% off: {name}"


def format_number(number: Decimal) -> str:
    """A number without needless zeros: 30, 12.5."""
    return f"{number.normalize():f}"


def current_status(state: str, expires_at: datetime, reserved_until: datetime | None, *, at: datetime) -> str:
    """A voucher is free again, or expired, from its instant on, before anyone has written it down."""
    held = reserved_until is not None and reserved_until > at
    if state not in (AVAILABLE, RESERVED) or held:
        return state
    return AVAILABLE if expires_at > at else EXPIRED


def find_error(state: str, *, voucher_type: str, transaction_type: str, brand_is_active: bool) -> DomainError | None:
    """Why a voucher of this state cannot be had for a transaction, or None when it can."""
    if state == EXPIRED:
        return VoucherExpired()
    if state == REVOKED or not brand_is_active:
        return CodeInactive("This voucher is not active.")
    if state != AVAILABLE:
        return VoucherUsed()
    return None if voucher_type == transaction_type else VoucherWrongType(voucher_type=voucher_type)


# --- login events ----------------------------------------------------------------------------------------------------
def login_event(sent: object, *, now: datetime) -> LoginEvent:
    """A login event as it stands in JSON. Raises Invalid with each field that is missing or wrong."""
    if not isinstance(sent, Mapping):
        raise InvalidRequest.field("", "An event is an object.")
    at = parse_datetime(sent.get("at"))
    campaign = None if sent.get("campaign") is None else _text(sent["campaign"])
    event = LoginEvent(_text(sent.get("event_id")), _text(sent.get("customer_id")), at or now, campaign)
    check_event(event, now=now, timed=at is not None)
    return event


def check_event(event: LoginEvent, *, now: datetime, timed: bool = True) -> None:
    """Raises Invalid with each field of an event that cannot be one; ``timed``: its time could be read."""
    faults = []
    if not (1 <= len(event.id) <= EVENT_ID_LENGTH and event.id.isprintable()):
        faults.append(("event_id", f"The id of an event is 1 to {EVENT_ID_LENGTH} printable characters."))
    if not is_customer_id(event.customer_id):
        faults.append(("customer_id", f"A customer id is 1 to {CUSTOMER_ID_LENGTH} printable characters."))
    if not timed:
        faults.append(("at", "Write an instant with an offset, such as 2027-01-31T23:59:59+01:00."))
    elif event.at > now + MAX_CLOCK_SKEW:
        faults.append(("at", "This is yet to come."))
    if event.campaign is not None and not SLUG.fullmatch(event.campaign):
        faults.append(("campaign", "This is not the slug of a campaign."))
    if faults:
        raise InvalidRequest(errors=[{"field": field, "code": "invalid", "detail": detail} for field, detail in faults])


def _text(sent: object) -> str:
    """A text; what is none becomes the empty one, which nothing is called."""
    return sent if isinstance(sent, str) else ""


def parse_datetime(text: object) -> datetime | None:
    """The instant of an ISO 8601 text with an offset, or None where it is none."""
    if not isinstance(text, str) or not OFFSET.fullmatch(text):
        return None
    try:
        found = datetime.fromisoformat(text).astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    return found if datetimes.is_supported_datetime(found) else None
