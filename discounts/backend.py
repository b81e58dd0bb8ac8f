"""Discount codes at checkout. This module is the kind's ``promotions.contracts.Redeemer``."""

from discounts.selectors import active_items, available, candidates
from discounts.services.reservations import confirm, release, reserve, return_items

__all__ = ["active_items", "available", "candidates", "confirm", "kind", "release", "reserve", "return_items"]

kind = "discount_code"
