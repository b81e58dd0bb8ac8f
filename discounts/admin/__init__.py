"""Admin pages of discount codes and their rules."""

from discounts.admin import codes, rules

__all__ = ["codes", "rules"]
