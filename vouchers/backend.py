"""Vouchers at checkout. This module is the kind's ``promotions.contracts.Redeemer``."""

from vouchers.selectors import KIND, active_items, available, candidates
from vouchers.services.reservations import confirm, release, reserve, return_items

__all__ = ["active_items", "available", "candidates", "confirm", "kind", "release", "reserve", "return_items"]

kind = KIND
