"""Verbs of coupons."""

from coupons.services.definitions import Codes, add_codes, change, create, deactivate, fixed
from coupons.services.ending import confirm, end, expire_due, refund, release
from coupons.services.taking import take

__all__ = [
    "Codes",
    "add_codes",
    "change",
    "confirm",
    "create",
    "deactivate",
    "end",
    "expire_due",
    "fixed",
    "refund",
    "release",
    "take",
]
