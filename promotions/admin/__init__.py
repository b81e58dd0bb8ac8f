"""Admin pages of promotions, pricing settings and attributes."""

from promotions.admin import attributes, pricing, promotions

__all__ = ["attributes", "pricing", "promotions"]
