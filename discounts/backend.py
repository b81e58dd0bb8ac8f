"""Redemption backend of discount codes (``redemptions.contracts.RedemptionBackend``)."""

from discounts.selectors import active_items, available, candidates, offer_names
from discounts.services.reservations import confirm, release, reserve, return_items

__all__ = [
    "KIND",
    "active_items",
    "available",
    "candidates",
    "confirm",
    "offer_names",
    "release",
    "reserve",
    "return_items",
]

KIND = "discount_code"
