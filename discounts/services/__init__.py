"""Services of discount codes for other apps and entry points."""

from discounts.services.codes import (
    announce_code,
    change_code,
    change_decision,
    create_code,
    create_rule,
    delete_code,
    duplicate_code,
    locked_fields,
    rename_rule,
)
from discounts.services.redemptions import RedemptionResult, redeem_code, return_redemption

__all__ = [
    "RedemptionResult",
    "announce_code",
    "change_code",
    "change_decision",
    "create_code",
    "create_rule",
    "delete_code",
    "duplicate_code",
    "locked_fields",
    "redeem_code",
    "rename_rule",
    "return_redemption",
]
