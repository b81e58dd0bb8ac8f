"""Promotions with their limits and redemptions, and the pricing profiles of brands."""

from promotions.models.pricing_profiles import PricingProfile
from promotions.models.promotions import UNFINISHED, Promotion, Trigger
from promotions.models.redemptions import PromotionRedemption

__all__ = [
    "UNFINISHED",
    "PricingProfile",
    "Promotion",
    "PromotionRedemption",
    "Trigger",
]
