"""The admin's pages of campaigns and of those who won."""

from vouchers.admin import campaigns, vouchers

__all__ = ["campaigns", "vouchers"]
