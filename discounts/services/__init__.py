"""Verbs of discount codes."""

from discounts.services.codes import announce_code, change_code, create_code, create_rule, deactivate
from discounts.services.redemptions import RedemptionResult, redeem_code, return_redemption

__all__ = [
    "RedemptionResult",
    "announce_code",
    "change_code",
    "create_code",
    "create_rule",
    "deactivate",
    "redeem_code",
    "return_redemption",
]
