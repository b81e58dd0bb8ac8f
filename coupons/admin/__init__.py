"""Admin pages of coupons, their codes, redemptions and reports."""

from coupons.admin import coupons, redemptions

__all__ = ["coupons", "redemptions"]
