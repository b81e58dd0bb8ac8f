"""Vouchers at checkout. This module is the kind's ``promotions.contracts.Redeemer``."""

from vouchers.selectors import KIND, available, offers, standing
from vouchers.services.holds import confirm, refund, release, reserve

__all__ = ["available", "confirm", "kind", "offers", "refund", "release", "reserve", "standing"]

kind = KIND
