"""Admin pages of promotions and pricing settings."""

from promotions.admin import pricing, promotions

__all__ = ["pricing", "promotions"]
