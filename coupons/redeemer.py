"""Coupons at checkout. This module is the kind's ``promotions.contracts.Redeemer``."""

from coupons.selectors import available, offers, standing
from coupons.services.holds import confirm, refund, release, reserve

__all__ = ["available", "confirm", "kind", "offers", "refund", "release", "reserve", "standing"]

kind = "coupon"
