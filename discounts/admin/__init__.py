"""The admin's pages of discount codes: rules, codes, their uses and notices."""

from discounts.admin import codes, redemptions, rules

__all__ = ["codes", "redemptions", "rules"]
