"""The admin's pages of checkout: redemptions and why they cost what they cost, a cart to try, and backtests."""

from checkout.admin import backtests, redemptions

__all__ = ["backtests", "redemptions"]
