"""Promotions with their limits, and the pricing profiles and attributes of brands."""

from promotions.models.attributes import Attribute, AttributeType
from promotions.models.pricing_profiles import PricingProfile
from promotions.models.promotions import UNFINISHED, Promotion, Trigger

__all__ = [
    "UNFINISHED",
    "Attribute",
    "AttributeType",
    "PricingProfile",
    "Promotion",
    "Trigger",
]
