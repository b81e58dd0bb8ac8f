"""Admin pages of discount codes: rules, codes, redemptions and returns."""

from discounts.admin import codes, redemptions, returns, rules

__all__ = ["codes", "redemptions", "returns", "rules"]
