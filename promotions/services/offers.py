"""Validation of offers, which every kind of offer uses."""

from django.utils.translation import gettext as _

from accounts.models import Brand
from core import money
from core.errors import InvalidRequest
from pricing import Offer, OfferInvalid, parse_offer
from pricing.condition_values import Attribute, iter_conditions
from pricing.options import get_target
from promotions.selectors.attributes import get_attribute_types


def validate_offer(
    value: object,
    *,
    field: str = "offer",
    currency: str | None = None,
    brand: Brand | None = None,
    can_keep_balance: bool = True,
) -> Offer:
    """Parse an offer. With ``currency``, the amounts that name no currency must fit it.

    With ``brand``, conditions on attributes must fit those that the brand declares. ``can_keep_balance`` is set for
    offers with codes that can be redeemed several times. Raises InvalidRequest with every error; the fields are paths
    below ``field``.
    """
    try:
        offer = parse_offer(value, currency_exponent=money.decimals, currency=currency)
        if brand is not None and any(isinstance(part, Attribute) for part in iter_conditions(offer.conditions)):
            types = get_attribute_types(brand.pk)
            offer = parse_offer(value, currency_exponent=money.decimals, currency=currency, attributes=types)
    except OfferInvalid as error:
        raise InvalidRequest(
            errors=[
                {"field": ".".join(filter(None, [field, path])), "code": code, "detail": detail}
                for path, code, detail in error.errors
            ]
        ) from error
    if offer.stored_value is not None and not can_keep_balance:
        path = ".".join(filter(None, [field, "benefits.0.keep_balance"]))
        raise InvalidRequest.field(path, _("Only codes of promotions and coupons can keep a balance."))
    return offer


def check_unit_limit(offer: Offer, *, limit: int | None) -> None:
    """Raise InvalidRequest for a limit of units if the offer discounts only shipping, which has no units."""
    if limit is not None and all(get_target(benefit) == "shipping" for benefit in offer.benefits):
        detail = _("This offer only discounts shipping, which has no units. Limit the redemptions instead.")
        raise InvalidRequest.field("limits.units", detail)
