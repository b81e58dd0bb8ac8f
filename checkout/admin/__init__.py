"""Admin pages of checkout: redemptions, price explanations, the cart simulator and backtests."""

from checkout.admin import backtests, redemptions

__all__ = ["backtests", "redemptions"]
