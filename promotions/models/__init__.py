"""Promotions with their limits and redemptions, and the pricing profiles of brands."""

from promotions.models.pricing_profiles import PricingProfile
from promotions.models.promotions import ENDED_STATUSES, LIVE, Promotion, Status, Trigger
from promotions.models.redemptions import PromotionRedemption

__all__ = [
    "ENDED_STATUSES",
    "LIVE",
    "PricingProfile",
    "Promotion",
    "PromotionRedemption",
    "Status",
    "Trigger",
]
