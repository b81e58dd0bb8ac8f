"""Admin pages of discount codes: rules, codes, redemptions and usage notifications."""

from discounts.admin import codes, notifications, redemptions, returns, rules

__all__ = ["codes", "notifications", "redemptions", "returns", "rules"]
