"""The admin's pages of promotions, each kind in a file of its own."""

from promotions.admin import pricing, promotions

__all__ = ["pricing", "promotions"]
