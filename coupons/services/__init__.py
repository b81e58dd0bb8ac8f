"""Writes of coupons: coupons and their codes, redemptions and reservations, limits, and sums of reports."""

from coupons.services.coupons import (
    CodesSpec,
    add_codes,
    change,
    change_decision,
    create,
    delete,
    duplicate,
    locked_fields,
)
from coupons.services.redemptions import redeem
from coupons.services.transitions import confirm, expire_due, release, return_redemption

__all__ = [
    "CodesSpec",
    "add_codes",
    "change",
    "change_decision",
    "confirm",
    "create",
    "delete",
    "duplicate",
    "expire_due",
    "locked_fields",
    "redeem",
    "release",
    "return_redemption",
]
