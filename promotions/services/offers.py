"""Validation of offers, which every kind of offer uses."""

from functools import partial

from django.utils.translation import gettext as _

from accounts.models import Brand
from core import money
from core.errors import InvalidRequest
from core.message_languages import translate
from pricing import Offer, OfferInvalid, parse_offer
from pricing.condition_values import Attribute, iter_conditions
from pricing.options import get_target
from promotions.selectors.attributes import get_attribute_types

MAX_PRIORITY = 32_767


def validate_offer(
    value: object,
    *,
    field: str = "offer",
    currency: str | None = None,
    needs_common_currency: bool = True,
    brand: Brand | None = None,
    can_keep_balance: bool = True,
) -> Offer:
    """Parse an offer. With ``currency``, the amounts that name no currency must fit it.

    Then some currency must have all amounts, too, unless ``needs_common_currency`` is unset. With ``brand``, conditions
    on attributes must fit those that the brand declares. ``can_keep_balance`` is set for offers with codes that can be
    redeemed several times. Raises InvalidRequest with every error; the fields are paths below ``field``.
    """
    parse = partial(
        parse_offer,
        value,
        currency_exponent=money.decimals,
        currency=currency,
        needs_common_currency=needs_common_currency,
    )
    try:
        offer = parse()
        if brand is not None and any(isinstance(part, Attribute) for part in iter_conditions(offer.conditions)):
            offer = parse(attributes=get_attribute_types(brand.pk))
    except OfferInvalid as error:
        raise InvalidRequest(
            errors=[
                {"field": ".".join(filter(None, [field, path])), "code": code, "detail": translate(detail)}
                for path, code, detail in error.errors
            ]
        ) from error
    if offer.stored_value is not None and not can_keep_balance:
        path = ".".join(filter(None, [field, "benefits.0.keep_balance"]))
        raise InvalidRequest.field(path, _("Only codes of promotions and coupons can keep a balance."))
    return offer


def check_priority(offer: Offer, *, field: str = "offer.priority") -> None:
    """Raise InvalidRequest for a priority that a promotion can't have."""
    if abs(offer.priority) > MAX_PRIORITY:
        raise InvalidRequest.field(
            field, _("Enter a whole number from -%(max)s to %(max)s.") % {"max": f"{MAX_PRIORITY:,}"}
        )


def check_unit_limit(offer: Offer, *, limit: int | None, field: str = "limits.units") -> None:
    """Raise InvalidRequest for a limit of units if the offer discounts only shipping, which has no units."""
    if limit is not None and all(get_target(benefit) == "shipping" for benefit in offer.benefits):
        detail = _("This offer only discounts shipping, which has no units. Limit the redemptions instead.")
        raise InvalidRequest.field(field, detail)
