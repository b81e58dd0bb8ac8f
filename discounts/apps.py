from django.apps import AppConfig


class DiscountsConfig(AppConfig):
    """Percentage discount codes of brands, which each customer can redeem once."""

    name = "discounts"
    default_auto_field = "django.db.models.BigAutoField"
