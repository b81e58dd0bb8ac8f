"""Admin pages of coupons, their codes and reports."""

from coupons.admin import coupons

__all__ = ["coupons"]
