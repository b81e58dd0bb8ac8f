"""Rules of discount codes: pure functions."""

import hashlib
import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from core.errors import DomainError
from discounts.errors import DiscountOutOfRange, ValidityInPast
from redemptions.errors import AudienceNotMember, CodeAlreadyUsed
from redemptions.lifecycle import find_status_error


def check_percentage(value: object) -> int:
    """Return a discount if it is a whole percentage from 1 to 99. Raises DiscountOutOfRange."""
    if isinstance(value, bool) or not isinstance(value, int) or not 0 < value < 100:
        raise DiscountOutOfRange(errors=[_field_error("rule.discount", DiscountOutOfRange)])
    return value


def check_validity(validity: datetime, *, at: datetime) -> datetime:
    """Return a validity that ends in the future. Raises ValidityInPast."""
    if validity <= at:
        raise ValidityInPast(errors=[_field_error("validity", ValidityInPast)])
    return validity


def _field_error(field: str, error: type[DomainError]) -> dict[str, str]:
    return {"field": field, "code": error.code, "detail": str(error.message)}


def fingerprint(
    *, name: str, audience: str, discount: int | None, terms: Mapping[str, Any], offer: Mapping[str, Any] | None
) -> str:
    """Return the SHA-256 of a rule's terms: equal terms of a brand are one rule."""
    values = {"name": name, "audience": audience, "discount": discount, "terms": terms, "offer": offer}
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()


def find_error(*, status: str, is_member: bool, used: bool) -> DomainError | None:
    """Return the error that stops a shopper from redeeming a code with this status, or None."""
    if error := find_status_error(status):
        return error
    if not is_member:
        return AudienceNotMember()
    return CodeAlreadyUsed() if used else None
