"""Coupons at checkout. This module is the kind's ``redemptions.contracts.RedemptionBackend``."""

from coupons.selectors import active_items, available, candidates
from coupons.services.reservations import confirm, release, reserve, return_items

__all__ = ["KIND", "active_items", "available", "candidates", "confirm", "release", "reserve", "return_items"]

KIND = "coupon"
