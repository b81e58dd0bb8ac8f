"""The admin's pages of discount codes: rules, codes, their uses and notices."""

from discounts.admin import codes, rules, uses

__all__ = ["codes", "rules", "uses"]
