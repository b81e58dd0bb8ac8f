"""The admin's pages of campaigns and of those who won."""

from vouchers.admin import campaigns, winners

__all__ = ["campaigns", "winners"]
