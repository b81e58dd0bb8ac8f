"""Coupons at checkout. This module is the kind's ``redemptions.contracts.RedemptionBackend``."""

from coupons.selectors import active_items, available, candidates, offer_names
from coupons.services.reservations import confirm, release, reserve, return_items

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

KIND = "coupon"
