"""Admin pages of campaigns and vouchers."""

from vouchers.admin import campaigns, vouchers

__all__ = ["campaigns", "vouchers"]
