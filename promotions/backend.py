"""Redemption backend of promotions (``redemptions.contracts.RedemptionBackend``)."""

from promotions.selectors.candidates import active_items, available, candidates, offer_names
from promotions.services.reservations import confirm, release, reserve, return_items

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

KIND = "promotion"
