"""Pricing engine: price a cart with the eligible offers and the pricing profile of a brand.

The engine uses no clock, database or network. The same arguments always give the same prices.
"""

from pricing.condition_values import Select
from pricing.errors import FieldError, OfferInvalid, ProfileInvalid
from pricing.offer import Offer
from pricing.parse import dump_offer, dump_profile, load_offer, parse_offer, parse_profile
from pricing.pricing import price
from pricing.profile import Profile
from pricing.values import (
    Applied,
    Cart,
    Checked,
    Decision,
    EligibleOffer,
    Explanation,
    Facts,
    Gift,
    Line,
    LinePrice,
    NextBest,
    Rejected,
    Shipping,
    ShippingPrice,
    ShopperFacts,
)

__all__ = [
    "Applied",
    "Cart",
    "Checked",
    "Decision",
    "EligibleOffer",
    "Explanation",
    "Facts",
    "FieldError",
    "Gift",
    "Line",
    "LinePrice",
    "NextBest",
    "Offer",
    "OfferInvalid",
    "Profile",
    "ProfileInvalid",
    "Rejected",
    "Select",
    "Shipping",
    "ShippingPrice",
    "ShopperFacts",
    "dump_offer",
    "dump_profile",
    "load_offer",
    "parse_offer",
    "parse_profile",
    "price",
]
