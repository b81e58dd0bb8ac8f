"""The pricing engine: a cart, the offers in play and a profile go in, amounts come out.

It reads no clock, no database and no network; the same question has the same answer for ever.
"""

from promotions.engine.faults import FieldError, OfferInvalid, ProfileInvalid
from promotions.engine.offer import Offer, Select
from promotions.engine.parse import dump_offer, dump_profile, parse_offer, parse_profile
from promotions.engine.pricing import price
from promotions.engine.profile import Profile
from promotions.engine.values import (
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
    "parse_offer",
    "parse_profile",
    "price",
]
