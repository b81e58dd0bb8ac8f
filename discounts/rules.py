"""Rules of discount codes: pure functions."""

import json
from collections.abc import Mapping
from datetime import datetime
from functools import lru_cache
from typing import Any

from core.errors import DomainError
from discounts.errors import DiscountOutOfRange, ValidityInPast
from pricing import Offer, load_offer
from redemptions.errors import AudienceNotMember, CodeAlreadyUsed
from redemptions.lifecycle import find_status_error

# Fields of the offer language that a rule can have beside its percentage: fields of the offer, and of its one benefit.
OFFER_FIELDS = frozenset({"conditions", "combinable", "lane", "priority", "group", "exclusive", "max_applications"})
BENEFIT_FIELDS = frozenset(
    {"on", "select", "max_units", "per", "pick", "only_complete_groups_of", "max_discount", "split"}
)
TERMS = OFFER_FIELDS | BENEFIT_FIELDS


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


def build_offer_document(discount: int, terms: Mapping[str, Any]) -> dict[str, Any]:
    """Return a rule's offer in the offer language: one percentage benefit with the rule's terms."""
    benefit_fields = {name: value for name, value in terms.items() if name in BENEFIT_FIELDS}
    benefit = {"kind": "percent", "value": str(discount), "on": "order"} | benefit_fields
    return {"benefits": [benefit]} | {name: value for name, value in terms.items() if name in OFFER_FIELDS}


def build_offer(discount: int, terms: Mapping[str, Any]) -> Offer:
    """Return a rule's parsed offer. Results are cached."""
    return _build_offer_cached(discount, json.dumps(terms, sort_keys=True))


@lru_cache(maxsize=4096)
def _build_offer_cached(discount: int, terms: str) -> Offer:
    return load_offer(build_offer_document(discount, json.loads(terms)))


def find_error(*, status: str, is_member: bool, used: bool) -> DomainError | None:
    """Return the error that stops a shopper from redeeming a code with this status, or None."""
    if error := find_status_error(status):
        return error
    if not is_member:
        return AudienceNotMember()
    return CodeAlreadyUsed() if used else None
