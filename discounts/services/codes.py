"""Services that create, change, announce and end discount codes."""

import uuid
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from accounts.models import Brand
from core.db import translate_constraint
from core.errors import InvalidRequest
from core.ids import uuid7
from core.outbox import enqueue_on_commit
from discounts import rules
from discounts.contracts import TERMS, build_offer, build_offer_document
from discounts.models import DiscountCode, DiscountRule
from promotions.services import check_unit_limit, validate_offer
from redemptions import decisions
from redemptions.codes.models import Code
from redemptions.codes.rules import CODE_FORMAT_MESSAGE, REVOKED_MESSAGE, normalize_code
from redemptions.codes.selectors.codes import suggest_text
from redemptions.codes.services import register_code
from redemptions.errors import CodeInactive
from redemptions.lifecycle import Action, dates_of_duplicate, find_status_error, reopens
from redemptions.metadata import change_metadata
from redemptions.statuses import OfferDecision, OfferStatus
from redemptions.uses.contracts import LIMIT_FIELDS
from redemptions.uses.services import change_limits, check_pool

KIND = "discount_code"
EDITABLE_BEFORE_START = frozenset({"start_date", "rule", "limit_strategy"})
LIMITS = ("limit_total", "limit_strategy", *LIMIT_FIELDS)
RULE_FIELDS = frozenset({"discount", "audience", "name", "offer"}) | TERMS
OFFER_RULE_FIELDS = frozenset({"offer", "audience", "name"})
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
    start_date: datetime | None = None,
    is_draft: bool = False,
    limits: Mapping[str, Any] | None = None,
    external_id: str = "",
    metadata: Mapping[str, str] | None = None,
) -> DiscountCode:
    """Create a discount code from ``start_date``, or now, until before ``validity``.

    With ``notify``, the code is announced when it becomes active. ``rule`` is the ID of one of the brand's rules, or
    the fields of a new rule. ``limits`` are fields of its budgets and limits. ``by`` is the key of the user. Raises
    InvalidRequest, DiscountOutOfRange, ValidityInPast, CodeTaken and ExternalIdTaken.
    """
    _check_dates(start_date or at, validity, at)
    normalized = normalize_code(text)
    if normalized is None:
        raise InvalidRequest.field("id", str(CODE_FORMAT_MESSAGE))
    discount_rule = _get_or_create_rule(brand, rule)
    offer_id = uuid7(at)
    code = DiscountCode(
        code=register_code(text=normalized, kind=KIND, brand=brand, offer=offer_id).text,
        offer_id=offer_id,
        brand=brand,
        rule=discount_rule,
        start_date=start_date or at,
        end_date=validity,
        decision=OfferDecision.DRAFT if is_draft else OfferDecision.PUBLISHED,
        notify=notify,
        created_by_id=by,
        created_at=at,
        currency=brand.currency,
        external_id=external_id,
        metadata=metadata or {},
        **(limits or {}),
    )
    _check_limits(code)
    decisions.create_offer(code, at=at, code=normalized)
    _announce_active(code, at)
    return code


def _check_dates(start: datetime, end: datetime, at: datetime) -> None:
    rules.check_validity(end, at=at)
    if end <= start:
        raise InvalidRequest.field("validity", _("The end must be after the start."))


def _check_limits(code: DiscountCode) -> None:
    check_pool(strategy=code.limit_strategy, total=code.limit_total, field="limits.total")
    check_unit_limit(build_offer(code.rule.discount, code.rule.terms, code.rule.offer), limit=code.limit_units)


def _get_or_create_rule(brand: Brand, rule: Mapping[str, Any] | uuid.UUID) -> DiscountRule:
    if isinstance(rule, uuid.UUID):
        return get_brand_rule(brand=brand, rule_id=rule)
    return create_rule(brand=brand, fields=rule)


def _announce_active(code: DiscountCode, at: datetime) -> None:
    """Schedule the announcement of a code that customers can redeem now. Scheduled codes are announced at their start.

    A code is announced once, so repeating this has no effect.
    """
    if code.notify and code.status_at(at) == OfferStatus.ACTIVE:
        enqueue_on_commit("discounts.announce", offer=str(code.offer_id))


