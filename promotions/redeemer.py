"""Promotions at checkout: those that come into play by themselves, and those that a code opens.

This module is the kind's ``promotions.contracts.Redeemer``.
"""

from promotions.selectors import available, offers, standing
from promotions.services.holds import confirm, refund, release, reserve

__all__ = ["available", "confirm", "kind", "offers", "refund", "release", "reserve", "standing"]

kind = "promotion"
