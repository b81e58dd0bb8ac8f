"""A brand makes, changes and withdraws its codes."""

import uuid
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import transaction

from accounts.models import Brand
from core.errors import InvalidRequest
from core.outbox import enqueue_on_commit
from discounts import rules
from discounts.models import DiscountCode, DiscountRule
from pricing import OfferInvalid, parse_offer
from promotions.code_rules import normalize_code
from promotions.services import register_code

KIND = "discount_code"
RULE_FIELDS = frozenset({"discount", "audience", "name"}) | rules.TERMS


@transaction.atomic
def create_code(
    *,
    brand: Brand,
    text: str,
    rule: Mapping[str, Any] | uuid.UUID,
    validity: datetime,
    notify: bool,
    by: int | None,
    at: datetime,
) -> DiscountCode:
    """Make a code for the brand and, with ``notify``, promise its announcement.

    ``rule`` is the id of one of the brand's rules, or the fields of a new one. Raises Invalid, DiscountOutOfRange,
    ValidityInPast and CodeTaken; nothing is made then.
    """
    rules.check_validity(validity, at=at)
    normal = normalize_code(text)
    if normal is None:
        raise InvalidRequest.field("id", "A code is 3 to 64 of A-Z, 0-9, _ and -.")
    chosen = (
        get_brand_rule(brand=brand, rule_id=rule)
        if isinstance(rule, uuid.UUID)
        else create_rule(brand=brand, fields=rule)
    )
    code = DiscountCode.objects.create(
        code=register_code(text=normal, kind=KIND, brand=brand),
        brand=brand,
        rule=chosen,
        validity=validity,
        notify=notify,
        created_by_id=by,
        created_at=at,
    )
    if notify:
        enqueue_on_commit("discounts.announce", code=normal)
    return code


def get_brand_rule(*, brand: Brand, rule_id: uuid.UUID) -> DiscountRule:
    """One of the brand's rules. Raises Invalid for any other, whether it exists or not."""
    rule = DiscountRule.objects.filter(brand=brand, pk=rule_id).first()
    if rule is None:
        raise InvalidRequest.field("rule", "The brand has no such rule.")
    return rule


def create_rule(*, brand: Brand, fields: Mapping[str, Any]) -> DiscountRule:
    """A new rule from its fields: ``discount``, ``audience``, ``name`` and terms of the offer language."""
    unknown = sorted(set(fields) - RULE_FIELDS)
    if unknown:
        raise InvalidRequest(
            errors=[
                {"field": f"rule.{name}", "code": "unknown", "detail": "There is no such field."} for name in unknown
            ]
        )
    discount = rules.check_percentage(fields.get("discount"))
    terms = check_terms(discount, {name: value for name, value in fields.items() if name in rules.TERMS})
    return DiscountRule.objects.create(
        brand=brand,
        discount=discount,
        terms=terms,
        name=_clean_text(fields, "name"),
        audience=_clean_text(fields, "audience"),
    )


def check_terms(discount: int, terms: dict[str, Any]) -> dict[str, Any]:
    """Terms that make an offer. Raises Invalid with every fault."""
    try:
        parse_offer(rules.build_offer_document(discount, terms))
    except OfferInvalid as error:
        raise InvalidRequest(
            errors=[
                {"field": f"rule.{path.removeprefix('benefits.0.')}", "code": code, "detail": detail}
                for path, code, detail in error.errors
            ]
        ) from error
    return terms


def _clean_text(fields: Mapping[str, Any], name: str) -> str:
    value = fields.get(name)
    if value is None:
        return ""
    if not isinstance(value, str) or len(value) > 100:
        raise InvalidRequest.field(f"rule.{name}", "A text of up to 100 characters.")
    return value


@transaction.atomic
def change_code(
    *, code: DiscountCode, at: datetime, validity: datetime | None = None, is_active: bool | None = None
) -> DiscountCode:
    """Set a new end of validity, or switch the code on or off; what is not given stays."""
    if validity is not None:
        code.validity = rules.check_validity(validity, at=at)
    if is_active is not None:
        code.is_active = is_active
    code.save(update_fields=["validity", "is_active"])
    return code


def deactivate(*, code: DiscountCode) -> None:
    """Withdraw the code; its uses stay. Deactivating twice is deactivating once."""
    DiscountCode.objects.filter(pk=code.pk).update(is_active=False)


@transaction.atomic
def announce_code(*, code: DiscountCode, at: datetime) -> None:
    """Promise that shoppers are told of the code; those who were told stay told once.

    Raises CodeInactive and CodeExpired for what they could not use.
    """
    refused = rules.find_error(is_active=code.is_active, validity=code.validity, is_member=True, used=False, at=at)
    if refused is not None:
        raise refused
    DiscountCode.objects.filter(pk=code.pk, notify=False).update(notify=True)
    enqueue_on_commit("discounts.announce", code=code.code_id)
