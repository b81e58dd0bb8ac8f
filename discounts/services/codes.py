"""Services that create, change, announce and pause discount codes."""

import uuid
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from accounts.models import Brand
from core.errors import InvalidRequest
from core.ids import uuid7
from core.outbox import enqueue_on_commit
from discounts import rules
from discounts.models import DiscountCode, DiscountRule
from pricing import OfferInvalid, parse_offer
from redemptions.codes.rules import CODE_FORMAT_MESSAGE, normalize_code
from redemptions.codes.services import register_code
from redemptions.events.contracts import EventType, NewEvent
from redemptions.events.services import append_events

KIND = "discount_code"
RULE_FIELDS = frozenset({"discount", "audience", "name"}) | rules.TERMS
MAX_TEXT_LENGTH = 100


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
    """Create a discount code and, with ``notify``, schedule its announcement.

    ``rule`` is the ID of one of the brand's rules, or the fields of a new rule. ``by`` is the key of the user.
    Raises InvalidRequest, DiscountOutOfRange, ValidityInPast and CodeTaken.
    """
    rules.check_validity(validity, at=at)
    normalized = normalize_code(text)
    if normalized is None:
        raise InvalidRequest.field("id", str(CODE_FORMAT_MESSAGE))
    discount_rule = (
        get_brand_rule(brand=brand, rule_id=rule)
        if isinstance(rule, uuid.UUID)
        else create_rule(brand=brand, fields=rule)
    )
    offer_id = uuid7(at)
    code = DiscountCode.objects.create(
        code=register_code(text=normalized, kind=KIND, brand=brand, offer=offer_id).text,
        offer_id=offer_id,
        brand=brand,
        rule=discount_rule,
        validity=validity,
        notify=notify,
        created_by_id=by,
        created_at=at,
    )
    append_events([NewEvent(EventType.OFFER_CREATED, at, brand.pk, KIND, offer=offer_id, code=normalized)])
    if notify:
        enqueue_on_commit("discounts.announce", offer=str(offer_id))
    return code


def get_brand_rule(*, brand: Brand, rule_id: uuid.UUID) -> DiscountRule:
    """Return one of the brand's rules. Raises InvalidRequest for any other, whether it exists or not."""
    rule = DiscountRule.objects.filter(brand=brand, pk=rule_id).first()
    if rule is None:
        raise InvalidRequest.field("rule", _("Rule not found."))
    return rule


def create_rule(*, brand: Brand, fields: Mapping[str, Any]) -> DiscountRule:
    """Create a rule from ``discount``, ``audience``, ``name`` and terms of the offer language.

    Raises InvalidRequest, DiscountOutOfRange.
    """
    if unknown := sorted(set(fields) - RULE_FIELDS):
        raise InvalidRequest.unknown_fields(f"rule.{name}" for name in unknown)
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
    """Return the terms if they form a valid offer. Raises InvalidRequest with all errors."""
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
    if not isinstance(value, str) or len(value) > MAX_TEXT_LENGTH:
        detail = _("Enter a text of up to %(max)s characters.") % {"max": MAX_TEXT_LENGTH}
        raise InvalidRequest.field(f"rule.{name}", detail)
    return value


@transaction.atomic
def change_code(
    *, code: DiscountCode, at: datetime, validity: datetime | None = None, is_active: bool | None = None
) -> DiscountCode:
    """Change when a code ends, or pause or resume it. None keeps a value. Raises ValidityInPast."""
    if validity is not None:
        code.validity = rules.check_validity(validity, at=at)
    if is_active is not None:
        code.is_active = is_active
    code.save(update_fields=["validity", "is_active"])
    return code


def deactivate_code(*, code: DiscountCode) -> None:
    """Pause a code. Its redemptions stay, and pausing it again changes nothing."""
    DiscountCode.objects.filter(pk=code.pk).update(is_active=False)


@transaction.atomic
def announce_code(*, code: DiscountCode, at: datetime) -> None:
    """Schedule the announcement of a code. Shoppers who received it don't get it again.

    Raises CodeInactive and CodeExpired for codes that shoppers can't redeem.
    """
    error = rules.find_error(is_active=code.is_active, validity=code.validity, is_member=True, used=False, at=at)
    if error is not None:
        raise error
    DiscountCode.objects.filter(pk=code.pk, notify=False).update(notify=True)
    enqueue_on_commit("discounts.announce", offer=str(code.offer_id))
