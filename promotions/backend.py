"""Promotions at checkout: those that come into play by themselves, and those that a code opens.

This module is the kind's ``promotions.contracts.Redeemer``.
"""

from promotions.selectors import active_items, available, candidates
from promotions.services.reservations import confirm, release, reserve, return_items

__all__ = ["active_items", "available", "candidates", "confirm", "kind", "release", "reserve", "return_items"]

kind = "promotion"
