"""Offers of every kind with budgets and limits, and orders that use them."""

import hashlib
import itertools
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Any

from django.conf import settings

from accounts.contracts import ALL_BRANDS, Shopper
from accounts.models import Brand
from checkout import services
from checkout.contracts import Quote, QuoteRequest, RedemptionOptions
from checkout.models import Redemption
from core import money
from coupons import services as coupons
from discounts import services as discounts
from pricing import Cart, Line
from promotions.services import update_promotion
from redemptions.identities import NO_IDENTITIES, Identities
from redemptions.uses.models import OfferLimits
from tests.factories import CampaignFactory, CouponFactory, CustomerFactory, DiscountCodeFactory, PromotionFactory
from tests.loyalty.offers import change_reward, create_reward
from vouchers import services as vouchers

ORDERS = itertools.count(1)
TEN_PERCENT = {"benefits": [{"kind": "percent", "value": "10", "on": "order"}]}
FACTORIES: dict[str, Callable[..., Any]] = {
    "coupon": lambda **fields: CouponFactory(text="TEN", **fields),
    "discount_code": lambda **fields: DiscountCodeFactory(text="TEN", **fields),
    "loyalty_reward": lambda **fields: create_reward("TEN", **fields),
    "promotion": lambda **fields: PromotionFactory(trigger="code", text="TEN", **fields),
    "voucher": lambda **fields: CampaignFactory(quota=1000, voucher_type="purchase", offer=TEN_PERCENT, **fields),
}
CHANGES: dict[str, Callable[..., Any]] = {
    "coupon": lambda offer, fields, at: coupons.change(coupon=offer, fields=fields, at=at),
    "discount_code": lambda offer, fields, at: discounts.change_code(code=offer, fields=fields, at=at),
    "loyalty_reward": lambda offer, fields, at: change_reward(offer, fields, at=at),
    "promotion": lambda offer, fields, at: update_promotion(promotion=offer, fields=fields, at=at),
    "voucher": lambda offer, fields, at: vouchers.change(campaign=offer, fields=fields, at=at),
}
KINDS = sorted(settings.REDEMPTION_BACKENDS)  # tests/loyalty runs the kind that only the tests have


def create_offer(kind: str, brand: Brand, **limits: Any) -> OfferLimits:
    """Create an active offer of a kind: 10% off, by the code TEN or by a voucher."""
    offer: OfferLimits = FACTORIES[kind](brand=brand, **limits)
    return offer


def change_limits(offer: OfferLimits, at: datetime, **limits: Any) -> OfferLimits:
    """Change limits of an offer as its brand does."""
    changed: OfferLimits = CHANGES[offer.offer_kind](offer, limits, at)
    return changed


def create_shopper() -> Shopper:
    customer = CustomerFactory()
    return Shopper(customer.pk, customer.customer_id)


def build_request(
    offer: OfferLimits, who: Shopper, at: datetime, *, price: int = 10_000, currency: str = "EUR", quantity: int = 1
) -> QuoteRequest:
    """Return a cart of one line that uses the offer. The customer gets a voucher of a campaign first."""
    brand = offer.brand  # type: ignore[attr-defined]
    line = Line(id="a", sku="shoe", quantity=quantity, unit_price=price, brand=brand.slug)
    cart = Cart(currency=currency, exponent=money.decimals(currency), lines=(line,))
    if offer.offer_kind != "voucher":
        return QuoteRequest(cart, ("TEN",), shop=brand.slug)
    claim = vouchers.claim(campaign=offer.slug, customer_key=who.key, at=at)  # type: ignore[attr-defined]
    assert claim.voucher is not None
    return QuoteRequest(cart, (), vouchers=(str(claim.voucher.id),), shop=brand.slug)


def reserve(
    offer: OfferLimits,
    at: datetime,
    who: Shopper | None = None,
    *,
    identities: Identities = NO_IDENTITIES,
    **cart: Any,
) -> Redemption:
    """Reserve the offer for a new order."""
    customer = who or create_shopper()
    request = replace(build_request(offer, customer, at, **cart), identities=identities)
    order, brand = str(next(ORDERS)), offer.brand  # type: ignore[attr-defined]
    options = RedemptionOptions(order, brand.pk, hashlib.sha256(order.encode()).digest())
    return services.reserve(request=request, options=options, shopper=customer, at=at, acceptance=ALL_BRANDS)


def quote(
    offer: OfferLimits,
    at: datetime,
    who: Shopper | None = None,
    *,
    identities: Identities = NO_IDENTITIES,
    **cart: Any,
) -> Quote:
    """Price a cart with the offer."""
    customer = who or create_shopper()
    request = replace(build_request(offer, customer, at, **cart), identities=identities)
    return services.quote(request=request, shopper=customer, at=at, acceptance=ALL_BRANDS)
