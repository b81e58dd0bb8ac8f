"""Vouchers at checkout. This module is the kind's ``redemptions.contracts.RedemptionBackend``."""

from vouchers.selectors import KIND, active_items, available, candidates, offer_names, returned_amounts
from vouchers.services.reservations import amend_items, confirm, release, reserve, return_items

__all__ = [
    "KIND",
    "active_items",
    "amend_items",
    "available",
    "candidates",
    "confirm",
    "offer_names",
    "release",
    "reserve",
    "return_items",
    "returned_amounts",
]
