"""Verbs of coupons."""

from coupons.services.definitions import CodesSpec, add_codes, change, create, deactivate, locked_fields
from coupons.services.ending import confirm, expire_due, release, return_redemption, terminate
from coupons.services.taking import redeem

__all__ = [
    "CodesSpec",
    "add_codes",
    "change",
    "confirm",
    "create",
    "deactivate",
    "expire_due",
    "locked_fields",
    "redeem",
    "release",
    "return_redemption",
    "terminate",
]
