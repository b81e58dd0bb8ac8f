"""The admin's pages of coupons and their reports."""

from coupons.admin import coupons

__all__ = ["coupons"]
