"""Verbs of coupons."""

from coupons.services.definitions import Codes, add_codes, change, create, deactivate
from coupons.services.ending import confirm, expire_due, refund, release
from coupons.services.taking import take

__all__ = [
    "Codes",
    "add_codes",
    "change",
    "confirm",
    "create",
    "deactivate",
    "expire_due",
    "refund",
    "release",
    "take",
]
