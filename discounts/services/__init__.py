"""Services of discount codes for other apps and entry points."""

from discounts.services.codes import announce_code, change_code, create_code, create_rule, deactivate_code
from discounts.services.redemptions import RedemptionResult, redeem_code, return_redemption

__all__ = [
    "RedemptionResult",
    "announce_code",
    "change_code",
    "create_code",
    "create_rule",
    "deactivate_code",
    "redeem_code",
    "return_redemption",
]
