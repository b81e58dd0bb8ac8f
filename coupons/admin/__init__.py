"""The admin's pages of coupons and their reports."""

from coupons.admin import coupons, redemptions

__all__ = ["coupons", "redemptions"]
