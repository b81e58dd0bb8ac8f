"""Discount codes at checkout. This module is the kind's ``promotions.contracts.Redeemer``."""

from discounts.selectors import available, offers, standing
from discounts.services.holds import confirm, refund, release, reserve

__all__ = ["available", "confirm", "kind", "offers", "refund", "release", "reserve", "standing"]

kind = "discount_code"