def get_brand_rule(*, brand: Brand, rule_id: uuid.UUID) -> DiscountRule:
    """Return one of the brand's rules. Raises InvalidRequest for any other, whether it exists or not."""
    rule = DiscountRule.objects.filter(brand=brand, pk=rule_id).first()
    if rule is None:
        raise InvalidRequest.field("rule", _("Rule not found."))
    return rule


def create_rule(*, brand: Brand, fields: Mapping[str, Any]) -> DiscountRule:
    """Create a rule, or return the brand's rule with the same terms.

    ``fields`` are ``name``, ``audience``, and either ``discount`` with terms of the offer language, or ``offer``, a
    whole document. Raises InvalidRequest and DiscountOutOfRange.
    """
    is_offer = fields.get("offer") is not None
    allowed = OFFER_RULE_FIELDS if is_offer else RULE_FIELDS
    if unknown := sorted(set(fields) - allowed):
        if is_offer and set(unknown) <= RULE_FIELDS:
            raise InvalidRequest.field(f"rule.{unknown[0]}", _("Provide either a discount or an offer, not both."))
        raise InvalidRequest.unknown_fields(f"rule.{name}" for name in unknown)
    values: dict[str, Any] = {name: _clean_text(fields, name) for name in ("name", "audience")}
    if is_offer:
        validate_offer(
            fields["offer"], field="rule.offer", currency=brand.currency, brand=brand, can_keep_balance=False
        )
        values |= {"discount": None, "terms": {}, "offer": fields["offer"]}
    else:
        discount = rules.check_percentage(fields.get("discount"))
        terms = {name: value for name, value in fields.items() if name in TERMS}
        values |= {"discount": discount, "terms": check_terms(discount, terms, brand), "offer": None}
    return DiscountRule.objects.get_or_create(brand=brand, fingerprint=rules.fingerprint(**values), defaults=values)[0]


def check_terms(discount: int, terms: dict[str, Any], brand: Brand) -> dict[str, Any]:
    """Return the terms if they form a valid offer of the brand. Raises InvalidRequest with all errors."""
    try:
        validate_offer(build_offer_document(discount, terms, None), field="", currency=brand.currency, brand=brand)
    except InvalidRequest as invalid:
        errors = [
            error | {"field": f"rule.{error['field'].removeprefix('benefits.0.')}"} for error in invalid.errors or []
        ]
        raise InvalidRequest(errors=errors) from invalid
    return terms


@transaction.atomic
def rename_rule(*, rule: DiscountRule, name: str) -> DiscountRule:
    """Rename a rule. Raises InvalidRequest if the brand has another rule with this name and the same terms."""
    locked = DiscountRule.objects.select_for_update().get(pk=rule.pk)
    locked.name = name
    values = {field: getattr(locked, field) for field in ("name", "audience", "discount", "terms", "offer")}
    locked.fingerprint = rules.fingerprint(**values)
    errors = [{"field": "rule.name", "code": "unique", "detail": _("Another rule has this name and the same terms.")}]
    with translate_constraint("discounts_rule_once", InvalidRequest, errors=errors), transaction.atomic():
        locked.save()
    return locked


def _clean_text(fields: Mapping[str, Any], name: str) -> str:
    value = fields.get(name)
    if value is None:
        return ""
    if not isinstance(value, str) or len(value) > MAX_TEXT_LENGTH:
        detail = _("Enter a text of up to %(max)s characters.") % {"max": MAX_TEXT_LENGTH}
        raise InvalidRequest.field(f"rule.{name}", detail)
    return value


