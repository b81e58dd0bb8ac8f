"""Decisions about discount codes: values in, values out."""

import json
from collections.abc import Mapping
from datetime import datetime
from functools import lru_cache
from typing import Any

from core.errors import DomainError
from discounts.errors import DiscountOutOfRange, ValidityInPast
from pricing import Offer, parse_offer
from promotions.errors import AudienceNotMember, CodeAlreadyUsed, CodeExpired, CodeInactive

# what a rule may say beside its percentage: fields of the offer, and narrowing of the one benefit (the offer language)
OFFER_FIELDS = frozenset({"conditions", "combinable", "lane", "priority", "group", "exclusive", "max_applications"})
NARROWING = frozenset({"on", "select", "max_units", "per", "pick", "only_complete_groups_of", "max_discount", "split"})
TERMS = OFFER_FIELDS | NARROWING


def check_percentage(value: object) -> int:
    """A whole percentage above 0 and below 100 (the seed's 0 < x < 100). Raises DiscountOutOfRange."""
    if isinstance(value, bool) or not isinstance(value, int) or not 0 < value < 100:
        raise DiscountOutOfRange(
            errors=[
                {"field": "rule.discount", "code": DiscountOutOfRange.code, "detail": str(DiscountOutOfRange.message)}
            ]
        )
    return value


def check_validity(validity: datetime, *, at: datetime) -> datetime:
    """An instant that is still to come. Raises ValidityInPast."""
    if validity <= at:
        raise ValidityInPast(
            errors=[{"field": "validity", "code": ValidityInPast.code, "detail": str(ValidityInPast.message)}]
        )
    return validity


def build_offer_document(discount: int, terms: Mapping[str, Any]) -> dict[str, Any]:
    """The offer that a rule stands for, in the offer language: one percentage benefit, narrowed and conditioned."""
    benefit = {"kind": "percent", "value": str(discount), "on": "order"} | {
        k: v for k, v in terms.items() if k in NARROWING
    }
    return {"benefits": [benefit]} | {k: v for k, v in terms.items() if k in OFFER_FIELDS}


def build_offer(discount: int, terms: Mapping[str, Any]) -> Offer:
    """The rule's offer, parsed; the same value again costs a look-up."""
    return _parsed(discount, json.dumps(terms, sort_keys=True))


@lru_cache(maxsize=4096)
def _parsed(discount: int, terms: str) -> Offer:
    return parse_offer(build_offer_document(discount, json.loads(terms)))


def find_error(*, is_active: bool, validity: datetime, is_member: bool, used: bool, at: datetime) -> DomainError | None:
    """Why a shopper cannot have a code, the most lasting reason first, or None when they can."""
    if not is_active:
        return CodeInactive()
    if validity <= at:
        return CodeExpired()
    if not is_member:
        return AudienceNotMember()
    return CodeAlreadyUsed() if used else None
