"""Promotions with their limits, and the pricing profiles of brands."""

from promotions.models.pricing_profiles import PricingProfile
from promotions.models.promotions import UNFINISHED, Promotion, Trigger

__all__ = [
    "UNFINISHED",
    "PricingProfile",
    "Promotion",
    "Trigger",
]