@transaction.atomic
def change_code(*, code: DiscountCode, fields: Mapping[str, Any], at: datetime) -> DiscountCode:
    """Change ``end_date``, budgets and limits, and before the start also ``start_date`` and ``rule`` of a code.

    A limit that is set counts what was used before; below that, nothing more is given. Another end date in the future
    makes an ended code active again. Raises InvalidRequest with an error per field, ValidityInPast, DiscountOutOfRange,
    and InvalidStatus for an archived code, or an ended one without a new end date, if anything but metadata changes.
    """
    locked = _lock(code)
    rest = change_metadata(locked, fields, at=at)
    if fields and not rest:
        return locked
    fields = rest
    is_reopened = reopens(locked, fields=fields, at=at)
    current = {name: locked.rule_id if name == "rule" else getattr(locked, name) for name in fields}
    changed = {name: value for name, value in fields.items() if current[name] != value}
    if immutable := sorted(changed.keys() & locked_fields(code=locked, at=at)):
        detail = _("This field can't be changed after the start.")
        raise InvalidRequest(errors=[{"field": name, "code": "immutable", "detail": detail} for name in immutable])
    before = locked.limits
    decisions.report_dates(locked, at=at)
    if is_reopened:
        locked.decision = OfferDecision.PUBLISHED
    if "rule" in changed:
        locked.rule = _get_or_create_rule(locked.brand, changed.pop("rule"))
    for name, value in changed.items():
        setattr(locked, name, value)
    if changed.keys() & {"start_date", "end_date"}:
        _check_dates(locked.start_date, locked.end_date, at)
    _check_limits(locked)
    change_limits(before=before, after=locked.limits, currency=locked.currency, at=at)
    locked.updated_at = at
    locked.save()
    decisions.report_status(locked, at=at)
    _announce_active(locked, at)
    return locked


def locked_fields(*, code: DiscountCode, at: datetime) -> frozenset[str]:
    """Return the fields that could be changed before the start and no longer can."""
    is_open = code.decision == OfferDecision.DRAFT or at < code.start_date
    return frozenset() if is_open else EDITABLE_BEFORE_START


@transaction.atomic
def change_decision(*, code: DiscountCode, action: Action, at: datetime) -> DiscountCode:
    """Activate, pause, resume, end or archive a code. Repeating an action has no effect. Raises InvalidStatus."""
    locked = _lock(code)
    if decisions.apply_action(locked, action=action, at=at):
        _announce_active(locked, at)
    return locked


@transaction.atomic
def delete_code(*, code: DiscountCode, at: datetime) -> None:
    """Delete a draft, and archive any other code. Its redemptions stay, and its text can be used again."""
    decisions.delete_or_archive(_lock(code), at=at)


def duplicate_code(*, code: DiscountCode, text: str | None, by: int | None, at: datetime) -> DiscountCode:
    """Create a draft with the rule and the dates of a code, and ``text`` or a similar text that is free.

    The duplicate of a code that has ended starts now and lasts as long. Raises InvalidRequest and CodeTaken.
    """
    dates = dates_of_duplicate(code, at=at)
    return create_code(
        brand=code.brand,
        text=suggest_text(text=code.code, brand_id=code.brand_id) if text is None else text,
        rule=code.rule_id,
        start_date=dates["start_date"],
        validity=dates["end_date"],
        notify=code.notify,
        by=by,
        at=at,
        is_draft=True,
        metadata=code.metadata,
        limits={name: getattr(code, name) for name in LIMITS},
    )


def _lock(code: DiscountCode) -> DiscountCode:
    rows = DiscountCode.objects.select_for_update(of=("self",)).select_related("brand", "rule__brand")
    return rows.get(pk=code.pk)


@transaction.atomic
def announce_code(*, code: DiscountCode, at: datetime) -> None:
    """Schedule the announcement of a code. Shoppers who received it don't get it again.

    Raises CodeInactive, CodeNotStarted and CodeExpired for codes that shoppers can't redeem.
    """
    error = find_status_error(code.status_at(at))
    if error is not None:
        raise error
    if Code.objects.filter(offer=code.offer_id, batch=None, revoked_at__isnull=False).exists():
        raise CodeInactive(REVOKED_MESSAGE)
    DiscountCode.objects.filter(pk=code.pk, notify=False).update(notify=True)
    enqueue_on_commit("discounts.announce", offer=str(code.offer_id))
